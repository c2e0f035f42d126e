"""Tells what moved: judges the measurement that was made beside the decoder.

The measuring itself happens in the capture process; this module only compares and publishes.
"""

from typing import ClassVar, Literal

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.detectors.motion_spec import MotionSpec
from spyoncino.events.labels import MOTION
from spyoncino.schemas.detections import Detection, MotionEvent
from spyoncino.schemas.frames import Frame, MotionMeasurement
from spyoncino.schemas.status import HealthStatus
from spyoncino.schemas.topics import CAMERA_FRAME, MOTION_DETECTED

_DEFAULTS = MotionSpec()


class MotionSettings(ModuleSettings):
    """Section ``motion``: how each camera measures movement."""

    method: Literal["average", "mog2", "off"] = Field(
        default=_DEFAULTS.method,
        description="average: running average, cheapest; mog2: mixture of Gaussians, better with "
        "repeated movement at twice the cost; off: every analysed frame is searched for objects.",
    )
    sensitivity: float = Field(
        default=_DEFAULTS.sensitivity,
        ge=0,
        le=1,
        description="0: only strong changes, 1: faint ones too.",
    )
    min_area: float = Field(
        default=_DEFAULTS.min_area,
        ge=0,
        lt=1,
        description="Smallest thing that counts, as a fraction of the picture's area.",
    )
    absorb_s: float = Field(
        default=_DEFAULTS.absorb_s,
        gt=0,
        description="Seconds after which what stands still belongs to the background.",
    )

    def to_spec(self) -> MotionSpec:
        """What a capture process needs to know of it."""
        return MotionSpec(
            method=self.method,
            sensitivity=self.sensitivity,
            min_area=self.min_area,
            absorb_s=self.absorb_s,
        )


class MotionDetectorModule(ProcessModule[MotionSettings]):
    """Publishes ``process.motion.detected`` for every frame in which a thing moved.

    A light that was switched, and the first seconds in which the background is learned, are no
    motion; each such judgement is recorded.
    """

    name = "process.motion_detector"
    section = "motion"
    settings_model = MotionSettings
    per_camera = True
    consumes = (Consume(CAMERA_FRAME, "on_frame"),)
    publishes = (MOTION_DETECTED,)

    QUANTITY: ClassVar[str] = "changed share of the picture"

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._frame_count = 0
        self._motion_count = 0

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Nothing to release."""

    async def health(self) -> HealthStatus:
        """Always well; tells how many frames had motion."""
        return HealthStatus(
            numbers={"frames": self._frame_count, "frames_with_motion": self._motion_count}
        )

    async def on_frame(self, frame: Frame) -> None:
        """Judge one frame's measurement; the end of a stream is passed on."""
        if frame.end_of_stream:
            await self._publish(frame, ())
            return
        self._frame_count += 1
        motion = frame.motion
        if motion is None:
            return
        is_motion, reason = _judge(motion)
        self.context.decisions.record(
            self.name,
            frame.frame.camera,
            "frame",
            is_motion,
            reason,
            quantity=self.QUANTITY,
            value=motion.score,
            limit=self.camera_settings(frame.frame.camera).min_area,
            at_s=frame.frame.pts_s,
        )
        if is_motion:
            self._motion_count += 1
            found = (Detection(label=MOTION, score=motion.score, box=box) for box in motion.regions)
            await self._publish(frame, tuple(found))

    async def _publish(self, frame: Frame, found: tuple[Detection, ...]) -> None:
        event = MotionEvent(
            frame=frame.frame,
            detections=found,
            detector=MOTION,
            timestamp=frame.frame.utc,
            source=self.name,
            correlation_id=frame.correlation_id,
            end_of_stream=frame.end_of_stream,
        )
        await self.publish(MOTION_DETECTED, event)


def _judge(motion: MotionMeasurement) -> tuple[bool, str]:
    """Whether a thing moved, and the reason."""
    if motion.calibrating:
        return False, "the background is still being learned"
    if motion.regions:
        return True, "something moves"
    if motion.light_change:
        return False, "the light changed"
    return False, "what changed is scattered, or smaller than motion.min_area"
