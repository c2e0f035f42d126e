"""The pace of a live camera, for sources that could be read faster."""

import time
from collections.abc import Callable

MAX_LAG_S = 2.0
"""A reader that is further behind has lost that time for good, as with a real camera."""


class Pacer:
    """Tells how long to wait until a moment of the source is due.

    Args:
        is_realtime: Otherwise everything is due at once.
        now_s: Monotonic seconds.
        sleep: Waits the given seconds.
    """

    def __init__(
        self,
        *,
        is_realtime: bool,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._is_realtime = is_realtime
        self._now_s = now_s
        self._sleep = sleep
        self._zero_s: float | None = None

    def wait_until(self, source_s: float, timeout_s: float | None = None) -> bool:
        """Wait until a moment of the source is due.

        Args:
            source_s: The moment, on the source's own scale.
            timeout_s: Longest wait; ``None`` for as long as it takes.

        Returns:
            Whether it is due now; never ``False`` without a timeout.
        """
        if not self._is_realtime:
            return True
        now_s = self._now_s()
        if self._zero_s is None or now_s - self._zero_s - source_s > MAX_LAG_S:
            self._zero_s = now_s - source_s
        wait_s = self._zero_s + source_s - now_s
        if wait_s <= 0:
            return True
        if timeout_s is not None and wait_s > timeout_s:
            self._sleep(timeout_s)
            return False
        self._sleep(wait_s)
        return True
