"""Shared memory for full-size pictures: taken with the first, larger when the source grows."""

from pathlib import Path

from spyoncino.runtime.frame_ring import FrameRing


class FullSizeRing:
    """A frame ring that is made when it is needed; for one thread.

    Args:
        folder: The run's folder in shared memory.
        name: Prefix of the ring files.
        slots: Pictures that may be held at once.
    """

    def __init__(self, folder: Path, name: str, slots: int) -> None:
        self._folder = folder
        self._name = name
        self._slots = slots
        self._ring: FrameRing | None = None
        self._rings_made = 0

    def for_bytes(self, size_bytes: int) -> FrameRing:
        """The ring; a larger one when the source has grown."""
        if self._ring is None or size_bytes > self._ring.slot_bytes:
            self.close()
            name = f"{self._name}{self._rings_made}"
            self._ring = FrameRing.create(self._folder, name, self._slots, size_bytes)
            self._rings_made += 1
        return self._ring

    def close(self) -> None:
        """Give the memory back; harmless when there is none."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None
