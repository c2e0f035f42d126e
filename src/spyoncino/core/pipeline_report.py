"""What the specification's ``pipeline_health_check()`` and ``get_pipeline_metrics()`` answer.

Pure functions over facts that others gathered. One pool of workers does all work with models, so
its queue and its workers stand under detection; recognition has none before faces are recognised.
"""

from dataclasses import dataclass
from typing import Any

from spyoncino.runtime.pool_stats import PoolStats
from spyoncino.schemas.status import BusStatus, HealthSummary, WorkerReport

JOBS_PER_WORKER = 2
"""A pool with more waiting jobs than this for each worker is behind (D-FDW-08)."""

FULL = 0.8
"""A subscriber whose queue is fuller than this share is behind."""

MIB = 1024 * 1024

FRAMES_OF = "input.camera"
"""The part whose health has ``<camera>.frames`` among its numbers."""


@dataclass(frozen=True, slots=True)
class PipelineFacts:
    """The running system at one moment.

    Args:
        summary: Its health, asked for now.
        pool: Its workers.
        bus: Its bus.
        pipeline_fps: Analysed pictures per second, all cameras together.
        events_per_minute: Events begun lately.
        memory_bytes: Proportional share of physical memory, all processes together.
    """

    summary: HealthSummary
    pool: PoolStats
    bus: BusStatus
    pipeline_fps: float = 0.0
    events_per_minute: float = 0.0
    memory_bytes: int = 0


def frames_per_second(now: HealthSummary, before: HealthSummary | None = None) -> float:
    """Analysed pictures per second between two summaries; since the start when there is one.

    A camera module that was restarted counts from 0 again and makes no negative rate.
    """
    seconds = now.uptime_s - (before.uptime_s if before else 0.0)
    frames = _frames(now) - (_frames(before) if before else 0.0)
    return max(0.0, frames) / seconds if seconds > 0 else 0.0


def is_behind(facts: PipelineFacts) -> bool:
    """Whether more waits than will soon be done: the ``backlog_warning``."""
    waits = facts.pool.queue_size > JOBS_PER_WORKER * max(1, facts.pool.worker_count)
    return waits or any(
        row.depth > FULL * row.capacity for row in facts.bus.subscribers if row.capacity > 1
    )


def health_check(facts: PipelineFacts) -> dict[str, Any]:
    """The answer of ``pipeline_health_check()``."""
    return {
        "overall_status": facts.summary.state.value,
        "pipeline_fps": facts.pipeline_fps,
        "queue_backlogs": {"face_detection": facts.pool.queue_size, "recognition": 0},
        "worker_status": {"detection_workers": facts.pool.workers_ready, "recognition_workers": 0},
        "error_rate": facts.pool.error_rate,
        "memory_usage_mb": facts.memory_bytes / MIB,
    }


def pipeline_metrics(facts: PipelineFacts) -> dict[str, Any]:
    """The answer of ``get_pipeline_metrics()``; ``uptime`` in seconds."""
    pool = facts.pool
    return {
        "pipeline_status": facts.summary.state.value,
        "uptime": facts.summary.uptime_s,
        "events_per_minute": facts.events_per_minute,
        "queue_status": {
            "queue_size": pool.queue_size,
            "pending_jobs": pool.pending_jobs,
            "by_priority": {each.name.lower(): n for each, n in pool.queue_by_priority.items()},
            "subscribers": {row.name: row.depth for row in facts.bus.subscribers if row.depth},
            "backlog_warning": is_behind(facts),
        },
        "worker_status": {
            "worker_count": pool.worker_count,
            "workers_ready": pool.workers_ready,
            "restarts": pool.restarts,
            "workers": {row.worker_id: row.state for row in pool.workers},
        },
    }


def stopped_metrics(status: str) -> dict[str, Any]:
    """The same keys while nothing runs."""
    return {
        "pipeline_status": status,
        "uptime": 0.0,
        "events_per_minute": 0.0,
        "queue_status": {"queue_size": 0, "pending_jobs": 0, "backlog_warning": False},
        "worker_status": {"worker_count": 0, "workers_ready": 0, "restarts": 0},
    }


def worker_report(pool: PoolStats, detector_type: str, correlation_id: str | None) -> WorkerReport:
    """The pool's answer to ``worker_health_check``."""
    return WorkerReport(
        source="pool",
        correlation_id=correlation_id,
        worker_id="pool",
        detector_type=detector_type,
        worker_count=pool.worker_count,
        workers_ready=pool.workers_ready,
        queue_size=pool.queue_size,
        pending_jobs=pool.pending_jobs,
        detection_rate=pool.job_rate,
        error_rate=pool.error_rate,
        avg_processing_time=pool.avg_processing_time_ms / 1000,
    )


def _frames(summary: HealthSummary) -> float:
    part = summary.modules.get(FRAMES_OF)
    numbers = part.numbers if part else {}
    return sum(value for name, value in numbers.items() if name.endswith(".frames"))
