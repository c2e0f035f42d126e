"""One example of every exported payload, with every field set to something telling."""

from datetime import UTC, datetime

from pydantic import BaseModel

from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality
from spyoncino.schemas.alerts import (
    AlertNotification,
    AlertPriority,
    DeliveryReport,
    DeliveryState,
)
from spyoncino.schemas.control import (
    ConfigRejected,
    ConfigRollback,
    ConfigSnapshotPayload,
    ConfigUpdate,
    ControlCommand,
    ZoneDefinition,
    ZoningSettings,
)
from spyoncino.schemas.decisions import Decision
from spyoncino.schemas.detections import (
    Detection,
    DetectionEvent,
    MotionEvent,
    Track,
    TrackState,
    TrackUpdate,
)
from spyoncino.schemas.events import (
    BestPicture,
    DoorbellEvent,
    Event,
    EventCompleted,
    EventCreated,
    EventState,
    EventUpdate,
    Identity,
    TrackSummary,
    Verdict,
)
from spyoncino.schemas.faces import (
    Face,
    FaceDetectionEvent,
    FaceDetectionMetadata,
    FaceRecognitionEvent,
    GalleryChange,
)
from spyoncino.schemas.frames import Frame, FrameBatch, FrameRef, MotionMeasurement
from spyoncino.schemas.inquiry import (
    EventCounts,
    EventInquiry,
    LabelCount,
)
from spyoncino.schemas.media import MediaArtifact, MediaKind, Retention, StorageAck
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.picture import SKETCH_LETTERS, PictureLook, PictureState, PictureStatus
from spyoncino.schemas.push import PushKey, PushKeyInquiry
from spyoncino.schemas.status import (
    BusStatus,
    CameraState,
    CameraStatus,
    ContractNotice,
    DetectionErrorReport,
    ErrorReport,
    HealthState,
    HealthStatus,
    HealthSummary,
    LoadStage,
    LoadStatus,
    PerformanceWarning,
    ShutdownNotice,
    StatusNotice,
    StatusReport,
    SubscriberStatus,
    WorkerCheck,
    WorkerReport,
)

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
VISIT = "0b9e4d5c-7f6e-5a51-9c1d-2f3a4b5c6d7e"
BOX = Box(0.25, 0.125, 0.5, 0.875)

ENVELOPE = {
    "event_id": "0123456789abcdef-1",
    "timestamp": NOON,
    "source": "process.example",
    "correlation_id": "0123456789abcdef-0",
    "metadata": {"note": "example"},
}

FRAME_REF = FrameRef(
    camera="door",
    ring="/dev/shm/spyoncino-1000-x/door.ring",  # noqa: S108 - a name only, never opened
    slot=3,
    generation=7,
    width_px=1280,
    height_px=720,
    frame_index=42,
    pts_s=2.8,
    monotonic_ns=123_456_789,
    utc=NOON,
)
MOTION = MotionMeasurement(score=0.02, regions=(BOX,), light_change=False, calibrating=True)
DETECTION = Detection(label="person", score=0.75, box=BOX)
TRACK = Track(
    track_id=1,
    label="person",
    score=0.75,
    best_score=0.875,
    box=BOX,
    state=TrackState.CONFIRMED,
    moved=True,
    stationary=False,
    initial=False,
    hits=12,
    start_s=1.5,
    end_s=2.8,
    zones=("porch",),
)
HEALTH = HealthStatus(state=HealthState.DEGRADED, detail="one worker is missing", numbers={"n": 1})
FACE = Face(
    box=BOX,
    confidence=0.875,
    landmarks=((0.3, 0.3), (0.4, 0.3), (0.35, 0.4), (0.31, 0.5), (0.39, 0.5)),
    track_id=1,
    quality=FaceQuality(
        score=0.75, size_px=96.0, sharpness=0.75, pose=0.875, exposure=1.0, inside=1.0
    ),
    vector=bytes(range(8)),
    crop=b"\xff\xd8\xff\xd9",
)
IDENTITY = Identity(
    name="Ada",
    decision=Verdict.KNOWN,
    similarity=0.75,
    margin=0.5,
    track_id=1,
    person_id="ada",
    face_count=3,
    quality=0.75,
    pts_s=2.8,
    box=BOX,
    reason="similarity 0.75, at least 0.50",
)
EVENT = Event(
    event_id=VISIT,
    camera="door",
    type="person",
    state=EventState.PROCESSING,
    labels=("person",),
    start_s=1.5,
    end_s=9.0,
    best=BestPicture(pts_s=2.8, box=BOX, score=0.875, label="person", quality=3.5, frame=FRAME_REF),
    presses=(4.25,),
    press_ids=("0123456789abcdef-3",),
    tracks=(
        TrackSummary(
            track_id=1, label="person", score=0.875, start_s=1.5, end_s=9.0, zones=("porch",)
        ),
    ),
    identities=(IDENTITY,),
    story="Ada rang at 12:00, stayed 8 s",
    started_at=NOON,
    ended_at=NOON,
    transitions={"created": NOON},
    reason="",
    successor_of=None,
)
FRAME = Frame(
    **ENVELOPE,
    frame=FRAME_REF,
    sequence_number=14,
    source_width_px=1920,
    source_height_px=1080,
    motion=MOTION,
)
PORCH = ZoneDefinition(
    name="porch",
    kind="include",
    polygon=((0.0, 0.5), (1.0, 0.5), (1.0, 1.0)),
    labels=("person",),
    inertia_frames=2,
    loiter_s=1.5,
)

EXAMPLES: tuple[BaseModel, ...] = (
    AlertNotification(
        **ENVELOPE,
        event_ref=VISIT,
        channel="telegram",
        title="The bell rang",
        text="Somebody is at the door",
        revision=2,
        media=("media/2026-03-01/x/snapshot.jpg",),
        priority=AlertPriority.HIGH,
        rule="somebody rang",
        is_final=True,
        event=EVENT,
    ),
    BusStatus(
        **ENVELOPE,
        published=10,
        delivered=8,
        dropped=1,
        failed=1,
        subscribers=(
            SubscriberStatus(
                name="process.tracker",
                pattern="process.detected",
                policy="block",
                depth=1,
                capacity=256,
                in_flight=1,
                delivered=8,
                dropped=1,
                failed=1,
                lag_s=0.25,
                latency_p50_ms=0.5,
                latency_p99_ms=2.0,
            ),
        ),
        warning="process.tracker loses messages",
    ),
    CameraStatus(**ENVELOPE, camera="door", state=CameraState.LIVE, detail="", numbers={"fps": 15}),
    ConfigRejected(**ENVELOPE, problems=("motion.sensitivity is 2",), author="somebody"),
    ConfigRollback(
        **ENVELOPE,
        version=3,
        author="somebody",
        changes=("motion.sensitivity",),
        part="process.tracker",
        reason="it was not done after 10 s",
        diagnostics=("process.tracker has its old settings again",),
        is_complete=True,
    ),
    ConfigSnapshotPayload(**ENVELOPE, version=3, settings={"log": {"level": "info"}}),
    ConfigUpdate(**ENVELOPE, changes={"log": {"level": "debug"}}, persist=False, author="somebody"),
    ContractNotice(**ENVELOPE, component="bus", message="not a Frame", severity="error"),
    ControlCommand(**ENVELOPE, target="door", command="restart", arguments={"now": True}),
    Decision(
        stage="process.tracker",
        camera="door",
        subject="track 1",
        passed=False,
        reason="score too low to begin a track",
        quantity="score",
        value=0.25,
        limit=0.5,
        peak=0.375,
        first_s=1.0,
        last_s=1.5,
        count=3,
        event_ref=VISIT,
    ),
    DeliveryReport(
        **ENVELOPE,
        event_ref=VISIT,
        channel="telegram",
        target="-1001",
        revision=2,
        state=DeliveryState.SENT,
        remote_id="4711",
        attempts=1,
        after_s=0.25,
        reason="",
    ),
    DetectionErrorReport(
        **ENVELOPE,
        component="process.face_detector",
        error="no worker answered in time",
        error_type="JobExpiredError",
        frame_event_id="0123456789abcdef-2",
        detector_type="cpu:centerface",
        worker_metrics={"attempts": 4.0},
    ),
    DetectionEvent(
        **ENVELOPE,
        frame=FRAME_REF,
        detections=(DETECTION,),
        detector="cpu:nanodet_416",
        regions=(BOX,),
        attributes={"whole": False},
    ),
    DoorbellEvent(**ENVELOPE, doorbell="front", camera="door", pts_s=4.25, method="gpio"),
    ErrorReport(**ENVELOPE, component="process.tracker", error="bent", error_type="ValueError"),
    EventCompleted(**ENVELOPE, event=EVENT.model_copy(update={"state": EventState.COMPLETED})),
    EventCounts(
        **ENVELOPE, total=3, by_label=(LabelCount(camera="door", label="person", events=2),)
    ),
    EventCreated(**ENVELOPE, event=EVENT.model_copy(update={"state": EventState.CREATED})),
    EventInquiry(**ENVELOPE, since=NOON, until=NOON, camera="door"),
    EventUpdate(**ENVELOPE, event=EVENT),
    FaceDetectionEvent(
        **ENVELOPE,
        frame=FRAME_REF,
        frame_event_id="0123456789abcdef-2",
        faces=(FACE,),
        detection_metadata=FaceDetectionMetadata(
            detector_type="cpu:centerface",
            processing_time_ms=48.5,
            face_count=1,
            confidence_scores=(0.875,),
            detection_timestamp=NOON,
            embedder="mobilefacenet",
        ),
        performance_metrics={"waited_ms": 1.5},
        trigger_id="0123456789abcdef-3",
        sequence_number=2,
    ),
    FaceRecognitionEvent(
        **ENVELOPE,
        camera="door",
        pts_s=2.8,
        recognition_results=(IDENTITY,),
        trigger_id="0123456789abcdef-3",
    ),
    FRAME,
    FrameBatch(**ENVELOPE, frames=(FRAME,)),
    GalleryChange(**ENVELOPE, change="enrolled", person_ids=("ada",)),
    HealthSummary(
        **ENVELOPE,
        state=HealthState.DEGRADED,
        modules={"pool": HEALTH},
        detail="pool: one worker is missing",
        uptime_s=60.0,
    ),
    LoadStatus(
        **ENVELOPE,
        stage=LoadStage.FEWER_REGIONS,
        pressure=1.8,
        reason="pictures wait for a worker",
    ),
    MediaArtifact(
        **ENVELOPE,
        kind=MediaKind.CLIP,
        event_ref=VISIT,
        camera="door",
        path="media/2026-03-01/x/clip.mp4",
        content_type="video/mp4",
        size_bytes=1_000_000,
        width_px=1920,
        height_px=1080,
        start_s=0.0,
        duration_s=12.0,
        notes=("audio left out",),
        retention=Retention(media_class="event", protected=True, expires_at=NOON),
    ),
    ModeOrder(**ENVELOPE, mode=Mode.PRIVACY, author="page"),
    MotionEvent(
        **ENVELOPE,
        frame=FRAME_REF,
        detections=(Detection(label="motion", score=0.02, box=BOX),),
        detector="motion",
        regions=(BOX,),
    ),
    PerformanceWarning(
        **ENVELOPE,
        score=0.5,
        limit=0.7,
        parts={"workers": 0.5, "memory": 1.0},
        detail="1 of 2 workers is ready",
    ),
    PictureLook(
        **ENVELOPE,
        camera="door",
        pts_s=12.5,
        brightness_grey=98.5,
        contrast_grey=41.25,
        sharpness_grey=6.5,
        structure=0.75,
        is_grey=False,
        same=0.0,
        sketch="AAEC" * (SKETCH_LETTERS // 4),
    ),
    PictureStatus(
        **ENVELOPE,
        camera="door",
        state=PictureState.COVERED,
        detail="everything in the picture became indistinct",
        numbers={"brightness_grey": 31.5, "agreement": 0.0},
    ),
    PushKey(**ENVELOPE, public_key="", reason="Web Push is off: set web_push.enabled"),
    PushKeyInquiry(**ENVELOPE),
    ShutdownNotice(**ENVELOPE, reason="it was told to stop"),
    StatusNotice(
        **ENVELOPE, component="pool", message="pool fails again and again", severity="error"
    ),
    StatusReport(**ENVELOPE, module="process.tracker", health=HEALTH),
    StorageAck(**ENVELOPE, subject="event", action="stored", key=VISIT, event_ref=VISIT),
    SystemMode(**ENVELOPE, mode=Mode.AWAY, author="cli"),
    TrackUpdate(
        **ENVELOPE,
        frame=FRAME_REF,
        tracks=(TRACK,),
        attributes={"zone_matches": {"1": ["porch"]}},
    ),
    WorkerCheck(**ENVELOPE),
    WorkerReport(
        **ENVELOPE,
        worker_id="pool",
        detector_type="cpu",
        worker_count=2,
        workers_ready=1,
        queue_size=3,
        pending_jobs=4,
        detection_rate=12.5,
        error_rate=0.25,
        avg_processing_time=0.125,
    ),
    PORCH,
    ZoningSettings(zones=(PORCH,)),
)
"""Sorted by name; every exported model has exactly one."""
