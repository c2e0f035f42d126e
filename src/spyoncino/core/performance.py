"""One number for how well the system keeps up, and the two alarms that the doorbell knows.

The score is the lowest of its parts, each 0..1, so that no good number hides a bad one:

============  =====================================================================================
part          what it is
============  =====================================================================================
``parts``     mean over all parts of the system: well 1, degraded 0.5, failed 0
``workers``   ready workers as a share of those asked for; 1 while they are starting
``jobs``      1 − share of jobs that failed after their retries
``memory``    1 up to ``health.memory_threshold``, then falling evenly to 0.5 at 100 %
``processor`` the same with ``health.cpu_threshold``, weighed by how much of five minutes it has
              lasted: a machine that is busy for a moment is a machine that works
============  =====================================================================================

Below ``WARN_BELOW`` it warns: a worker of two is gone, three jobs of ten fail, memory or processor
are at more than 60 % of the way from their threshold to full.
"""

from collections.abc import Mapping

from spyoncino.core.bus import Bus
from spyoncino.core.machine import SUSTAINED_S
from spyoncino.core.settings import HealthSettings
from spyoncino.errors import BusClosedError
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import (
    ErrorReport,
    HealthState,
    HealthStatus,
    HealthSummary,
    PerformanceWarning,
)

WARN_BELOW = 0.7
"""The specification's limit of ``performance_score``."""

AT_FULL = 0.5
"""Score of a machine of which something is used up: slow, and still at work."""

_WORTH = {
    HealthState.OK: 1.0,
    HealthState.STOPPED: 1.0,
    HealthState.DEGRADED: 0.5,
    HealthState.FAILED: 0.0,
}


def performance_parts(summary: HealthSummary, limits: HealthSettings) -> dict[str, float]:
    """What the score is the lowest of; what cannot be known counts as 1."""
    machine = _numbers(summary, "machine")
    pool = summary.modules.get("pool", HealthStatus())
    asked, ready = pool.numbers.get("workers", 0.0), pool.numbers.get("workers_ready", 0.0)
    lasting = min(1.0, machine.get("cpu_busy_s", 0.0) / SUSTAINED_S)
    busy = _room(machine.get("cpu_percent", 0.0), limits.cpu_threshold)
    worths = [_WORTH[part.state] for part in summary.modules.values()]
    return {
        "parts": sum(worths) / len(worths) if worths else 1.0,
        "workers": ready / asked if asked and pool.state is not HealthState.OK else 1.0,
        "jobs": 1.0 - pool.numbers.get("error_rate", 0.0),
        "memory": _room(machine.get("memory_percent", 0.0), limits.memory_threshold),
        "processor": 1.0 - (1.0 - busy) * lasting,
    }


def performance_score(summary: HealthSummary, limits: HealthSettings) -> float:
    """How well the system keeps up, 0..1."""
    return min(performance_parts(summary, limits).values())


class Alarms:
    """Tells ``status.system.error`` and ``status.performance.warning``, once for each fall.

    A ``HealthReporter`` of the orchestrator.

    Args:
        bus: Where to tell.
        limits: The thresholds of the score.
    """

    def __init__(self, bus: Bus, limits: HealthSettings) -> None:
        self._bus = bus
        self._limits = limits
        self._has_failed = False
        self._is_slow = False

    async def report(self, summary: HealthSummary) -> None:
        """Take note of a summary; nothing happens when the bus is already closed."""
        has_failed = summary.state is HealthState.FAILED
        parts = performance_parts(summary, self._limits)
        score = min(parts.values())
        news: list[tuple[str, Payload]] = []
        if has_failed and not self._has_failed:
            error = ErrorReport(
                source="health", component="system", error=summary.detail, error_type="failed"
            )
            news.append((topics.SYSTEM_ERROR.name, error))
        if score < WARN_BELOW and not self._is_slow:
            news.append((topics.PERFORMANCE_WARNING.name, _warning(score, parts, summary)))
        self._has_failed, self._is_slow = has_failed, score < WARN_BELOW
        for topic, payload in news:
            try:
                await self._bus.publish(topic, payload)
            except BusClosedError:
                return


def _warning(
    score: float, parts: Mapping[str, float], summary: HealthSummary
) -> PerformanceWarning:
    worst = min(parts, key=parts.__getitem__)
    pool, machine = _numbers(summary, "pool"), _numbers(summary, "machine")
    reasons = {
        "parts": summary.detail,
        "workers": f"{pool.get('workers_ready', 0):.0f} of {pool.get('workers', 0):.0f} workers "
        "are ready",
        "jobs": f"{pool.get('error_rate', 0.0):.0%} of the workers' jobs fail",
        "memory": f"memory use is {machine.get('memory_percent', 0.0):.0f} %",
        "processor": f"processor use is {machine.get('cpu_percent', 0.0):.0f} % for "
        f"{machine.get('cpu_busy_s', 0.0) / 60:.0f} min",
    }
    return PerformanceWarning(
        source="health", score=score, limit=WARN_BELOW, parts=dict(parts), detail=reasons[worst]
    )


def _numbers(summary: HealthSummary, part: str) -> Mapping[str, float]:
    return summary.modules[part].numbers if part in summary.modules else {}


def _room(percent: float, threshold: float) -> float:
    """1 up to the threshold, then evenly down to ``AT_FULL`` at 100 %."""
    above = max(0.0, percent - threshold) / max(100.0 - threshold, 1e-9)
    return 1.0 - (1.0 - AT_FULL) * min(1.0, above)
