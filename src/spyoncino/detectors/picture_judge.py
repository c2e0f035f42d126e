"""Decides from looks whether a camera is covered, moved, frozen or dark.

What nobody would call tampering must not be told: night, infrared, fog, a van, headlights. So each
look only adds to the evidence for one fault, at a rate that says how sure it is; what goes slowly,
or is not known of this hour, needs hours; and a fault is over only when the picture is fine again.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from spyoncino.detectors.picture_facts import PictureFacts
from spyoncino.detectors.picture_hours import UsableHours
from spyoncino.detectors.picture_memory import FINE, MIN_STRUCTURE, SURE, Likeness, PictureMemory
from spyoncino.detectors.picture_views import View, found_elsewhere, match, sketch_of

MAX_STEP_S: Final = 15.0
"""A look stands for at most so long: after a pause nothing is known of the time between."""

FIRST_VIEW_S: Final = 120.0
"""The first view of a light is learned from pictures that were the same for so long."""

NEW_VIEW_S: Final = 600.0
"""Likewise a further one, unless it is as if the camera had been turned."""

OTHER: Final = 0.5
"""Share of the blocks that must show other edges than they did before a camera was moved: 0.5 to 1
where it was; else 0.38 at most in half of the looks, and 0.44 where less than ``FINE`` is left of
the view (docs/design/tamper.md)."""

LOST_SHARPNESS: Final = 0.2
"""Share of the usual sharpness below which a picture has lost it: 0.02 to 0.13 is left behind a
hand, a cloth and paint, 0.32 and more against the sun, by infrared, in rain and behind a van."""

LOST_EVERYWHERE: Final = 0.8
"""Share of the blocks that must have faded: a van before the door leaves more than a fifth."""

KEPT_SHARPNESS: Final = 0.6
SUDDEN_S: Final = 20.0
"""A loss from more than this share of the usual sharpness within this time was sudden: hands and
paint are, fog and dusk are not."""

BLACK_GREY: Final = 26.0
BLACK_CONTRAST: Final = 8.0
"""Mean and deviation below which a picture is black; video black is 16."""

DIM_GREY: Final = 60.0
"""A picture that lost its structure and is darker than this may just have lost its lamp."""

SAME: Final = 0.98
"""Share of the tiles with content that must be byte for byte the same."""

ALIVE: Final = 0.5
ALIVE_S: Final = 60.0
"""A camera whose sensor made this share of the tiles differ for so long can freeze; a test pattern,
which never did, cannot."""

USUAL_FACTOR: Final = 3.0
"""A picture must stay the same so many times as long as it ever did: some cameras send nothing
where nothing happens."""

FADE: Final = 2.0
"""Seconds of evidence that one second of a fine picture takes away; a doubtful one takes none."""

CLEAR_S: Final = 30.0
"""Fine for so long, and a fault is over."""

UNSURE_MOVED: Final = 0.1
"""Confidence that a camera was moved when its old view is nowhere in the new one."""


class PictureFault(StrEnum):
    """What is wrong with a camera's picture."""

    COVERED = "covered"
    MOVED = "moved"
    FROZEN = "frozen"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """After how many seconds each fault is told; see ``PictureSettings``."""

    covered_after_s: float = 120.0
    moved_after_s: float = 180.0
    frozen_after_s: float = 300.0
    dark_after_s: float = 600.0
    slow_after_s: float = 86400.0
    accept_after_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What one look suggests.

    Args:
        fault: What it would be.
        after_s: Seconds of full evidence that it needs.
        confidence: How much evidence a second of it is, 0..1.
        why: A part of a sentence.
    """

    fault: PictureFault
    after_s: float
    confidence: float
    why: str


class PictureJudge:
    """One camera's judgement; pure, it knows only the looks that it is given.

    Args:
        spec: How patient to be.
    """

    def __init__(self, spec: JudgeSpec) -> None:
        self.spec = spec
        self.fault: PictureFault | None = None
        self.why = ""
        self.suspicion: Suspicion | None = None
        self.memory = PictureMemory()
        self.hours = UsableHours()
        self.agreement = 0.0
        self._evidence_s: dict[PictureFault, float] = {}
        self._last_s: float | None = None
        self._recent: list[tuple[float, float]] = []
        self._is_sudden: bool | None = None
        self._fine_s = 0.0
        self._alive_s = 0.0
        self._same_s = 0.0
        self._usual_same_s = 0.0

    def take(self, facts: PictureFacts, local: datetime, now_s: float) -> PictureFault | None:
        """Judge one look; the fault that is certain now, if any.

        Args:
            facts: What was measured.
            local: Local time.
            now_s: Monotonic time.
        """
        step_s = 0.0 if self._last_s is None else min(max(0.0, now_s - self._last_s), MAX_STEP_S)
        self._last_s = now_s
        like = self.memory.like(facts)
        self.agreement = like.share
        usual = self._usual(facts, like)
        is_lost = self._is_lost(facts, usual)
        self._note_sharpness(facts, usual, now_s, is_lost=is_lost)
        self._note_same(facts, step_s)
        self.suspicion = self._suspect(facts, like, usual, local, is_lost=is_lost)
        self.hours.note(local, step_s, is_usable=not (is_lost or _is_black(facts)))
        is_fine = self._learn(facts, like, step_s, local.timestamp(), is_lost=is_lost)
        self._weigh(step_s, is_fine=is_fine and self.suspicion is None)
        return self.fault

    # --- what it could be ------------------------------------------------------------------------

    def _suspect(
        self,
        facts: PictureFacts,
        like: Likeness,
        usual: View | None,
        local: datetime,
        *,
        is_lost: bool,
    ) -> Suspicion | None:
        spec = self.spec
        if _is_black(facts):
            is_expected = self.hours.expects_picture(local)
            after_s = spec.dark_after_s if is_expected else spec.slow_after_s
            return Suspicion(PictureFault.DARK, after_s, 1.0, "the picture is black")
        if is_lost and usual is not None:
            return self._covered(facts, local)
        if self._same_s > 0 and self._alive_s >= ALIVE_S:
            after_s = max(spec.frozen_after_s, USUAL_FACTOR * self._usual_same_s)
            return Suspicion(PictureFault.FROZEN, after_s, 1.0, "the same picture again and again")
        if like.view is not None and like.share < FINE and like.match.other >= OTHER:
            return self._moved(facts, like.view)
        return None

    def _covered(self, facts: PictureFacts, local: datetime) -> Suspicion:
        spec = self.spec
        is_new_light = not self.memory.knows(is_grey=facts.is_grey)
        is_doubtful = is_new_light or facts.brightness_grey < DIM_GREY
        is_slow = not self._is_sudden or (is_doubtful and not self.hours.expects_picture(local))
        after_s = spec.slow_after_s if is_slow else spec.covered_after_s
        why = "everything in the picture became indistinct"
        return Suspicion(PictureFault.COVERED, after_s, 1.0, why)

    def _moved(self, facts: PictureFacts, view: View) -> Suspicion | None:
        if not self.memory.knows(is_grey=facts.is_grey):
            return None  # the first night by infrared looks like nothing that was seen before
        shift = found_elsewhere(view.sketch, sketch_of(facts.sketch))
        if shift is None:
            why, confidence = "nothing of what it usually shows is left", UNSURE_MOVED
        else:
            percent = round(100 * max(abs(shift.across), abs(shift.down)))
            why, confidence = f"what it showed is now {percent} % of the picture away", 1.0
        return Suspicion(PictureFault.MOVED, self.spec.moved_after_s, confidence, why)

    # --- what is usual ---------------------------------------------------------------------------

    def _usual(self, facts: PictureFacts, like: Likeness) -> View | None:
        """What to compare with: the view that it is like, else the last one of this light."""
        if like.view is not None and like.share >= FINE and like.view.is_grey == facts.is_grey:
            return like.view
        same = [view for view in self.memory.views if view.is_grey == facts.is_grey]
        if same:
            return max(same, key=lambda view: view.last_s)
        return max(self.memory.views, key=lambda view: view.last_s, default=None)

    def _is_lost(self, facts: PictureFacts, usual: View | None) -> bool:
        if usual is None:
            return False
        if usual.is_grey != facts.is_grey and facts.structure >= MIN_STRUCTURE:
            return False  # a light that was never seen may well show less
        if facts.sharpness_grey >= LOST_SHARPNESS * usual.sharpness_grey:
            return False
        return match(usual.sketch, sketch_of(facts.sketch)).lost >= LOST_EVERYWHERE

    def _note_sharpness(
        self, facts: PictureFacts, usual: View | None, now_s: float, *, is_lost: bool
    ) -> None:
        """Compare with the sharpness of just now itself: fog may have become a view meanwhile."""
        recent = [(at_s, grey) for at_s, grey in self._recent if now_s - at_s <= SUDDEN_S]
        if not is_lost or usual is None:
            self._is_sudden = None
        elif self._is_sudden is None:
            kept_grey = KEPT_SHARPNESS * usual.sharpness_grey
            self._is_sudden = any(grey >= kept_grey for _, grey in recent)
        self._recent = [*recent, (now_s, facts.sharpness_grey)]

    def _note_same(self, facts: PictureFacts, step_s: float) -> None:
        if facts.same is None:
            return
        if facts.same >= SAME:
            self._same_s += step_s
            return
        if self.fault is not PictureFault.FROZEN:
            self._usual_same_s = max(self._usual_same_s, self._same_s)
        self._same_s = 0.0
        if facts.same <= ALIVE:
            self._alive_s += step_s

    def _learn(
        self, facts: PictureFacts, like: Likeness, step_s: float, now_s: float, *, is_lost: bool
    ) -> bool:
        """Follow what is known, or get to know what is new; whether the picture is fine."""
        if is_lost or _is_black(facts):
            return False
        # Who was moved is back when most is in its place, not when a little is.
        is_known = like.share >= (SURE if self.fault is PictureFault.MOVED else FINE)
        if like.view is not None and like.share >= FINE:
            if like.view.is_grey == facts.is_grey:
                self.memory.forget_new()
                if like.share >= SURE and self.suspicion is None:
                    self.memory.learn(like.view, facts, step_s, now_s)
                return is_known
            needed_s = FIRST_VIEW_S  # the same view in another light
        elif not self.memory.knows(is_grey=facts.is_grey) and self.suspicion is None:
            needed_s = FIRST_VIEW_S
        else:
            is_doubtful = self._evidence_s.get(PictureFault.MOVED, 0.0) > 0
            needed_s = self.spec.accept_after_s if is_doubtful else NEW_VIEW_S
        if self.memory.try_new(facts, step_s, now_s) >= needed_s:
            self.memory.accept_new()
        return is_known

    # --- how sure it is --------------------------------------------------------------------------

    def _weigh(self, step_s: float, *, is_fine: bool) -> None:
        now = self.suspicion
        for fault in PictureFault:
            before_s = self._evidence_s.get(fault, 0.0)
            if fault is PictureFault.FROZEN:
                self._evidence_s[fault] = self._same_s  # one picture that differs disproves it
            elif now is not None and now.fault is fault:
                self._evidence_s[fault] = before_s + now.confidence * step_s
            elif is_fine:
                self._evidence_s[fault] = max(0.0, before_s - FADE * step_s)
        self._fine_s = self._fine_s + step_s if is_fine else 0.0
        if self.fault is not None and self._fine_s >= CLEAR_S:
            self.fault, self.why = None, ""
            self._evidence_s.clear()
        elif self.fault is None and now and self._evidence_s[now.fault] >= now.after_s:
            self.fault, self.why = now.fault, now.why

    # --- over restarts ---------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Plain values to be kept in a file."""
        return {
            "views": self.memory.to_json(),
            "hours": self.hours.to_json(),
            "fault": self.fault.value if self.fault else None,
            "why": self.why,
            "usual_same_s": self._usual_same_s,
        }

    @classmethod
    def from_json(cls, spec: JudgeSpec, kept: Any) -> "PictureJudge":
        """The same again; evidence that was not enough yet is gathered anew.

        Raises:
            ValueError: It is something else.
            TypeError: Likewise.
            KeyError: Likewise.
        """
        judge = cls(spec)
        judge.memory = PictureMemory.from_json(kept["views"])
        judge.hours = UsableHours.from_json(kept["hours"])
        judge.fault = PictureFault(kept["fault"]) if kept["fault"] else None
        judge.why = str(kept["why"])
        judge._usual_same_s = float(kept["usual_same_s"])
        return judge


def _is_black(facts: PictureFacts) -> bool:
    return (
        facts.brightness_grey < BLACK_GREY
        and facts.contrast_grey < BLACK_CONTRAST
        and facts.structure < MIN_STRUCTURE
    )
