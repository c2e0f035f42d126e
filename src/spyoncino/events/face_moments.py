"""When a person is worth a look at the face: often until enough good faces are known, then rarely.

The rule depends on the tracks and on what was found in their faces alone, in camera time.
"""

from dataclasses import dataclass
from enum import StrEnum

from spyoncino.geometry.faces import FaceQuality

PATIENCE = 4
"""Looks in a row without a face until a track, which turns its back, is looked at half as often."""

JUMP_BACK_S = 1.0
"""Camera time that falls by more than this means that the source began again."""

_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class MomentSpec:
    """How often to look at a person's face; all times are camera time.

    Args:
        min_person_px: A person narrower than this in the full-size picture is not looked at.
        every_s: Seconds between two looks at a track until enough good faces of it are known.
        settled_every_s: Seconds between two looks after that.
        enough_faces: So many good faces are enough.
        good_quality: A face of this quality (0..1) is good, if it is large enough.
        good_size_px: A face of this width in pixels is large enough to be told for certain.
        growth: A person whose box grew by this factor since the last look is looked at anew.
    """

    min_person_px: int = 48
    every_s: float = 0.5
    settled_every_s: float = 5.0
    enough_faces: int = 3
    good_quality: float = 0.5
    good_size_px: float = 40.0
    growth: float = 1.25


class Reason(StrEnum):
    """Why a track's face is looked at, or not."""

    NEW = "its face was not looked for yet"
    GROWN = "it came nearer"
    DUE = "the last look at its face is long enough ago"
    SMALL = "it is too small for a face that could be told"
    SOON = "its face was looked for a moment ago"
    SETTLED = "enough good faces of it are known"
    TURNED = "no face was found in the last looks"


@dataclass(frozen=True, slots=True)
class Moment:
    """The answer for one track in one frame.

    Args:
        looks: Whether to look.
        reason: Why.
        quantity: Name and unit of what was compared.
        value: What was compared.
        limit: What it was compared with.
    """

    looks: bool
    reason: Reason
    quantity: str
    value: float
    limit: float


@dataclass(slots=True)
class _Known:
    looked_s: float = float("-inf")
    looked_px: float = 0.0
    misses: int = 0
    good_count: int = 0


class FaceMoments:
    """The looks at the tracks of one camera.

    Args:
        spec: How often to look.
    """

    def __init__(self, spec: MomentSpec) -> None:
        self._spec = spec
        self._known: dict[int, _Known] = {}

    def adopt(self, spec: MomentSpec) -> None:
        """Look as often as this from now on; what was found stays known."""
        self._spec = spec

    def decide(self, track_id: int, pts_s: float, width_px: float) -> Moment:
        """Whether to look at the face of a person now; asking is not looking.

        Args:
            track_id: Whose.
            pts_s: Camera time.
            width_px: Width of the person in the full-size picture.
        """
        spec = self._spec
        if width_px < spec.min_person_px:
            return Moment(
                False, Reason.SMALL, "width of the person in pixels", width_px, spec.min_person_px
            )
        known = self._known.get(track_id)
        quantity = "seconds since the last look"
        if known is None or known.looked_s - pts_s > JUMP_BACK_S:
            return Moment(True, Reason.NEW, "", 0.0, 0.0)
        since_s = pts_s - known.looked_s
        has_grown = width_px >= spec.growth * known.looked_px
        every_s, why_not = spec.every_s, Reason.SOON
        if known.good_count >= spec.enough_faces and not has_grown:
            every_s, why_not = spec.settled_every_s, Reason.SETTLED
        elif known.misses >= PATIENCE and not has_grown:
            every_s, why_not = 2 * spec.every_s, Reason.TURNED
        if since_s < every_s - _TOLERANCE_S:
            return Moment(False, why_not, quantity, since_s, every_s)
        return Moment(True, Reason.GROWN if has_grown else Reason.DUE, quantity, since_s, every_s)

    def is_settled(self, track_id: int) -> bool:
        """Whether enough good faces of a track are known."""
        known = self._known.get(track_id)
        return known is not None and known.good_count >= self._spec.enough_faces

    def begin(self, track_id: int, pts_s: float, width_px: float) -> None:
        """A look at a track begins."""
        known = self._known.setdefault(track_id, _Known())
        has_begun_again = known.looked_s - pts_s > JUMP_BACK_S
        known.looked_s = pts_s if has_begun_again else max(known.looked_s, pts_s)
        known.looked_px = width_px

    def end(self, track_id: int, quality: FaceQuality | None) -> None:
        """A look found a face of this quality in a track's box, or none."""
        known = self._known.get(track_id)
        if known is None:  # it ended meanwhile
            return
        if quality is None:
            known.misses += 1
            return
        known.misses = 0
        is_good = quality.score >= self._spec.good_quality
        known.good_count += is_good and quality.size_px >= self._spec.good_size_px

    def forget(self, track_id: int) -> None:
        """The track has ended."""
        self._known.pop(track_id, None)

    def clear(self) -> None:
        """Every track has ended: the stream is over or began again."""
        self._known.clear()
