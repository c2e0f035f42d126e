"""Tells repeated failures from single ones: each part escalates once, until it has been calm."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from spyoncino.schemas.status import HealthState

WELL = frozenset({HealthState.OK, HealthState.STOPPED})


class Verdict(StrEnum):
    """What a failure, or its absence, means."""

    ESCALATE = "escalate"
    CALM = "calm"


@dataclass(slots=True)
class _Part:
    """What is remembered of one part; ``failures_ns`` holds the latest that count."""

    failures_ns: deque[int] = field(default_factory=deque)
    state: HealthState = HealthState.OK
    ill_since_ns: int | None = None
    restarts: float = 0.0
    is_escalated: bool = False


class EscalationWatch:
    """Counts failures of parts within a window.

    A failure is a part that stops being well, an error that it reports, or a restart. A part that
    is ill for the whole window escalates too: it fails once and for long.

    Args:
        failures: So many within the window escalate.
        window_s: Length of the window; after as long without any failure a part is calm again.
    """

    def __init__(self, failures: int, window_s: float) -> None:
        self._failures = failures
        self._window_ns = round(window_s * 1e9)
        self._parts: dict[str, _Part] = {}

    def count(self, part: str, now_ns: int) -> int:
        """Failures of a part within the window that ends now."""
        known = self._parts.get(part)
        if known is None:
            return 0
        return sum(now_ns - at_ns <= self._window_ns for at_ns in known.failures_ns)

    def on_health(
        self, part: str, state: HealthState, restarts: float, now_ns: int
    ) -> Verdict | None:
        """A part said how it is doing.

        Args:
            part: Its name.
            state: How it is doing.
            restarts: How often it was restarted so far.
            now_ns: Monotonic time.
        """
        known = self._parts.setdefault(part, _Part(restarts=restarts))
        was_well, is_well = known.state in WELL, state in WELL
        known.state = state
        if is_well:
            known.ill_since_ns = None
        elif was_well:
            known.ill_since_ns = now_ns
            self._fail(known, now_ns)
        if restarts > known.restarts:
            self._fail(known, now_ns)
        known.restarts = restarts
        return self._judge(part, known, now_ns)

    def on_error(self, part: str, errors: int, now_ns: int) -> Verdict | None:
        """A part met so many errors that it survived."""
        known = self._parts.setdefault(part, _Part())
        for _ in range(min(errors, self._failures)):
            self._fail(known, now_ns)
        return self._judge(part, known, now_ns)

    def look(self, now_ns: int) -> list[str]:
        """Parts that have become calm by time alone; each is named once."""
        return [
            part
            for part, known in self._parts.items()
            if self._judge(part, known, now_ns) is Verdict.CALM
        ]

    def _fail(self, known: _Part, now_ns: int) -> None:
        known.failures_ns.append(now_ns)
        while len(known.failures_ns) > self._failures:
            known.failures_ns.popleft()

    def _judge(self, part: str, known: _Part, now_ns: int) -> Verdict | None:
        ill_ns = 0 if known.ill_since_ns is None else now_ns - known.ill_since_ns
        recent = self.count(part, now_ns)
        if not known.is_escalated and (recent >= self._failures or ill_ns >= self._window_ns):
            known.is_escalated = True
            return Verdict.ESCALATE
        if known.is_escalated and known.ill_since_ns is None and recent == 0:
            known.is_escalated = False
            return Verdict.CALM
        return None
