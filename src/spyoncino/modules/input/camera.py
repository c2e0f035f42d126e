"""Runs the configured cameras and puts their frames, presses and states on the bus.

The work is done in capture processes; this module starts them, translates what they say into
payloads and holds each frame's lease until everybody on the bus is done with it.
"""

import asyncio
import sys
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, InputModule, ModuleSettings
from spyoncino.core.guard import guarded, sentence
from spyoncino.core.queues import Policy
from spyoncino.errors import BusClosedError, StorageError
from spyoncino.runtime.capture.messages import (
    CaptureMessage,
    EndOfStream,
    FrameReady,
    PictureLooked,
    Pressed,
    SourceOpened,
    SourceStateChanged,
)
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.schemas import topics
from spyoncino.schemas.base import new_id
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.frames import Frame, FrameRef, MotionMeasurement
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.picture import PictureLook
from spyoncino.schemas.status import CameraState, CameraStatus, HealthState, HealthStatus


class CameraInputSettings(ModuleSettings):
    """Section ``capture``: how cameras are run."""

    at_once: int | None = Field(
        default=None,
        ge=1,
        description="Cameras that run at the same time; the others wait until one has ended. "
        "Empty: all.",
    )


class CameraFeed:
    """What one camera has said so far.

    Args:
        camera: Its id.
        capture: Its capture process.
    """

    def __init__(self, camera: str, capture: CaptureHandle) -> None:
        self.camera = camera
        self.capture = capture
        self.task: asyncio.Task[None] | None = None
        self.state = CameraState.CONNECTING
        self.detail = ""
        self.trouble = ""
        self.frames = 0
        self.gaps = 0
        self.lost_s = 0.0
        self.last: Frame | None = None
        self.format: SourceOpened | None = None
        self.correlation_id = new_id()


class CameraInput(InputModule[CameraInputSettings]):
    """Publishes ``camera.{id}.frame``, ``doorbell.{id}.pressed`` and ``status.camera``."""

    name = "input.camera"
    section = "capture"
    settings_model = CameraInputSettings
    consumes = (Consume(topics.SYSTEM_MODE, "on_mode", Policy.LATEST),)
    publishes = (
        topics.CAMERA_FRAME,
        topics.CAMERA_LOOK,
        topics.DOORBELL_PRESSED,
        topics.STATUS_CAMERA,
    )
    fixed_at_start = frozenset({"at_once"})
    camera_keys = frozenset({"enabled", "off_in"})

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._feeds: dict[str, CameraFeed] = {}
        self._places: asyncio.Semaphore | None = None
        self._mode: Mode | None = None
        self._changing = asyncio.Lock()

    async def configure(self, settings: CameraInputSettings) -> None:
        """Take new settings, and the cameras as they are now; those that are the same run on."""
        await super().configure(settings)
        if self._places is None:
            return
        async with self._changing:
            cameras = self._cameras()
            for name, feed in list(self._feeds.items()):
                if name not in cameras or self.context.captures[name] is not feed.capture:
                    del self._feeds[name]
                    await self._leave(feed)
            if self._mode is None:
                self._mode = await self._mode_now(cameras)
            for name in cameras:
                if name not in self._feeds:
                    await self._enter(name)
            await self._follow_mode()

    async def start(self) -> None:
        """Start a capture process for each camera, as many at once as the settings allow."""
        self._places = asyncio.Semaphore(self.settings.at_once or sys.maxsize)
        cameras = self._cameras()
        self._mode = await self._mode_now(cameras)
        for camera in cameras:
            await self._enter(camera)

    async def on_mode(self, told: SystemMode) -> None:
        """Switch cameras off that are not to see anything in this mode, and on again after it."""
        async with self._changing:
            self._mode = told.mode
            await self._follow_mode()

    async def drain(self) -> None:
        """Stop the sources and tell everybody behind that no frame follows.

        The capture processes stay: open clips and pictures still come from them.
        """
        await self._cancel()
        for feed in self._feeds.values():
            if feed.state not in (CameraState.ENDED, CameraState.OFF):
                await self._publish_end(feed)

    async def stop(self) -> None:
        """End the capture processes."""
        self._places = None
        await self._cancel()
        async with asyncio.TaskGroup() as group:
            for feed in self._feeds.values():
                group.create_task(feed.capture.stop())

    async def health(self) -> HealthStatus:
        """As good as the worst camera; says which and why."""
        numbers: dict[str, float] = {}
        troubles: list[str] = []
        for feed in self._feeds.values():
            numbers[f"{feed.camera}.frames"] = float(feed.frames)
            numbers[f"{feed.camera}.gaps"] = float(feed.gaps)
            numbers[f"{feed.camera}.lost_s"] = feed.lost_s
            if feed.trouble:
                troubles.append(f"camera {feed.camera} is {feed.state}: {feed.trouble}")
        if not troubles:
            return HealthStatus(numbers=numbers)
        return HealthStatus(state=HealthState.DEGRADED, detail="; ".join(troubles), numbers=numbers)

    def _cameras(self) -> list[str]:
        return [name for name, camera in self.context.cameras.items() if camera.enabled]

    async def _mode_now(self, cameras: list[str]) -> Mode | None:
        """The mode, where a camera depends on it: not one picture before it is known."""
        if self.context.lossless or not any(self.context.cameras[c].off_in for c in cameras):
            return None
        answer = await self.context.bus.request(topics.MODE_ORDER, ModeOrder(source=self.name))
        return SystemMode.model_validate(answer.model_dump()).mode

    def _is_off(self, camera: str) -> bool:
        return not self.context.lossless and self._mode in self.context.cameras[camera].off_in

    async def _follow_mode(self) -> None:
        for feed in self._feeds.values():
            is_off = feed.state is CameraState.OFF
            if is_off and not self._is_off(feed.camera):
                self._begin(feed)
            elif not is_off and self._is_off(feed.camera):
                await _ended(feed.task)
                await feed.capture.stop()
                await self._publish_end(feed)
                await self._publish_state(feed, CameraState.OFF, f"{self._mode} mode")

    async def _enter(self, camera: str) -> None:
        feed = self._feeds[camera] = CameraFeed(camera, self.context.captures[camera])
        if self._is_off(camera):
            await self._publish_state(feed, CameraState.OFF, f"{self._mode} mode")
        else:
            self._begin(feed)

    def _begin(self, feed: CameraFeed) -> None:
        if self._places is not None:
            feed.state = CameraState.CONNECTING
            running = self._run(feed, self._places)
            feed.task = asyncio.create_task(running, name=f"{self.name} {feed.camera}")

    async def _leave(self, feed: CameraFeed) -> None:
        """End a camera whose process was taken away: nothing follows of what it showed."""
        await _ended(feed.task)
        if feed.state is not CameraState.OFF:
            await self._publish_end(feed)
        if feed.camera not in self._cameras():
            await self._publish_state(feed, CameraState.OFF)

    async def _cancel(self) -> None:
        await asyncio.gather(*(_ended(feed.task) for feed in self._feeds.values()))

    async def _run(self, feed: CameraFeed, places: asyncio.Semaphore) -> None:
        """One camera from start to end; whatever goes wrong ends this camera alone, visibly."""
        async with places:
            error = await guarded(self._relay(feed))
            if error is not None:
                self.context.log.error("camera given up", camera=feed.camera, exc_info=error)
                await self._publish_end(feed)
                await self._publish_state(feed, CameraState.ENDED, sentence(error))

    async def _relay(self, feed: CameraFeed) -> None:
        await feed.capture.start()
        async for message in feed.capture.messages():
            with suppress(BusClosedError):
                await self._translate(feed, message)
            if isinstance(message, EndOfStream):
                return

    async def _translate(self, feed: CameraFeed, message: CaptureMessage) -> None:
        match message:
            case FrameReady():
                await self._publish_frame(feed, message)
            case PictureLooked():
                await self._publish_look(feed, message)
            case Pressed():
                await self._publish_press(feed, message)
            case SourceOpened():
                feed.format = message
            case SourceStateChanged():
                if message.gap_s:
                    feed.gaps += 1
                    feed.lost_s += message.gap_s
                await self._publish_state(feed, CameraState(message.state), message.detail)
            case EndOfStream():
                await self._publish_end(feed)
                await self._publish_state(
                    feed,
                    CameraState.ENDED,
                    message.error,
                    {"frames": float(message.frame_count), "end_s": message.pts_s},
                )

    async def _publish_frame(self, feed: CameraFeed, message: FrameReady) -> None:
        capture = feed.capture
        size = feed.format or message.handle
        motion = message.motion
        frame = Frame(
            source=feed.camera,
            correlation_id=feed.correlation_id,
            timestamp=_utc(message.utc_epoch_s),
            frame=FrameRef(
                camera=feed.camera,
                ring=message.handle.ring,
                slot=message.handle.slot,
                generation=message.handle.generation,
                width_px=message.handle.width_px,
                height_px=message.handle.height_px,
                frame_index=message.frame_index,
                pts_s=message.pts_s,
                monotonic_ns=message.monotonic_ns,
                utc=_utc(message.utc_epoch_s),
            ),
            sequence_number=message.sequence,
            source_width_px=size.width_px,
            source_height_px=size.height_px,
            motion=None
            if motion is None
            else MotionMeasurement(
                score=motion.score,
                regions=motion.regions,
                light_change=motion.light_change,
                calibrating=motion.calibrating,
            ),
        )
        feed.frames += 1
        feed.last = frame
        await self.publish(
            topics.CAMERA_FRAME.of(feed.camera),
            frame,
            on_settled=lambda: capture.release(message.handle),
        )

    async def _publish_look(self, feed: CameraFeed, message: PictureLooked) -> None:
        facts = message.facts
        look = PictureLook(
            source=feed.camera,
            correlation_id=feed.correlation_id,
            timestamp=_utc(message.utc_epoch_s),
            camera=feed.camera,
            pts_s=message.pts_s,
            brightness_grey=facts.brightness_grey,
            contrast_grey=facts.contrast_grey,
            sharpness_grey=facts.sharpness_grey,
            structure=facts.structure,
            is_grey=facts.is_grey,
            same=facts.same,
            sketch=b64encode(facts.sketch).decode(),
        )
        await self.publish(topics.CAMERA_LOOK.of(feed.camera), look)

    async def _publish_press(self, feed: CameraFeed, message: Pressed) -> None:
        known = self.context.doorbells.at_camera(feed.camera)
        doorbell = known.doorbell_id if known else message.doorbell
        # The same file gives the same events, ids of presses included, whenever it is analysed.
        fixed_id = f"press-{feed.camera}-{message.pts_s:.6f}"
        press = DoorbellEvent(
            event_id=fixed_id if self.context.lossless else new_id(),
            source=feed.camera,
            correlation_id=feed.correlation_id,
            timestamp=_utc(message.utc_epoch_s),
            doorbell=doorbell,
            camera=feed.camera,
            pts_s=message.pts_s,
            method="simulator",
        )
        try:
            await self.publish(topics.DOORBELL_PRESSED.of(doorbell), press)
        except StorageError as error:  # it is on its way all the same
            self.context.log.error("a press is not safe", camera=feed.camera, error=str(error))

    async def _publish_end(self, feed: CameraFeed) -> None:
        """Tell that no frame follows; a camera that never showed one has nothing to end."""
        if feed.last is not None:
            end = feed.last.model_copy(
                update={"event_id": new_id(), "end_of_stream": True, "motion": None}
            )
            feed.last = None
            await self.publish(topics.CAMERA_FRAME.of(feed.camera), end)

    async def _publish_state(
        self,
        feed: CameraFeed,
        state: CameraState,
        detail: str = "",
        numbers: dict[str, float] | None = None,
    ) -> None:
        if state is CameraState.RETRYING:
            # Camera time begins again with the next connection: nothing may be carried over.
            await self._publish_end(feed)
        feed.state = state
        feed.detail = detail
        if state is CameraState.LIVE:
            feed.trouble = detail  # such as a sub stream that is missing
        elif state in (CameraState.ENDED, CameraState.OFF):
            feed.trouble = ""
        elif state is not CameraState.CONNECTING:  # each new attempt is no sign of health
            feed.trouble = detail or f"it is {state.value}"
        status = CameraStatus(
            source=self.name,
            camera=feed.camera,
            state=state,
            detail=detail,
            numbers={**(numbers or {}), "gaps": float(feed.gaps), "lost_s": feed.lost_s},
        )
        self.context.log.info("camera", camera=feed.camera, state=state.value, detail=detail)
        await self.publish(topics.STATUS_CAMERA, status)


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _utc(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
