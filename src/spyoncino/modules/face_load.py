"""What an overload leaves of continuous looks at faces: they are the first to go."""

from spyoncino.modules.load_share import LoadShare
from spyoncino.schemas.status import LoadStage, LoadStatus


class FaceLoad:
    """Keeps to the announced stage for looks at faces. Presses are not its matter."""

    def __init__(self) -> None:
        self._share = LoadShare()
        self._stage = LoadStage.NORMAL
        self._shed = 0

    @property
    def shed(self) -> int:
        """Looks left out so far."""
        return self._shed + self._share.shed

    def take(self, status: LoadStatus) -> None:
        """Keep to another stage from now on."""
        self._stage = status.stage
        self._share.take(status)

    def why_not(self, camera: str, pts_s: float, *, is_known: bool) -> str:
        """Why a look that is due is not made; empty when it is.

        Args:
            camera: Its camera.
            pts_s: Its camera time.
            is_known: Enough good faces of everybody in it are known.
        """
        if self._stage is LoadStage.NORMAL:
            return ""
        if is_known:
            self._shed += 1
            return "the machine is overloaded: who is known well enough is not looked at again"
        if self._stage is LoadStage.FEWER_REGIONS:
            self._shed += 1
            return "the machine is overloaded: only faces after a press are looked at"
        return self._share.why_not(camera, pts_s)
