"""When a frame is worth an object detector's time: motion decides, and periodic looks back it up.

The rule depends on the frames and presses alone, never on what a detector found or on how fast it
was, so that a file gives the same looks on every machine.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class AttentionSpec:
    """How often to look; all times are camera time.

    Args:
        keep_looking_s: Every analysed frame is looked at for this long after the last motion.
        active_s: For this long after the last motion somebody may stand still in view.
        active_every_s: How often to look in that time.
        idle_every_s: How often to look when nothing has moved for longer.
    """

    keep_looking_s: float = 1.0
    active_s: float = 30.0
    active_every_s: float = 1.0
    idle_every_s: float = 10.0


class Reason(StrEnum):
    """Why a frame is looked at, or not."""

    NO_DETECTOR = "no motion detector runs, so every frame is looked at"
    MOTION = "something moves"
    PRESS = "the doorbell was pressed"
    RECENT = "something moved a moment ago"
    PERIODIC = "the last look at the whole picture is long enough ago"
    QUIET = "nothing moved since the last look"


@dataclass(frozen=True, slots=True)
class Attention:
    """The answer for one frame.

    Args:
        looks: Whether to look.
        reason: Why.
        since_s: Seconds since the last look; infinite before the first.
        every_s: After how many seconds a look is due, whatever moves.
    """

    looks: bool
    reason: Reason
    since_s: float
    every_s: float


class AttentionGate:
    """The looks of one camera; frames must come in order.

    Args:
        spec: How often to look.
    """

    JUMP_BACK_S = 1.0
    """Camera time that falls by more than this means that the source began again."""

    TIME_TOLERANCE_S = 1e-6
    """Differences of two times in seconds are not exact in binary."""

    def __init__(self, spec: AttentionSpec) -> None:
        self._spec = spec
        self._forget()

    def _forget(self) -> None:
        self._last_pts_s = float("-inf")
        self._last_motion_s = float("-inf")
        self._last_look_s = float("-inf")
        self._press_until_s = float("-inf")

    def adopt(self, spec: AttentionSpec) -> None:
        """Look as often as this from now on; what was seen stays known."""
        self._spec = spec

    def press(self, until_s: float) -> None:
        """The bell was pressed: look at every frame until then."""
        self._press_until_s = max(self._press_until_s, until_s)

    def decide(self, pts_s: float, *, is_moving: bool | None) -> Attention:
        """Whether to look at the frame of this time.

        Args:
            pts_s: Its camera time.
            is_moving: Whether motion was measured in it; ``None`` where nobody measures.
        """
        if pts_s < self._last_pts_s - self.JUMP_BACK_S:
            self._forget()
        self._last_pts_s = pts_s
        if is_moving:
            self._last_motion_s = pts_s
        quiet_s = pts_s - self._last_motion_s
        since_s = pts_s - self._last_look_s
        is_active = quiet_s <= self._spec.active_s
        every_s = self._spec.active_every_s if is_active else self._spec.idle_every_s
        reason = self._reason(pts_s, is_moving, quiet_s, since_s, every_s)
        looks = reason is not Reason.QUIET
        if looks:
            self._last_look_s = pts_s
        return Attention(looks, reason, since_s, every_s)

    def _reason(
        self, pts_s: float, is_moving: bool | None, quiet_s: float, since_s: float, every_s: float
    ) -> Reason:
        if is_moving is None:
            return Reason.NO_DETECTOR
        if is_moving:
            return Reason.MOTION
        if pts_s <= self._press_until_s:
            return Reason.PRESS
        if quiet_s <= self._spec.keep_looking_s:
            return Reason.RECENT
        if since_s >= every_s - self.TIME_TOLERANCE_S:
            return Reason.PERIODIC
        return Reason.QUIET
