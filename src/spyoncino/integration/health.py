"""What the manager tells about the system."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class SystemState(StrEnum):
    """Where the system is in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    ERROR = "error"
    RECOVERING = "recovering"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """How the system is doing.

    Args:
        state: Where it is in its life; ``ERROR`` while a part that matters has failed.
        performance_score: 0..1, see ``core.performance``; 0 while nothing runs.
        uptime: Seconds since it was started, by hand or by a recovery.
        last_error: The latest failure in a sentence; ``None`` when there was none.
        pipeline_status: What ``get_pipeline_metrics`` answers.
    """

    state: SystemState
    performance_score: float
    uptime: float
    last_error: str | None
    pipeline_status: dict[str, Any]
