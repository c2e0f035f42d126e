"""What a camera is known to show, learned slowly, and what it shows now if that is new."""

import base64
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from spyoncino.detectors.picture_facts import SKETCH_SHAPE, PictureFacts
from spyoncino.detectors.picture_views import VIEWS_PER_LIGHT, Match, Sketch, View, match, sketch_of

LEARN_S: Final = 600.0
"""Time constant of a view's running averages: slower than a visit, faster than dusk."""

FINE: Final = 0.35
"""Agreement from which on a picture is of this view: people who walk up to a camera leave 0.38 of
it in the worst pair of pictures, unrelated scenes have 0.13 at most (docs/design/tamper.md)."""

SURE: Final = 0.5
"""Agreement from which on a view learns from the picture."""

CERTAIN: Final = 0.7
"""Agreement from which on no other view is asked."""

MIN_STRUCTURE: Final = 0.03
"""Share of cells with edges below which a picture is flat, and no view is made of it."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a picture compares with what is known.

    Args:
        view: The known view it is most like; ``None`` where nothing is known.
        match: How its blocks compare.
    """

    view: View | None
    match: Match

    @property
    def share(self) -> float:
        """Agreement, 0..1."""
        return self.match.alike


class PictureMemory:
    """The views of one camera, and one candidate that may become one."""

    def __init__(self) -> None:
        self.views: list[View] = []
        self._candidate: View | None = None

    def knows(self, *, is_grey: bool) -> bool:
        """Whether a view of this light is known."""
        return any(view.is_grey == is_grey for view in self.views)

    def like(self, facts: PictureFacts) -> Likeness:
        """The known view that a picture is most like, of whatever light.

        The newest are asked first, and none after one that is certain: usually one alone.
        """
        now, best = sketch_of(facts.sketch), Likeness(None, Match(0.0, 0.0, 0.0))
        for view in sorted(self.views, key=lambda known: -known.last_s):
            if best.share >= CERTAIN:
                break
            found = match(view.sketch, now)
            is_better = found.alike > best.share or (
                found.alike == best.share and view.is_grey == facts.is_grey
            )
            if best.view is None or is_better:
                best = Likeness(view, found)
        return best

    def learn(self, view: View, facts: PictureFacts, step_s: float, now_s: float) -> None:
        """Let a view follow a picture that agrees with it."""
        _follow(view, facts, min(1.0, step_s / LEARN_S), now_s)
        view.seen_s += step_s

    def try_new(self, facts: PictureFacts, step_s: float, now_s: float) -> float:
        """Take a picture that is like no known view; for how many seconds it has been the same.

        Flat pictures are the same as nothing.
        """
        if facts.structure < MIN_STRUCTURE:
            self._candidate = None
            return 0.0
        found, now = self._candidate, sketch_of(facts.sketch)
        if found is None or found.is_grey != facts.is_grey or match(found.sketch, now).alike < FINE:
            self._candidate = _view(facts, now, now_s)
            return 0.0
        _follow(found, facts, max(0.05, min(1.0, step_s / LEARN_S)), now_s)
        found.seen_s += step_s
        return found.seen_s

    def forget_new(self) -> None:
        """What was new is over."""
        self._candidate = None

    def accept_new(self) -> None:
        """What is new belongs to what the camera shows; the view not seen for longest may go."""
        new, self._candidate = self._candidate, None
        if new is None:
            return
        same_light = [view for view in self.views if view.is_grey == new.is_grey]
        if len(same_light) >= VIEWS_PER_LIGHT:
            oldest = min(same_light, key=lambda view: view.last_s)
            self.views = [view for view in self.views if view is not oldest]
        self.views.append(new)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values to be kept in a file."""
        return [
            {
                "sketch": base64.b64encode(_cells(view.sketch)).decode(),
                "is_grey": view.is_grey,
                "sharpness_grey": view.sharpness_grey,
                "seen_s": view.seen_s,
                "last_s": view.last_s,
            }
            for view in self.views
        ]

    @classmethod
    def from_json(cls, kept: Any) -> "PictureMemory":
        """The same again.

        Raises:
            ValueError: It is something else.
            TypeError: Likewise.
            KeyError: Likewise.
        """
        memory = cls()
        for each in kept:
            memory.views.append(
                View(
                    sketch=sketch_of(base64.b64decode(each["sketch"])),
                    is_grey=bool(each["is_grey"]),
                    sharpness_grey=float(each["sharpness_grey"]),
                    seen_s=float(each["seen_s"]),
                    last_s=float(each["last_s"]),
                )
            )
        return memory


def _view(facts: PictureFacts, sketch: Sketch, now_s: float) -> View:
    return View(sketch, facts.is_grey, facts.sharpness_grey, seen_s=0.0, last_s=now_s)


def _follow(view: View, facts: PictureFacts, weight: float, now_s: float) -> None:
    view.sketch = view.sketch + weight * (sketch_of(facts.sketch) - view.sketch)
    view.sharpness_grey += weight * (facts.sharpness_grey - view.sharpness_grey)
    view.last_s = now_s


def _cells(sketch: Sketch) -> bytes:
    return np.rint(sketch).astype(np.uint8).reshape(SKETCH_SHAPE).tobytes()
