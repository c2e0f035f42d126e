"""Pictures of a press: full-size, from before it until after it, on ``camera.{id}.burst``.

A press never waits for them. A camera that shows nothing gives none; that is told, not retried.
"""

from contextlib import aclosing
from datetime import UTC, datetime

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, InputModule, ModuleSettings
from spyoncino.errors import BusClosedError, MediaError, UsageError
from spyoncino.modules.chores import Chores
from spyoncino.runtime.capture.messages import BurstOrder, BurstPicture
from spyoncino.schemas import topics
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.frames import Frame, FrameRef
from spyoncino.schemas.status import HealthState, HealthStatus


class BurstSettings(ModuleSettings):
    """Section ``burst``: full-size pictures of every press; `doorbells` says how many."""

    enabled: bool = Field(default=True, description="Whether a press takes pictures at all.")
    wait_s: float = Field(
        default=10.0, gt=0, description="So long the next picture of a burst is waited for."
    )


class PressBurst(InputModule[BurstSettings]):
    """Publishes a ``Frame`` for each picture, with the id of its press as ``trigger_id``.

    One burst of a camera at a time: a press during it is served by its pictures. There is none in
    a lossless run, which looks at every picture anyway.
    """

    name = "input.press_burst"
    section = "burst"
    settings_model = BurstSettings
    consumes = (Consume(topics.DOORBELL_PRESSED, "on_press"),)
    publishes = (topics.CAMERA_BURST,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._chores = Chores(context.log)
        self._busy: set[str] = set()
        self._bursts = self._joined = self._pictures = self._missed = 0
        self._first_ms = 0.0

    async def start(self) -> None:
        """Nothing to acquire: the capture processes belong to others."""

    async def stop(self) -> None:
        """Give up the bursts under way."""
        await self._chores.cancel()

    async def drain(self) -> None:
        """Wait until the bursts under way are over."""
        await self._chores.finished()

    async def health(self) -> HealthStatus:
        """Tells how many pictures there were, and how soon the first one of the last burst came."""
        return HealthStatus(
            state=HealthState.DEGRADED if self._chores.last_error else HealthState.OK,
            detail=self._chores.last_error,
            numbers={
                "bursts": float(self._bursts),
                "joined": float(self._joined),
                "pictures": float(self._pictures),
                "bursts_without": float(self._missed),
                "first_ms": self._first_ms,
            },
        )

    async def on_press(self, press: DoorbellEvent) -> None:
        """Begin a burst, unless the camera takes one already."""
        if not self.settings.enabled or self.context.lossless:
            return
        if press.camera in self._busy:
            self._joined += 1
            self._decide(press, False, "the pictures of the press just before serve this one, too")
            return
        self._busy.add(press.camera)
        self._chores.start(
            self._take(press, self.context.clock.monotonic_ns()), f"burst of {press.camera}"
        )

    async def _take(self, press: DoorbellEvent, begun_ns: int) -> None:
        taken = 0
        try:
            capture = self.context.captures[press.camera]
            async with aclosing(
                capture.burst(self._order(press), self.settings.wait_s)
            ) as pictures:
                async for picture in pictures:
                    if not taken:
                        now_ns = self.context.clock.monotonic_ns()
                        self._first_ms = (now_ns - begun_ns) / 1e6
                    taken += 1
                    await self._publish(press, picture)
        except (MediaError, UsageError) as error:  # it does not run, or is gone
            self._missed += not taken
            self._decide(press, bool(taken), str(error), taken)
        except BusClosedError:
            return
        else:
            self._decide(press, True, "pictures from before the press and after it", taken)
        finally:
            self._bursts += 1
            self._busy.discard(press.camera)

    def _order(self, press: DoorbellEvent) -> BurstOrder:
        settings = self.context.doorbells.settings_of(press.doorbell)
        return BurstOrder(
            press.pts_s, settings.before_s, settings.burst_count, settings.burst_interval_s
        )

    async def _publish(self, press: DoorbellEvent, picture: BurstPicture) -> None:
        captures, handle = self.context.captures, picture.handle
        captured_at = datetime.fromtimestamp(picture.utc_epoch_s, UTC)
        frame = Frame(
            source=press.camera,
            correlation_id=press.correlation_id or press.event_id,
            timestamp=captured_at,
            frame=FrameRef(
                camera=press.camera,
                ring=handle.ring,
                slot=handle.slot,
                generation=handle.generation,
                width_px=handle.width_px,
                height_px=handle.height_px,
                frame_index=picture.number,
                pts_s=picture.pts_s,
                monotonic_ns=picture.monotonic_ns,
                utc=captured_at,
            ),
            sequence_number=picture.number,
            source_width_px=handle.width_px,
            source_height_px=handle.height_px,
            trigger_id=press.event_id,
        )
        self._pictures += 1
        await self.publish(
            topics.CAMERA_BURST.of(press.camera),
            frame,
            on_settled=lambda: captures.release(handle),
        )

    def _decide(self, press: DoorbellEvent, passed: bool, reason: str, pictures: int = 0) -> None:
        self.context.decisions.record(
            self.name,
            press.camera,
            f"burst of press {press.event_id}",
            passed,
            reason,
            quantity="pictures",
            value=float(pictures),
            at_s=press.pts_s or 0.0,
        )
