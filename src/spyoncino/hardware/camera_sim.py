"""The simulated camera: a drawn front door where somebody comes and rings."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import SourceEndedError, SourceError
from spyoncino.hardware.counter import MIN_HEIGHT_PX, MIN_WIDTH_PX, draw_counter
from spyoncino.hardware.front_door import FrontDoor, Script
from spyoncino.hardware.pacing import Pacer
from spyoncino.hardware.source_types import (
    Option,
    PressCue,
    RawPicture,
    SourceFormat,
    SourceItem,
    SourceSpec,
)

MAX_FPS = 60.0

COUNTERS = ("", "pts", "wall")
"""What the counter shows: nothing; the picture's own time, which repeats in every run; or the wall
clock when the picture was finished, which a viewer on the same machine compares with its own."""

_SCRIPT = Script()


@dataclass(frozen=True, slots=True)
class SimOptions:
    """Options of a ``sim`` source.

    Args:
        width: Even width of the pictures in pixels, at least 64.
        height: Even height of the pictures in pixels, at least 64.
        fps: Pictures a second, above 0 up to 60.
        seed: What everything random is drawn from; equal seeds give equal pictures.
        duration_s: Length until the source is over; 0 for endless.
        doorbell: Id of the doorbell that the visitor presses.
        period_s: Length of a round, after which everything begins again.
        visitor_at_s: When in a round the visitor appears; negative for never.
        press_at_s: When in a round the bell is pressed; negative for never.
        cat_at_s: When in a round the cat crosses; negative for never.
        counter: One of ``COUNTERS``; milliseconds as blocks in the corner, see ``counter``.
    """

    width: int = 1280
    height: int = 720
    fps: float = 15.0
    seed: int = 1
    duration_s: float = 0.0
    doorbell: str = "door"
    period_s: float = _SCRIPT.period_s
    visitor_at_s: float = _SCRIPT.visitor_at_s
    press_at_s: float = _SCRIPT.press_at_s
    cat_at_s: float = _SCRIPT.cat_at_s
    counter: str = ""

    @classmethod
    def of(cls, options: dict[str, Option]) -> "SimOptions":
        """Options from plain values.

        Raises:
            SourceError: One is unknown, of the wrong type or out of range.
        """
        known = {f.name: type(f.default) for f in fields(cls)}
        given: dict[str, Option] = {}
        for name, value in options.items():
            if name not in known:
                raise SourceError(
                    f"The simulator has no option {name}; it has {', '.join(sorted(known))}."
                )
            given[name] = _converted(name, value, known[name])
        built = cls(**given)  # type: ignore[arg-type]  # each was converted to its field's type
        if not 0 < built.fps <= MAX_FPS:
            raise SourceError(f"The simulator's fps must be above 0 up to 60, not {built.fps}.")
        if built.counter not in COUNTERS:
            raise SourceError(
                f"The simulator's counter is pts, wall or empty, not {built.counter!r}."
            )
        if built.counter and (built.width < MIN_WIDTH_PX or built.height < MIN_HEIGHT_PX):
            raise SourceError(
                f"The simulator's counter needs pictures from {MIN_WIDTH_PX}x{MIN_HEIGHT_PX} on, "
                f"not {built.width}x{built.height}."
            )
        return built


class SimCamera:
    """Draws pictures one after the other, with a cue whenever the visitor presses the bell.

    Args:
        spec: ``realtime`` and ``options`` are used.
        pacer: What waits between pictures; made from ``spec.realtime`` when not given.
        wall_s: Seconds since 1970, for the counter alone.

    Raises:
        SourceError: An option is wrong.
    """

    def __init__(
        self,
        spec: SourceSpec,
        pacer: Pacer | None = None,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._wall_s = wall_s
        self._options = SimOptions.of(spec.options)
        self._script = Script(
            period_s=self._options.period_s,
            visitor_at_s=self._options.visitor_at_s,
            press_at_s=self._options.press_at_s,
            cat_at_s=self._options.cat_at_s,
        )
        self._pacer = pacer or Pacer(is_realtime=spec.realtime)
        self._door: FrontDoor | None = None
        self._next_index = 0
        self._cues: deque[PressCue] = deque()

    def open(self) -> SourceFormat:
        """Prepare the scene, which takes about half a second.

        Raises:
            SourceError: The size cannot be drawn, or the demo pictures are missing.
        """
        options = self._options
        self._door = FrontDoor(options.width, options.height, options.seed, self._script)
        self._next_index = 0
        self._cues.clear()
        return SourceFormat(
            video=None,
            width_px=options.width,
            height_px=options.height,
            fps=options.fps,
            audio=None,
        )

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        """The next cue or picture, when it is due; see ``Source.read``."""
        if self._door is None:
            raise SourceError("The simulator is not open.")
        if self._cues:
            return self._cues.popleft()
        pts_s = self._next_index / self._options.fps
        if 0 < self._options.duration_s <= pts_s:
            raise SourceEndedError("The simulator's duration is over.")
        if not self._pacer.wait_until(pts_s, timeout_s):
            return None
        before_s = (self._next_index - 1) / self._options.fps
        self._next_index += 1
        for press_s in self._script.presses_between(before_s, pts_s):
            self._cues.append(PressCue(self._options.doorbell, press_s))
        return RawPicture(self._counted(self._door.draw(pts_s), pts_s), pts_s)

    def _counted(self, i420: NDArray[np.uint8], pts_s: float) -> NDArray[np.uint8]:
        """The picture with the counter, written last: what it says is when it is handed out."""
        if self._options.counter:
            shown_s = pts_s if self._options.counter == "pts" else self._wall_s()
            draw_counter(i420[: self._options.height], round(shown_s * 1000))
        return i420

    def close(self) -> None:
        """Let go of the scene."""
        self._door = None
        self._cues.clear()


def _converted(name: str, value: Option, wanted: type) -> Option:
    """A number as the number type that is wanted; anything else only if it fits already."""
    if isinstance(value, bool) or (wanted is str) != isinstance(value, str):
        raise SourceError(f"The simulator's option {name} must be a {wanted.__name__}: {value!r}.")
    if wanted is int and value != int(value):
        raise SourceError(f"The simulator's option {name} must be a whole number: {value!r}.")
    converted: Option = wanted(value)
    return converted
