"""Looks at the whole of a published picture now and then, and tells main the numbers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.picture_look import PictureLooker
from spyoncino.runtime.capture.messages import PictureLooked


class PictureLooking:
    """One source's looks, evenly spaced.

    Args:
        every_s: Seconds of camera time between two looks, more than 0.
        tell: Sends a message to main.
    """

    def __init__(self, every_s: float, tell: Callable[[PictureLooked], None]) -> None:
        self._every_s = every_s
        self._tell = tell
        self._looker = PictureLooker()
        self._last_s: float | None = None

    def see(self, i420: NDArray[np.uint8], pts_s: float, utc_epoch_s: float) -> None:
        """Look at a picture if it is time; a jump back in time begins anew.

        Args:
            i420: uint8 ``(height * 3 // 2, width)``.
            pts_s: Its camera time.
            utc_epoch_s: Its wall time, in seconds since 1970.
        """
        if self._last_s is not None and 0 <= pts_s - self._last_s < self._every_s:
            return
        self._last_s = pts_s
        self._tell(PictureLooked(self._looker.look(i420), pts_s, utc_epoch_s))
