"""Has the faces of people looked at: few full-size pictures, chosen well; a press before all else.

Live, few looks of a camera are in work and the newest one waits; what is left out is counted and
recorded. In a lossless run every look that is due is made and told in frame order.
"""

import math

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ProcessModule
from spyoncino.core.queues import Policy
from spyoncino.errors import ConfigError, SpyoncinoError
from spyoncino.events.face_moments import Moment
from spyoncino.events.labels import PERSON
from spyoncino.modules.chores import Chores
from spyoncino.modules.face_camera import FaceCamera
from spyoncino.modules.face_figures import LookFigures
from spyoncino.modules.face_frames import HeldFrames
from spyoncino.modules.face_line import FaceLine, Glance, LineLimits
from spyoncino.modules.face_load import FaceLoad
from spyoncino.modules.face_news import detection_of, failure_of
from spyoncino.modules.face_settings import SHARED_KEYS, FaceSettings
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.runtime.tasks import FaceJob
from spyoncino.schemas.detections import Track, TrackState, TrackUpdate
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.faces import FaceDetectionEvent
from spyoncino.schemas.frames import Frame, FrameRef
from spyoncino.schemas.status import HealthState, HealthStatus, LoadStatus
from spyoncino.schemas.topics import (
    CAMERA_BURST,
    CAMERA_FRAME,
    DETECTION_ERRORS,
    DOORBELL_PRESSED,
    FACES_DETECTED,
    MOTION_ZONED,
    STATUS_LOAD,
)

LOSSLESS_IN_FLIGHT = 8
"""Looks of one camera in work at a time in a lossless run: enough for several workers."""

TELL_TIME_EVERY_S = 1.0
"""Live: how often it is told that nothing is under way, so that no event waits for nothing."""


class FaceDetectorModule(ProcessModule[FaceSettings]):
    """Publishes ``process.face.detected`` for each frame whose faces were looked at.

    What fails for good is told on ``status.error.detection``. Looks of continuous work are the
    first that an overload sheds; those of a press are never shed by it.
    """

    name = "process.face_detector"
    section = "faces"
    settings_model = FaceSettings
    per_camera = True
    fixed_at_start = frozenset(SHARED_KEYS)
    consumes = (
        Consume(MOTION_ZONED, "on_tracks"),
        Consume(CAMERA_FRAME, "on_frame"),
        Consume(CAMERA_BURST, "on_burst", policy=Policy.BLOCK),
        Consume(DOORBELL_PRESSED, "on_press"),
        Consume(STATUS_LOAD, "on_load"),
    )
    publishes = (FACES_DETECTED, DETECTION_ERRORS)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._cameras: dict[str, FaceCamera] = {}
        self._chores = Chores(context.log)
        self._load = FaceLoad()
        self._detector = ""
        self._last_error = ""
        self._figures = LookFigures(context.clock)

    async def configure(self, settings: FaceSettings) -> None:
        """Take new settings.

        Raises:
            ConfigError: A camera overrides what all cameras share.
        """
        for camera in self.context.cameras:
            override = self.context.section_override(camera, self.section)
            wrong = [key for key in SHARED_KEYS if key in override]
            if wrong:
                raise ConfigError(
                    f"cameras.{camera}.faces.{wrong[0]} cannot differ from other cameras: all "
                    f"share the same workers; set faces.{wrong[0]} instead"
                )
        await super().configure(settings)
        self._detector = self._detector or settings.detector
        for name, known in self._cameras.items():
            known.moments.adopt(self.camera_settings(name).to_moments())

    async def start(self) -> None:
        """Nothing to acquire: the pool and the frames belong to others."""

    async def stop(self) -> None:
        """Give up what is in work and every lease."""
        await self._chores.cancel()
        for camera in self._cameras.values():
            camera.line.release_all()
            camera.frames.release_all()
        self._cameras.clear()

    async def drain(self) -> None:
        """Wait until every look taken in was told."""
        await self._chores.finished()

    async def health(self) -> HealthStatus:
        """Degraded while the last look failed, or while it is on and no worker can do it."""
        problem = self._chores.last_error or self._last_error
        if self.settings.enabled and not self.context.faces:
            problem = "faces.enabled was switched on while running: it holds from the next start"
        metrics = self.get_metrics()
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={key: each for key, each in metrics.items() if isinstance(each, int | float)},
        )

    def get_metrics(self) -> dict[str, float | int | str]:
        """The specified figures of face detection, and how much was left out.

        Times in seconds; the rate is looks per second over the last ten seconds.
        """
        lines = [each.line for each in self._cameras.values()]
        return {
            **self._figures.metrics(),
            "queue_size": sum(line.waiting for line in lines),
            "pending_jobs": sum(line.running for line in lines),
            "worker_count": self.context.pool.worker_count,
            "detector_type": self._detector,
            "looks_shed": self._load.shed,
        }

    async def on_load(self, status: LoadStatus) -> None:
        """Leave out what the machine cannot do; presses are looked at all the same."""
        self._load.take(status)

    async def on_press(self, press: DoorbellEvent) -> None:
        """For a while the people of this camera come before all other work."""
        settings = self.camera_settings(press.camera)
        if self._is_on(press.camera):
            camera = self._camera(press.camera)
            pts_s = camera.last_pts_s if press.pts_s is None else press.pts_s
            camera.press_until_s = pts_s + settings.press_look_s

    async def on_frame(self, frame: Frame) -> None:
        """Remember how large the camera's pictures are; keep the last where they are full size."""
        ref = frame.frame
        if not self._is_on(ref.camera):
            return
        camera = self._camera(ref.camera)
        camera.source_px = frame.source_width_px
        if not (self.context.lossless or frame.end_of_stream):
            camera.frames.take(frame)

    async def on_burst(self, frame: Frame) -> None:
        """Look at a picture of a press: at the people in it, and at the whole."""
        ref = frame.frame
        if frame.end_of_stream or not self._is_on(ref.camera):
            return
        camera = self._camera(ref.camera)
        camera.source_px = frame.source_width_px
        people = camera.places.at(ref.pts_s)
        if people and all(camera.moments.is_settled(track_id) for track_id in people):
            self._record(ref, "look after a press", False, "enough good faces of all are known")
            return
        handle = FrameHandle(ref.ring, ref.slot, ref.generation, ref.width_px, ref.height_px)
        self.context.captures.hold(handle)
        glance = Glance(
            frame=ref,
            frame_event_id=frame.event_id,
            regions=camera.regions(people, ref.pts_s),
            whole=True,
            handle=handle,
            is_press=True,
            trigger_id=frame.trigger_id,
            sequence_number=frame.sequence_number,
            correlation_id=frame.correlation_id,
        )
        for track_id, box in people.items():
            camera.moments.begin(track_id, ref.pts_s, box.width * camera.source_px)
        self._record(ref, "look after a press", True, "somebody rang")
        await self._begin(camera, glance)

    async def on_tracks(self, update: TrackUpdate) -> None:
        """Choose whose face is worth a look now."""
        frame = update.frame
        camera_id = frame.camera
        if not self._is_on(camera_id) and not (self.context.lossless and self.context.faces):
            return
        camera = self._camera(camera_id)
        if update.end_of_stream:
            camera.begin_again()
            await camera.line.mark(Glance(frame, update.event_id, end_of_stream=True))
            return
        camera.last_pts_s = frame.pts_s
        camera.line.seen_s = max(camera.line.seen_s, frame.pts_s)
        is_press = frame.pts_s <= camera.press_until_s
        due = self._due(camera, update, is_press=is_press) if self._is_on(camera_id) else []
        if not due:
            await self._tell_time(camera, update)
            return
        for track in due:
            camera.moments.begin(track.track_id, frame.pts_s, self._width_px(camera, track, frame))
        glance = Glance(
            frame=frame,
            frame_event_id=update.event_id,
            regions=camera.regions({each.track_id: each.box for each in due}, frame.pts_s),
            whole=is_press,
            handle=camera.frames.lend(frame),
            is_press=is_press,
            correlation_id=update.correlation_id,
        )
        if math.isinf(camera.time_told_s):
            camera.time_told_s = float("-inf")
        await self._begin(camera, glance)

    # --- choice ----------------------------------------------------------------------------------

    def _is_on(self, camera: str) -> bool:
        return self.context.faces and self.camera_settings(camera).enabled

    def _camera(self, camera_id: str) -> FaceCamera:
        camera = self._cameras.get(camera_id)
        if camera is None:
            captures = self.context.captures
            line = FaceLine(
                self._ask,
                self._tell,
                captures.release,
                self._chores,
                is_ordered=self.context.lossless,
            )
            spec = self.camera_settings(camera_id).to_moments()
            camera = self._cameras[camera_id] = FaceCamera(line, spec, HeldFrames(captures))
        return camera

    def _due(self, camera: FaceCamera, update: TrackUpdate, *, is_press: bool) -> list[Track]:
        frame = update.frame
        due: list[Track] = []
        for track in update.tracks:
            if track.label != PERSON:
                continue
            if track.state is TrackState.ENDED:
                camera.forget(track.track_id)
                continue
            if track.state is not TrackState.CONFIRMED or track.end_s < frame.pts_s - 1e-6:
                continue  # its box is a guess, not seen in this frame
            camera.places.see(track.track_id, frame.pts_s, track.box)
            width_px = self._width_px(camera, track, frame)
            moment = camera.moments.decide(track.track_id, frame.pts_s, width_px)
            self._explain(frame, track, moment)
            if moment.looks:
                due.append(track)
        if due and not is_press:
            known = all(camera.moments.is_settled(each.track_id) for each in due)
            why = self._load.why_not(frame.camera, frame.pts_s, is_known=known)
            if why:
                self._record(frame, "look at faces", False, why)
                return []
        return due

    def _width_px(self, camera: FaceCamera, track: Track, frame: FrameRef) -> float:
        return track.box.clipped().width * (camera.source_px or frame.width_px)

    # --- work ------------------------------------------------------------------------------------

    async def _begin(self, camera: FaceCamera, glance: Glance) -> None:
        if self.context.lossless:
            await camera.line.begin(glance, LOSSLESS_IN_FLIGHT)
            return
        settings = self.camera_settings(glance.frame.camera)
        limits = LineLimits(settings.max_in_flight, settings.max_burst_waiting)
        for lost in camera.line.offer(glance, limits):
            self._figures.overtaken += 1
            why = "the worker pool is slower than the camera; a newer frame took its place"
            self._record(lost.frame, "overtaken look at faces", False, why)

    async def _ask(self, glance: Glance) -> None:
        """Get the full-size picture and have it looked at."""
        frame = glance.frame
        settings = self.camera_settings(frame.camera)
        handle = glance.handle
        if handle is None:
            try:
                capture = self.context.captures[frame.camera]
                handle = await capture.frame_at(frame.pts_s, timeout_s=settings.frame_timeout_s)
            except SpyoncinoError as error:
                glance.error = error
                return
            glance.handle = handle
        regions, whole = glance.regions, glance.whole
        job = FaceJob(handle, regions, whole, max_faces=settings.max_faces)
        glance.result = await self.context.pool.run(settings.to_job(job, is_press=glance.is_press))

    async def _tell(self, glance: Glance) -> None:
        """Publish what a look found, why it failed, or how far the looks are."""
        camera = self._camera(glance.frame.camera)
        settled_s = camera.line.settled_s()
        if math.isfinite(settled_s):
            camera.time_told_s = settled_s
        if glance.looked and (failure := failure_of(glance, self.name, self._detector)):
            self._figures.failed += 1
            self._last_error = failure.error
            self._record(glance.frame, "look at faces", False, "it failed for good")
            self.context.log.warning(
                "faces were not looked at", camera=glance.frame.camera, why=failure.error
            )
            await self.publish(DETECTION_ERRORS, failure)
            glance.looked = False
        found = detection_of(glance, self.name, self._detector, settled_s)
        if glance.looked:
            self._note(camera, glance, found)
        await self.publish(FACES_DETECTED, found)

    def _note(self, camera: FaceCamera, glance: Glance, found: FaceDetectionEvent) -> None:
        self._last_error = ""
        self._detector = found.detection_metadata.detector_type
        self._figures.note(found)
        for track_id in (each.track_id for each in glance.regions):
            if track_id is not None:
                mine = tuple(face for face in found.faces if face.track_id == track_id)
                camera.note(track_id, mine, glance.frame.pts_s)
        best = max((f.quality.score for f in found.faces if f.quality), default=None)
        self._record(
            glance.frame,
            "faces",
            bool(found.faces),
            "faces were found" if found.faces else "no face was found",
            "quality of the best" if best is not None else "",
            best,
        )

    async def _tell_time(self, camera: FaceCamera, update: TrackUpdate) -> None:
        """Nobody is looked at in this frame: say how far the looks are, live now and then."""
        since_s = update.frame.pts_s - camera.time_told_s
        if self.context.lossless or since_s >= TELL_TIME_EVERY_S:
            await camera.line.mark(Glance(update.frame, update.event_id))

    # --- why -------------------------------------------------------------------------------------

    def _explain(self, frame: FrameRef, track: Track, moment: Moment) -> None:
        self._record(
            frame,
            f"face of track {track.track_id}",
            moment.looks,
            moment.reason,
            moment.quantity,
            moment.value if moment.quantity else None,
            moment.limit if moment.quantity else None,
        )

    def _record(
        self,
        frame: FrameRef,
        subject: str,
        passed: bool,
        reason: str,
        quantity: str = "",
        value: float | None = None,
        limit: float | None = None,
    ) -> None:
        self.context.decisions.record(
            self.name,
            frame.camera,
            subject,
            passed,
            reason,
            quantity=quantity,
            value=value,
            limit=limit,
            at_s=frame.pts_s,
        )
