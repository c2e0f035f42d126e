"""Status of the system: health, the bus, cameras, errors.

Control plane only: it carries no pixels and no data-plane stage reads it.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from spyoncino.schemas.base import EventType, Payload, Record


class HealthState(StrEnum):
    """How a part is doing, best first."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    STOPPED = "stopped"


class HealthStatus(Record):
    """What a module answers when asked for its health."""

    state: HealthState = HealthState.OK
    detail: str = Field(default="", description="One sentence; what to do if it is not ok.")
    numbers: dict[str, float] = Field(
        default_factory=dict, description="Counters and gauges worth showing."
    )


class StatusReport(Payload):
    """A module's health on the bus."""

    EVENT_TYPE: ClassVar[EventType] = EventType.HEALTH_CHECK_RESPONSE

    module: str
    health: HealthStatus


class HealthSummary(Payload):
    """The health of the whole: as good as its worst part that matters."""

    EVENT_TYPE: ClassVar[EventType] = EventType.HEALTH_CHECK_RESPONSE

    state: HealthState
    modules: dict[str, HealthStatus]
    detail: str = ""
    uptime_s: float = 0.0


class SubscriberStatus(Record):
    """One subscriber's queue."""

    name: str
    pattern: str
    policy: str
    depth: int
    capacity: int
    in_flight: int
    delivered: int
    dropped: int
    failed: int
    lag_s: float = Field(description="Age of the oldest message that waits.")
    latency_p50_ms: float
    latency_p99_ms: float


class BusStatus(Payload):
    """Snapshot of the bus."""

    published: int
    delivered: int
    dropped: int
    failed: int
    undurable: int = Field(
        default=0, description="Critical messages delivered, but not safe on disk."
    )
    dead_letters: int = Field(
        default=0, description="Messages given up since the start; see spyoncino dead-letters."
    )
    subscribers: tuple[SubscriberStatus, ...] = ()
    warning: str = Field(
        default="", description="Set when a high watermark was crossed or messages were lost."
    )


class LoadStage(StrEnum):
    """What is left out while the machine is overloaded; presses are never touched."""

    NORMAL = "normal"
    FEWER_FRAMES = "fewer_frames"
    FEWER_REGIONS = "fewer_regions"
    NO_CONTINUOUS = "no_continuous"


class LoadStatus(Payload):
    """The stage of degradation changed; whoever does continuous work keeps to it."""

    stage: LoadStage
    pressure: float = Field(description="What was measured; above 1 is too much.")
    reason: str = ""


class CameraState(StrEnum):
    """State of a source."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    RETRYING = "retrying"
    ENDED = "ended"
    OFF = "off"


class CameraStatus(Payload):
    """A source changed its state, or says its numbers."""

    camera: str
    state: CameraState
    detail: str = ""
    numbers: dict[str, float] = Field(default_factory=dict)


class ErrorReport(Payload):
    """A component met an error it survived."""

    EVENT_TYPE: ClassVar[EventType] = EventType.COMPONENT_ERROR

    component: str
    error: str
    error_type: str


class DetectionErrorReport(ErrorReport):
    """A look at a frame failed for good."""

    frame_event_id: str = Field(description="Message that brought the frame.")
    detector_type: str = Field(description="The detector that was asked.")
    worker_metrics: dict[str, float] = Field(
        default_factory=dict, description="waited_ms, total_ms and attempts of the job."
    )


class ContractNotice(Payload):
    """A payload, module or setting broke or bent its contract."""

    component: str
    message: str
    severity: str = Field(default="warning", description="info, warning or error.")


class WorkerCheck(Payload):
    """Somebody asks the workers how they are doing; the pool answers with a ``WorkerReport``."""

    EVENT_TYPE: ClassVar[EventType] = EventType.COMMAND


class WorkerReport(Payload):
    """How the worker pool is doing; the answer has the correlation id of the question."""

    EVENT_TYPE: ClassVar[EventType] = EventType.HEALTH_CHECK_RESPONSE

    worker_id: str = Field(description="Who answers: the pool, for all its workers.")
    detector_type: str = Field(description="The detector that its workers run.")
    worker_count: int = Field(description="Workers asked for.")
    workers_ready: int = Field(description="Workers that are idle or busy.")
    queue_size: int = Field(description="Jobs that wait.")
    pending_jobs: int = Field(description="Jobs accepted and not settled yet.")
    detection_rate: float = Field(description="Jobs done per second, over the last ten seconds.")
    error_rate: float = Field(ge=0, le=1, description="Failed jobs as a share of all.")
    avg_processing_time: float = Field(description="Seconds inside the task, mean of the last.")


class PerformanceWarning(Payload):
    """The performance score fell below its limit; see ``core.performance``."""

    score: float = Field(ge=0, le=1, description="The score, 1 is best.")
    limit: float = Field(ge=0, le=1, description="What it fell below.")
    parts: dict[str, float] = Field(description="What the score is the lowest of.")
    detail: str = Field(description="One sentence that names the worst part.")


class ShutdownNotice(Payload):
    """The system begins to stop: what is open is finished, nothing new is begun."""

    reason: str


class StatusNotice(Payload):
    """Something about a part that a person should know now; told once, not with every failure."""

    component: str
    message: str = Field(description="One sentence.")
    severity: str = Field(default="error", description="info, warning or error.")
    state: HealthState = Field(
        default=HealthState.FAILED, description="failed: it began; ok: it is over."
    )
