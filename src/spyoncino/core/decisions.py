"""The last decisions of every stage, in memory, so that «why was I not alerted?» has an answer.

It only remembers: who wants rows in a database asks ``of`` and writes them.
"""

from collections import deque
from collections.abc import Collection

from spyoncino.schemas.decisions import Decision

MERGE_GAP_S = 10.0
"""Equal decisions further apart are two: still things are looked at again every 10 s, so a longer
silence means that something else happened in between, or nothing was there."""


class _Entry:
    """One decision that may still grow; becomes a ``Decision`` only when somebody asks."""

    __slots__ = (
        "camera",
        "count",
        "event_ref",
        "first_s",
        "last_s",
        "limit",
        "passed",
        "peak",
        "quantity",
        "reason",
        "stage",
        "subject",
        "value",
    )

    def __init__(
        self,
        stage: str,
        camera: str,
        subject: str,
        passed: bool,
        reason: str,
        quantity: str,
        event_ref: str | None,
        at_s: float,
    ) -> None:
        self.stage = stage
        self.camera = camera
        self.subject = subject
        self.passed = passed
        self.reason = reason
        self.first_s = self.last_s = at_s
        self.count = 1
        self.quantity = quantity
        self.event_ref = event_ref
        self.value: float | None = None
        self.limit: float | None = None
        self.peak: float | None = None

    def as_decision(self) -> Decision:
        return Decision(
            stage=self.stage,
            camera=self.camera,
            subject=self.subject,
            passed=self.passed,
            reason=self.reason,
            quantity=self.quantity,
            value=self.value,
            limit=self.limit,
            peak=self.peak,
            first_s=self.first_s,
            last_s=self.last_s,
            count=self.count,
            event_ref=self.event_ref,
        )


class DecisionLog:
    """A bounded ring of decisions; the oldest give way.

    Args:
        capacity: Decisions kept, at least 1; one takes about 350 bytes.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        if capacity < 1:
            raise ValueError(f"a decision log needs a capacity of at least 1, not {capacity}")
        self._capacity = capacity
        self._entries: deque[_Entry] = deque()
        self._latest: dict[tuple[str, str, str], _Entry] = {}
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def dropped(self) -> int:
        """Decisions that gave way to newer ones so far."""
        return self._dropped

    def record(  # noqa: PLR0913 - one argument for each fact of a decision, most by name
        self,
        stage: str,
        camera: str,
        subject: str,
        passed: bool,
        reason: str,
        *,
        quantity: str = "",
        value: float | None = None,
        limit: float | None = None,
        at_s: float,
        event_ref: str | None = None,
    ) -> None:
        """Remember one decision, or let the same one before it grow.

        It grows when the last decision of this stage about this subject had the same outcome,
        reason, quantity and event, at most ``MERGE_GAP_S`` of camera time ago.

        Args:
            stage: The module that decides, for example ``process.tracker``.
            camera: Camera id.
            subject: What it is about, for example ``frame`` or ``track 3``.
            passed: Whether it may go on.
            reason: Plain words, always the same for the same reason; numbers go into ``value``.
            quantity: Name and unit of what was compared.
            value: What was compared.
            limit: What it was compared with.
            at_s: Camera time in seconds.
            event_ref: The event it belongs to, when there is one.
        """
        key = (stage, camera, subject)
        entry = self._latest.get(key)
        if (
            entry is not None
            and entry.passed == passed
            and entry.reason == reason
            and entry.quantity == quantity
            and entry.event_ref == event_ref
            and 0 <= at_s - entry.last_s <= MERGE_GAP_S
        ):
            entry.last_s = at_s
            entry.count += 1
        else:
            entry = _Entry(stage, camera, subject, passed, reason, quantity, event_ref, at_s)
            self._append(key, entry)
        if value is not None:
            entry.value = value
            if entry.peak is None or value > entry.peak:
                entry.peak = value
        if limit is not None:
            entry.limit = limit

    def of(
        self,
        camera: str,
        from_s: float,
        to_s: float,
        *,
        subjects: Collection[str] | None = None,
        event_ref: str | None = None,
    ) -> list[Decision]:
        """The decisions about a stretch of camera time, in the order they were first made.

        Args:
            camera: Camera id.
            from_s: Begin of the stretch, in camera time.
            to_s: Its end; decisions that only touch the stretch are included.
            subjects: Only decisions about these; ``None`` for all.
            event_ref: Only decisions that belong to this event; ``None`` for all.
        """
        return [
            entry.as_decision()
            for entry in self._entries
            if entry.camera == camera
            and entry.last_s >= from_s
            and entry.first_s <= to_s
            and (subjects is None or entry.subject in subjects)
            and (event_ref is None or entry.event_ref == event_ref)
        ]

    def _append(self, key: tuple[str, str, str], entry: _Entry) -> None:
        if len(self._entries) >= self._capacity:
            oldest = self._entries.popleft()
            self._dropped += 1
            oldest_key = (oldest.stage, oldest.camera, oldest.subject)
            if self._latest.get(oldest_key) is oldest:
                del self._latest[oldest_key]
        self._entries.append(entry)
        self._latest[key] = entry
