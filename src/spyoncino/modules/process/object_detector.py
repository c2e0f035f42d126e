"""Asks the worker pool what is in the frames that are worth it, and tells it in frame order.

Live, at most a few frames of a camera are in work and only the newest one waits: what is seen late
helps nobody. In a lossless run every frame that is worth a look gets one, and the sender waits.
"""

import math
from typing import Any, Literal

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.core.queues import Policy
from spyoncino.errors import ConfigError, SpyoncinoError
from spyoncino.events.attention import Attention, AttentionGate, AttentionSpec
from spyoncino.events.labels import DEFAULT_LABELS
from spyoncino.geometry.boxes import Box
from spyoncino.modules.chores import Chores
from spyoncino.modules.closer_look import closer_tiles, joined, only
from spyoncino.modules.load_share import LoadShare
from spyoncino.modules.look_line import Look, LookLine
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import OBJECTS, ObjectJob, ObjectResult
from spyoncino.schemas.detections import Detection, DetectionEvent
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.status import HealthState, HealthStatus, LoadStatus
from spyoncino.schemas.topics import CAMERA_FRAME, DOORBELL_PRESSED, OBJECTS_DETECTED, STATUS_LOAD
from spyoncino.tracking.regions import RegionSpec

LOSSLESS_IN_FLIGHT = 8
"""Looks of one camera in work at a time in a lossless run: enough for several workers."""


class OwnModelSettings(ModuleSettings):
    """A model that the user brings."""

    type: str = Field(description="Family that says how outputs are decoded, for example yolov8.")
    path: str = Field(description="The ONNX file.")
    labels: tuple[str, ...] | str = Field(
        description="Class names in the model's order, or a text file with one name a line."
    )
    input_width_px: int | None = Field(
        default=None, ge=1, description="Width of the input, where the file leaves it open."
    )
    input_height_px: int | None = Field(
        default=None, ge=1, description="Height of the input, where the file leaves it open."
    )
    colour: Literal["bgr", "rgb"] | None = Field(
        default=None, description="Order of the channels; default: the family's."
    )
    mean: tuple[float, float, float] | None = Field(
        default=None, description="Subtracted from pixels 0..255; default: the family's."
    )
    std: tuple[float, float, float] | None = Field(
        default=None, description="Divides after that; default: the family's."
    )
    sha256: str | None = Field(
        default=None, description="Refuse the file when its hash is another one."
    )


_DEFAULTS = AttentionSpec()


class ObjectSettings(ModuleSettings):
    """Section ``objects``: what is looked for, with which model, and how often."""

    detector: str = Field(
        default="cpu",
        description="Back end: cpu, mock, the name of a plug-in, or auto: the fastest that is "
        "here and finds the same (analyze always takes cpu). For all cameras.",
    )
    model: str | OwnModelSettings = Field(
        default="nanodet_416",
        description="A bundled model by name, or a model of your own. For all cameras.",
    )
    threads: int = Field(
        default=1, ge=1, le=64, description="Threads of one worker's model. For all cameras."
    )
    labels: tuple[str, ...] = Field(
        default=DEFAULT_LABELS, description="What is looked for; empty: all that the model knows."
    )
    score_floor: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Weaker detections are not even used to continue a track.",
    )
    max_regions: int = Field(
        default=RegionSpec().max_regions,
        ge=0,
        le=8,
        description="Where something moves that was not found in the whole picture, at most so "
        "many squares are looked at closer. Each costs as much as the whole picture.",
    )
    keep_looking_s: float = Field(
        default=_DEFAULTS.keep_looking_s,
        ge=0,
        description="Every analysed frame is looked at for so long after the last motion.",
    )
    active_s: float = Field(
        default=_DEFAULTS.active_s,
        ge=0,
        description="So long after the last motion the next setting holds.",
    )
    active_every_s: float = Field(
        default=_DEFAULTS.active_every_s,
        gt=0,
        description="How often to look while somebody may stand still in view.",
    )
    idle_every_s: float = Field(
        default=_DEFAULTS.idle_every_s,
        gt=0,
        description="How often to look when nothing has moved for longer.",
    )
    press_look_s: float = Field(
        default=10.0, ge=0, description="Every frame is looked at for so long after a press."
    )
    max_in_flight: int = Field(
        default=2, ge=1, le=16, description="Frames of one camera in work at a time, live."
    )
    deadline_s: float = Field(
        default=2.0, gt=0, description="Live, a look that has not begun after this is dropped."
    )

    def to_task_settings(self) -> dict[str, Any]:
        """What the pool's task of kind ``objects`` is built from."""
        if self.detector == "mock":
            return {"detector": self.detector}
        model: str | dict[str, Any]
        if isinstance(self.model, OwnModelSettings):
            model = self.model.model_dump(exclude_none=True)
        else:
            model = self.model
        config = {"model": model, "threads": self.threads, "score_floor": self.score_floor}
        return {"detector": self.detector, "config": config}

    def to_attention(self) -> AttentionSpec:
        """The same as the gate wants it."""
        return AttentionSpec(
            self.keep_looking_s, self.active_s, self.active_every_s, self.idle_every_s
        )


SHARED_KEYS = ("detector", "model", "threads")
"""Settings of the workers, which all cameras share."""


class _Camera:
    """What is known of one camera."""

    def __init__(self, line: LookLine, gate: AttentionGate) -> None:
        self.line = line
        self.gate = gate
        self.press_until_s = float("-inf")
        self.last_pts_s = 0.0


class ObjectDetectorModule(ProcessModule[ObjectSettings]):
    """Publishes ``process.detected`` for each frame that was looked at, in frame order per camera.

    A frame that could not be looked at (live: too old, or its slot was written again) is counted,
    recorded and left out; the end of a stream always comes last. The module holds its own lease on
    a frame while a worker reads it.
    """

    name = "process.object_detector"
    section = "objects"
    settings_model = ObjectSettings
    per_camera = True
    fixed_at_start = frozenset(SHARED_KEYS)
    consumes = (
        Consume(CAMERA_FRAME, "on_frame", policy=Policy.LATEST),
        Consume(DOORBELL_PRESSED, "on_press"),
        Consume(STATUS_LOAD, "on_load"),
    )
    publishes = (OBJECTS_DETECTED,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._cameras: dict[str, _Camera] = {}
        self._chores = Chores(context.log)
        self._share = LoadShare()
        self._look_count = 0
        self._failed_count = 0
        self._overtaken_count = 0
        self._last_error = ""

    async def configure(self, settings: ObjectSettings) -> None:
        """Take new settings.

        Raises:
            ConfigError: A camera overrides what all cameras share.
        """
        for camera in self.context.cameras:
            wrong = [
                k for k in SHARED_KEYS if k in self.context.section_override(camera, "objects")
            ]
            if wrong:
                raise ConfigError(
                    f"cameras.{camera}.objects.{wrong[0]} cannot differ from other cameras: all "
                    f"share the same workers; set objects.{wrong[0]} instead"
                )
        await super().configure(settings)
        for name, known in self._cameras.items():
            known.gate.adopt(self.camera_settings(name).to_attention())

    async def start(self) -> None:
        """Nothing to acquire: the pool and the frames belong to others."""

    async def stop(self) -> None:
        """Give up what is in work and every lease."""
        await self._chores.cancel()
        for camera in self._cameras.values():
            camera.line.release_all()
        self._cameras.clear()

    async def drain(self) -> None:
        """Wait until every look taken in was published."""
        await self._chores.finished()

    async def health(self) -> HealthStatus:
        """Degraded while the last look failed."""
        problem = self._chores.last_error or self._last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                "looks": self._look_count,
                "looks_failed": self._failed_count,
                "frames_overtaken": self._overtaken_count,
                "frames_shed": self._share.shed,
                "in_work": sum(each.line.running for each in self._cameras.values()),
            },
        )

    async def on_load(self, status: LoadStatus) -> None:
        """Leave out what the machine cannot do; presses are looked at all the same."""
        self._share.take(status)

    async def on_press(self, press: DoorbellEvent) -> None:
        """Look at every frame for a while, before all other work."""
        camera = self._camera(press.camera)
        look_s = self.camera_settings(press.camera).press_look_s
        if press.camera in self.context.captures:
            self.context.captures[press.camera].attend(look_s)
        pts_s = camera.last_pts_s if press.pts_s is None else press.pts_s
        camera.press_until_s = pts_s + look_s
        camera.gate.press(camera.press_until_s)

    async def on_frame(self, frame: Frame) -> None:
        """Decide whether a frame is worth a look, and have it looked at."""
        ref = frame.frame
        camera = self._camera(ref.camera)
        if frame.end_of_stream:
            # A camera that comes back begins with a new clock, but behind what is still in work.
            camera.gate = self._gate(ref.camera)
            camera.press_until_s = float("-inf")
            await camera.line.end(frame)
            return
        camera.last_pts_s = ref.pts_s
        attention = camera.gate.decide(ref.pts_s, is_moving=_is_moving(frame))
        self._explain(frame, attention)
        if not attention.looks:
            return
        look = Look(frame, is_press=ref.pts_s <= camera.press_until_s)
        if not look.is_press and (why := self._share.why_not(ref.camera, ref.pts_s)):
            self._record(frame, False, why, "", None, None)
            return
        if self.context.lossless:
            await camera.line.begin(look, LOSSLESS_IN_FLIGHT)
        elif camera.line.offer(look, self.camera_settings(ref.camera).max_in_flight):
            self._overtaken_count += 1
            self.context.decisions.record(
                self.name,
                ref.camera,
                "overtaken frame",
                False,
                "the worker pool is slower than the camera; a newer frame took its place",
                at_s=ref.pts_s,
            )

    def _camera(self, camera_id: str) -> _Camera:
        camera = self._cameras.get(camera_id)
        if camera is None:
            line = LookLine(self._ask, self._publish, self.context.captures, self._chores)
            camera = self._cameras[camera_id] = _Camera(line, self._gate(camera_id))
        return camera

    def _gate(self, camera_id: str) -> AttentionGate:
        return AttentionGate(self.camera_settings(camera_id).to_attention())

    # --- work ------------------------------------------------------------------------------------

    async def _ask(self, look: Look) -> ObjectResult | None:
        """Look at the whole picture, then closer where something moves that was not found."""
        ref = look.frame.frame
        settings = self.camera_settings(ref.camera)
        floor = settings.score_floor
        handle = FrameHandle(ref.ring, ref.slot, ref.generation, ref.width_px, ref.height_px)
        first = await self._ask_pool(look, ObjectJob(handle, score_floor=floor))
        if first is None:
            return None
        first = only(first, settings.labels)
        closer: list[tuple[Box, ObjectResult]] = []
        regions = settings.max_regions
        limit = regions if look.is_press else self._share.regions(regions)
        for tile in closer_tiles(look.frame, first, limit):
            job = ObjectJob(handle, (tile,), whole=False, score_floor=floor)
            part = await self._ask_pool(look, job)
            if part is not None:
                closer.append((tile, only(part, settings.labels)))
        return joined(first, closer)

    async def _ask_pool(self, look: Look, task: ObjectJob) -> ObjectResult | None:
        camera = look.frame.frame.camera
        job = Job(
            OBJECTS,
            task,
            priority=Priority.PRESS if look.is_press else Priority.CONTINUOUS,
            deadline_s=None if self.context.lossless else self.camera_settings(camera).deadline_s,
        )
        try:
            result: ObjectResult = await self.context.pool.submit(job)
        except SpyoncinoError as error:
            self._failed_count += 1
            self._last_error = str(error)
            self._record(look.frame, False, "the pool could not look at it", "", None, None)
            self.context.log.warning("a frame was not looked at", camera=camera, why=str(error))
            return None
        self._look_count += 1
        self._last_error = ""
        return result

    async def _publish(self, look: Look) -> None:
        frame, result = look.frame, look.result
        if result is None and not frame.end_of_stream:
            return
        found = result.detections if result else ()
        detections = tuple(
            Detection(label=each.label, score=min(1.0, float(each.score)), box=each.box)
            for each in found
        )
        event = DetectionEvent(
            frame=frame.frame,
            detections=detections,
            detector=result.detector if result else self.settings.detector,
            regions=result.looked_at if result else (),
            timestamp=frame.frame.utc,
            source=self.name,
            correlation_id=frame.correlation_id,
            end_of_stream=frame.end_of_stream,
        )
        await self.publish(OBJECTS_DETECTED, event)

    # --- why -------------------------------------------------------------------------------------

    def _explain(self, frame: Frame, attention: Attention) -> None:
        since_s = attention.since_s if math.isfinite(attention.since_s) else None
        self._record(
            frame,
            attention.looks,
            attention.reason,
            "seconds since the last look",
            since_s,
            attention.every_s,
        )

    def _record(
        self,
        frame: Frame,
        passed: bool,
        reason: str,
        quantity: str,
        value: float | None,
        limit: float | None,
    ) -> None:
        self.context.decisions.record(
            self.name,
            frame.frame.camera,
            "frame",
            passed,
            reason,
            quantity=quantity,
            value=value,
            limit=limit,
            at_s=frame.frame.pts_s,
        )


def _is_moving(frame: Frame) -> bool | None:
    """Whether something moves; while the background is being learned nobody knows, so yes."""
    motion = frame.motion
    if motion is None:
        return None
    return motion.calibrating or bool(motion.regions)
