"""Who in main still needs which picture: a slot is free again when its last lease ends."""

from spyoncino.errors import StaleFrameError, UsageError
from spyoncino.runtime.frame_ring import RingStates, SlotRef


class LeaseBook:
    """Counts the leases of every picture of every ring; used from the event loop alone.

    A capture process announces a picture already held; ``adopt`` takes over that hold as the first
    lease. Every lease ends with exactly one ``release``.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int, int], int] = {}
        self._rings: dict[str, RingStates] = {}
        self._retired: set[str] = set()

    @property
    def outstanding(self) -> int:
        """Pictures that somebody holds."""
        return len(self._counts)

    def outstanding_of(self, ring: str) -> int:
        """Pictures of one ring that somebody holds."""
        return sum(key[0] == ring for key in self._counts)

    def open_ring(self, ring: str) -> None:
        """Make a ring's slots known, before its first picture is adopted.

        Raises:
            StaleFrameError: The ring is gone already.
        """
        if ring not in self._rings:
            self._rings[ring] = RingStates(ring)

    def adopt(self, ref: SlotRef) -> None:
        """Take over the hold of the capture process on a picture it just announced.

        Raises:
            UsageError: It was adopted already.
            StaleFrameError: Its ring is gone.
        """
        key = _key(ref)
        if key in self._counts:
            raise UsageError(f"Slot {ref.slot} of {ref.ring} was adopted twice.")
        self.open_ring(ref.ring)
        self._counts[key] = 1

    def hold(self, ref: SlotRef) -> None:
        """Add a lease to a picture that is held.

        Raises:
            StaleFrameError: Nobody holds it any more, so it may be overwritten at any moment.
        """
        key = _key(ref)
        if key not in self._counts:
            raise StaleFrameError(f"Slot {ref.slot} of {ref.ring} is no longer held by anybody.")
        self._counts[key] += 1

    def release(self, ref: SlotRef) -> None:
        """End a lease; the last one frees the slot.

        Raises:
            UsageError: It was released more often than held.
        """
        key = _key(ref)
        count = self._counts.get(key)
        if count is None:
            raise UsageError(f"Slot {ref.slot} of {ref.ring} was released more often than held.")
        if count > 1:
            self._counts[key] = count - 1
            return
        del self._counts[key]
        self._rings[ref.ring].free(ref.slot)
        self._close_retired(ref.ring)

    def retire(self, ring: str) -> None:
        """Forget a ring whose writer is gone, as soon as its last lease ends."""
        if ring in self._rings:
            self._retired.add(ring)
            self._close_retired(ring)

    def close(self) -> None:
        """Forget everything, with leases or without."""
        for states in self._rings.values():
            states.close()
        self._rings.clear()
        self._retired.clear()
        self._counts.clear()

    def _close_retired(self, ring: str) -> None:
        if ring in self._retired and not self.outstanding_of(ring):
            self._retired.discard(ring)
            self._rings.pop(ring).close()


def _key(ref: SlotRef) -> tuple[str, int, int]:
    return ref.ring, ref.slot, ref.generation
