"""What an overload leaves of continuous work; see ``status.load``. Presses are not its matter."""

from spyoncino.schemas.status import LoadStage, LoadStatus

SPARING_EVERY_S = 0.5
"""Seconds of camera time between two looks of a camera while fewer frames are analysed."""


class LoadShare:
    """Keeps to the announced stage for one module.

    Attributes:
        shed: Frames left out so far.
    """

    def __init__(self) -> None:
        self._stage = LoadStage.NORMAL
        self._looked_s: dict[str, float] = {}
        self.shed = 0

    def take(self, status: LoadStatus) -> None:
        """Keep to another stage from now on."""
        self._stage = status.stage

    def why_not(self, camera: str, pts_s: float) -> str:
        """Why a frame that is worth a look gets none; empty when it gets one.

        Args:
            camera: Its camera.
            pts_s: Its camera time; when it falls, the camera began again.
        """
        last_s = self._looked_s.get(camera, float("-inf"))
        is_too_soon = 0 <= pts_s - last_s < SPARING_EVERY_S
        if self._stage is LoadStage.NO_CONTINUOUS:
            self.shed += 1
            return "the machine is overloaded: only presses are looked at"
        if self._stage is not LoadStage.NORMAL and is_too_soon:
            self.shed += 1
            return "the machine is overloaded: fewer frames are looked at"
        self._looked_s[camera] = pts_s
        return ""

    def regions(self, wanted: int) -> int:
        """How many closer looks a frame may have."""
        return wanted if self._stage in (LoadStage.NORMAL, LoadStage.FEWER_FRAMES) else 0
