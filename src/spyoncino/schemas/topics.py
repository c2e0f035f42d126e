"""Every topic on one screen.

A topic is a value that knows its payload type, its stage and its delivery class.
Names are ``<domain>.<entity>[.<action>]``. ``{id}`` stands for one word, see ``Topic.of``.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar

from spyoncino.schemas.alerts import AlertNotification, DeliveryReport
from spyoncino.schemas.base import Payload
from spyoncino.schemas.control import (
    ConfigRejected,
    ConfigRollback,
    ConfigSnapshotPayload,
    ConfigUpdate,
    ControlCommand,
)
from spyoncino.schemas.detections import DetectionEvent, MotionEvent, TrackUpdate
from spyoncino.schemas.events import DoorbellEvent, EventCompleted, EventCreated, EventUpdate
from spyoncino.schemas.faces import FaceDetectionEvent, FaceRecognitionEvent, GalleryChange
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.inquiry import EventCounts, EventInquiry
from spyoncino.schemas.media import MediaArtifact, StorageAck
from spyoncino.schemas.modes import ModeOrder, SystemMode
from spyoncino.schemas.picture import PictureLook, PictureStatus
from spyoncino.schemas.push import PushKey, PushKeyInquiry
from spyoncino.schemas.status import (
    BusStatus,
    CameraStatus,
    ContractNotice,
    DetectionErrorReport,
    ErrorReport,
    HealthSummary,
    LoadStatus,
    PerformanceWarning,
    ShutdownNotice,
    StatusNotice,
    StatusReport,
    WorkerCheck,
    WorkerReport,
)

P = TypeVar("P", bound=Payload)


class Stage(IntEnum):
    """Place on the line of a frame: a module consumes only from its own stage or an earlier one."""

    INPUT = 1
    PROCESS = 2
    EVENT = 3
    STORAGE = 4
    OUTPUT = 5
    CONTROL = 9


class Delivery(StrEnum):
    """What a topic promises."""

    BEST_EFFORT = "best_effort"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Topic(Generic[P]):
    """The name of a stream of messages of one payload type."""

    name: str
    payload: type[P]
    stage: Stage
    delivery: Delivery = Delivery.BEST_EFFORT

    def of(self, entity_id: str) -> "Topic[P]":
        """This topic for one entity: ``CAMERA_FRAME.of("door")`` is ``camera.door.frame``."""
        return Topic(self.name.replace("{id}", entity_id), self.payload, self.stage, self.delivery)

    @property
    def pattern(self) -> str:
        """What to subscribe to for every entity: ``camera.*.frame``."""
        return self.name.replace("{id}", "*")


CAMERA_FRAME = Topic("camera.{id}.frame", Frame, Stage.INPUT)
CAMERA_BURST = Topic("camera.{id}.burst", Frame, Stage.INPUT)
CAMERA_LOOK = Topic("camera.{id}.look", PictureLook, Stage.INPUT)
DOORBELL_PRESSED = Topic("doorbell.{id}.pressed", DoorbellEvent, Stage.INPUT, Delivery.CRITICAL)

MOTION_DETECTED = Topic("process.motion.detected", MotionEvent, Stage.PROCESS)
OBJECTS_DETECTED = Topic("process.detected", DetectionEvent, Stage.PROCESS)
TRACKS = Topic("process.tracks", TrackUpdate, Stage.PROCESS)
MOTION_UNIQUE = Topic("process.motion.unique", TrackUpdate, Stage.PROCESS)
MOTION_ZONED = Topic("process.motion.zoned", TrackUpdate, Stage.PROCESS)
FACES_DETECTED = Topic("process.face.detected", FaceDetectionEvent, Stage.PROCESS)
FACES_RECOGNIZED = Topic("process.face.recognized", FaceRecognitionEvent, Stage.PROCESS)

EVENT_CREATED = Topic("event.created", EventCreated, Stage.EVENT, Delivery.CRITICAL)
EVENT_UPDATED = Topic("event.updated", EventUpdate, Stage.EVENT, Delivery.CRITICAL)
EVENT_COMPLETED = Topic("event.completed", EventCompleted, Stage.EVENT, Delivery.CRITICAL)
SNAPSHOT_READY = Topic("event.snapshot.ready", MediaArtifact, Stage.EVENT, Delivery.CRITICAL)
GIF_READY = Topic("event.gif.ready", MediaArtifact, Stage.EVENT, Delivery.CRITICAL)
CLIP_READY = Topic("event.clip.ready", MediaArtifact, Stage.EVENT, Delivery.CRITICAL)
MEDIA_READY = Topic("event.media.ready", MediaArtifact, Stage.EVENT, Delivery.CRITICAL)

EVENT_STORED = Topic("storage.event.stored", StorageAck, Stage.STORAGE)
EVENT_RELABELLED = Topic("storage.event.relabelled", StorageAck, Stage.STORAGE)
MEDIA_STORED = Topic("storage.media.stored", StorageAck, Stage.STORAGE)
MEDIA_REMOVED = Topic("storage.media.removed", StorageAck, Stage.STORAGE)

NOTIFY_QUEUED = Topic("notify.{id}.queued", AlertNotification, Stage.OUTPUT, Delivery.CRITICAL)
NOTIFY_SENT = Topic("notify.{id}.sent", DeliveryReport, Stage.OUTPUT, Delivery.CRITICAL)
NOTIFY_CONFIRMED = Topic("notify.{id}.confirmed", DeliveryReport, Stage.OUTPUT, Delivery.CRITICAL)
NOTIFY_FAILED = Topic("notify.{id}.failed", DeliveryReport, Stage.OUTPUT, Delivery.CRITICAL)

CONFIG_UPDATE = Topic("config.update", ConfigUpdate, Stage.CONTROL, Delivery.CRITICAL)
CONFIG_SNAPSHOT = Topic("config.snapshot", ConfigSnapshotPayload, Stage.CONTROL, Delivery.CRITICAL)
CONFIG_REJECTED = Topic("config.rejected", ConfigRejected, Stage.CONTROL, Delivery.CRITICAL)
CONFIG_ROLLBACK = Topic("config.rollback", ConfigRollback, Stage.CONTROL, Delivery.CRITICAL)
CONTROL_COMMAND = Topic(
    "dashboard.control.command", ControlCommand, Stage.CONTROL, Delivery.CRITICAL
)

GALLERY_CHANGED = Topic("gallery.changed", GalleryChange, Stage.CONTROL, Delivery.CRITICAL)

COUNT_EVENTS = Topic("analytics.events.count", EventInquiry, Stage.CONTROL)
EVENT_COUNTS = Topic("analytics.events.count.reply", EventCounts, Stage.CONTROL)

PUSH_KEY_INQUIRY = Topic("control.push.key", PushKeyInquiry, Stage.CONTROL)
PUSH_KEY = Topic("control.push.key.reply", PushKey, Stage.CONTROL)

SYSTEM_MODE = Topic("system.mode", SystemMode, Stage.CONTROL, Delivery.CRITICAL)
MODE_ORDER = Topic("system.mode.order", ModeOrder, Stage.CONTROL)
MODE_ANSWER = Topic("system.mode.order.reply", SystemMode, Stage.CONTROL)

STATUS_BUS = Topic("status.bus", BusStatus, Stage.CONTROL)
STATUS_REPORT = Topic("status.report", StatusReport, Stage.CONTROL)
STATUS_CAMERA = Topic("status.camera", CameraStatus, Stage.CONTROL)
STATUS_PICTURE = Topic("status.picture", PictureStatus, Stage.CONTROL)
STATUS_CONTRACT = Topic("status.contract", ContractNotice, Stage.CONTROL)
STATUS_ERROR = Topic("status.error.{id}", ErrorReport, Stage.CONTROL)
STATUS_LOAD = Topic("status.load", LoadStatus, Stage.CONTROL)
STATUS_HEALTH = Topic("status.health.summary", HealthSummary, Stage.CONTROL)
DETECTION_ERRORS = Topic("status.error.detection", DetectionErrorReport, Stage.CONTROL)
WORKER_CHECK = Topic("status.worker.check", WorkerCheck, Stage.CONTROL)
WORKER_REPORT = Topic("status.worker.report", WorkerReport, Stage.CONTROL)
SYSTEM_ERROR = Topic("status.system.error", ErrorReport, Stage.CONTROL)
PERFORMANCE_WARNING = Topic("status.performance.warning", PerformanceWarning, Stage.CONTROL)
SHUTDOWN = Topic("status.shutdown", ShutdownNotice, Stage.CONTROL)
STATUS_NOTICE = Topic("status.notice", StatusNotice, Stage.CONTROL)
MODULE_HEALTH = Topic("module.{id}.health", StatusReport, Stage.CONTROL)
