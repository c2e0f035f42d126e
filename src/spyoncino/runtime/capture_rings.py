"""The shared memory of one camera as main sees it: which rings it has lent, which files remain."""

from pathlib import Path

from spyoncino.runtime.leases import LeaseBook

FRAME_RING_ENDING = "-frames.ring"
"""How the file of a source's frame ring ends; what else it maps begins with the same name."""


class CaptureRings:
    """Follows the rings of a camera's processes and connections, and gives their memory back.

    Args:
        folder: The run's folder in shared memory.
        camera_id: Whose rings they are; the names of their files begin with it.
        leases: Counts who holds which picture; a retired ring closes when the last one is back.
    """

    def __init__(self, folder: Path, camera_id: str, leases: LeaseBook) -> None:
        self._folder = folder
        self._camera_id = camera_id
        self._leases = leases
        self._names: set[str] = set()
        self._frame_ring = ""

    def opened(self, frame_ring: str) -> None:
        """A connection has come about, with this frame ring."""
        self._frame_ring = frame_ring

    def note(self, *rings: str) -> None:
        """Pictures of these rings came."""
        self._names.update(rings)

    def retire(self) -> None:
        """No picture of the rings so far will be asked for again; leases run out."""
        for ring in self._names:
            self._leases.retire(ring)
        self._names.clear()

    def take_lost_connection(self) -> str | None:
        """How the files of the connection that was lost begin; ``None`` where there was none."""
        ring, self._frame_ring = self._frame_ring, ""
        return Path(ring).name.removesuffix(FRAME_RING_ENDING) if ring else None

    def remove(self, prefix: str = "") -> None:
        """Remove the files of dead processes or of one connection; late readers find them stale.

        Args:
            prefix: As ``take_lost_connection`` gave it; all of the camera's when empty.
        """
        for path in self._folder.glob(
            f"{prefix}-*.ring" if prefix else f"{self._camera_id}.*.ring"
        ):
            path.unlink(missing_ok=True)
