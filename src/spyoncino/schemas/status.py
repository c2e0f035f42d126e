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


class ContractNotice(Payload):
    """A payload, module or setting broke or bent its contract."""

    component: str
    message: str
    severity: str = Field(default="warning", description="info, warning or error.")
