"""What capture processes say becomes payloads on the bus, and leases end when all have looked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.detectors.motion_spec import MotionFacts
from spyoncino.errors import StorageError
from spyoncino.geometry.boxes import Box
from spyoncino.modules.input.camera import CameraInput
from spyoncino.runtime.capture.messages import (
    CaptureMessage,
    EndOfStream,
    FrameReady,
    Pressed,
    SourceOpened,
    SourceStateChanged,
)
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.status import CameraState, HealthState
from spyoncino.schemas.topics import (
    CAMERA_FRAME,
    DOORBELL_PRESSED,
    MODE_ORDER,
    STATUS_CAMERA,
    SYSTEM_MODE,
)
from spyoncino.testing.harness import ModuleHarness

BOX = Box(0.1, 0.2, 0.3, 0.4)
EPOCH_S = 1_780_000_000.0
LIVE = SourceStateChanged("live")
OPENED = SourceOpened(
    width_px=1920,
    height_px=1080,
    fps=25.0,
    codec="h264",
    is_encoded=False,
    has_audio=False,
    analysis_width_px=640,
    analysis_height_px=360,
    ring="door.ring",
    slots=4,
)


def frame_ready(sequence: int, motion: MotionFacts | None = None) -> FrameReady:
    return FrameReady(
        handle=FrameHandle("door.ring", sequence % 4, 1 + sequence // 4, 640, 360),
        frame_index=2 * sequence,
        sequence=sequence,
        pts_s=sequence / 5,
        monotonic_ns=sequence,
        utc_epoch_s=EPOCH_S + sequence / 5,
        motion=motion,
    )


@dataclass(eq=False)
class ScriptedCapture:
    """Says what a test puts into its queue."""

    error: Exception | None = None
    said: "asyncio.Queue[CaptureMessage]" = field(default_factory=asyncio.Queue)
    released: list[FrameHandle] = field(default_factory=list)
    is_started: bool = False
    is_stopped: bool = False

    async def start(self) -> None:
        self.is_started = True
        if self.error is not None:
            raise self.error

    async def stop(self) -> None:
        self.is_stopped = True

    async def messages(self) -> AsyncIterator[CaptureMessage]:
        while True:
            yield await self.said.get()

    def release(self, handle: FrameHandle) -> None:
        self.released.append(handle)

    def say(self, *messages: CaptureMessage) -> None:
        for message in messages:
            self.said.put_nowait(message)


Build = Callable[..., dict[str, ScriptedCapture]]


@pytest.fixture
def cameras(module_harness: ModuleHarness) -> Build:
    """Configures cameras with scripted captures."""

    def build(*names: str, **changes: Any) -> dict[str, ScriptedCapture]:
        captures = {name: ScriptedCapture() for name in names}
        for name in names:
            module_harness.set_camera(name, **changes)
        module_harness.context.captures = cast("Any", captures)
        return captures

    return build


def states(harness: ModuleHarness) -> list[tuple[str, str, str]]:
    return [
        (status.camera, status.state.value, status.detail)
        for status in harness.received(STATUS_CAMERA)
    ]


async def test_a_frame_is_told_with_its_place_its_times_and_its_motion(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    await module_harness.add(CameraInput)
    door.say(OPENED, LIVE, frame_ready(3, MotionFacts(0.2, (BOX,), light_change=True)))
    await module_harness.settle()

    (frame,) = module_harness.received(CAMERA_FRAME.of("door"))
    assert frame.source == "door"
    assert (frame.sequence_number, frame.frame.frame_index, frame.frame.pts_s) == (3, 6, 0.6)
    assert (frame.frame.slot, frame.frame.generation, frame.frame.width_px) == (3, 1, 640)
    assert (frame.source_width_px, frame.source_height_px) == (1920, 1080)
    assert frame.frame.utc.timestamp() == pytest.approx(EPOCH_S + 0.6)
    assert frame.motion is not None
    assert (frame.motion.score, frame.motion.regions) == (0.2, (BOX,))
    assert frame.motion.light_change
    assert not frame.motion.calibrating
    assert not frame.end_of_stream


async def test_without_a_motion_detector_a_frame_tells_none(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    await module_harness.add(CameraInput)
    door.say(frame_ready(0))
    await module_harness.settle()

    (frame,) = module_harness.received(CAMERA_FRAME.of("door"))
    assert frame.motion is None
    assert frame.source_width_px == 640, "the size of the ring until the source told its own"


async def test_a_lease_ends_when_the_last_receiver_is_done(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    has_looked = asyncio.Event()

    async def look(_message: Message) -> None:
        await has_looked.wait()

    module_harness.bus.subscribe(CAMERA_FRAME, look, name="slow", policy=Policy.BLOCK)
    await module_harness.add(CameraInput)
    message = frame_ready(0)
    door.say(message)
    for _ in range(20):
        await asyncio.sleep(0)
    assert door.released == []

    has_looked.set()
    await module_harness.settle()

    assert door.released == [message.handle]


async def test_a_press_is_told_under_the_configured_doorbell(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door", doorbell="front")["door"]
    await module_harness.add(CameraInput)
    door.say(Pressed("simulated", 2.5, 1, EPOCH_S))
    await module_harness.settle()

    (press,) = module_harness.received(DOORBELL_PRESSED.of("front"))
    assert (press.doorbell, press.camera, press.pts_s) == ("front", "door", 2.5)
    assert press.method == "simulator"


async def test_frames_and_presses_of_a_camera_share_a_correlation_id(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    captures = cameras("door", "yard")
    await module_harness.add(CameraInput)
    captures["door"].say(frame_ready(0), frame_ready(1), Pressed("bell", 0.3, 1, EPOCH_S))
    captures["yard"].say(frame_ready(0))
    await module_harness.settle()

    door = {frame.correlation_id for frame in module_harness.received(CAMERA_FRAME.of("door"))}
    (yard,) = module_harness.received(CAMERA_FRAME.of("yard"))
    (press,) = module_harness.received(DOORBELL_PRESSED.of("bell"))
    assert door == {press.correlation_id}
    assert yard.correlation_id not in door


async def test_the_end_of_a_file_passes_the_line_and_is_told_with_numbers(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    await module_harness.add(CameraInput)
    door.say(LIVE, frame_ready(0), EndOfStream(7.5, 99))
    await module_harness.settle()

    frames = module_harness.received(CAMERA_FRAME.of("door"))
    assert [frame.end_of_stream for frame in frames] == [False, True]
    assert frames[1].frame == frames[0].frame
    assert frames[1].event_id != frames[0].event_id
    ended = module_harness.received(STATUS_CAMERA)[-1]
    assert (ended.state, ended.detail) == (CameraState.ENDED, "")
    assert ended.numbers == {"frames": 99.0, "end_s": 7.5, "gaps": 0.0, "lost_s": 0.0}


async def test_a_camera_that_never_showed_a_frame_has_nothing_to_end(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    await module_harness.add(CameraInput)
    door.say(EndOfStream(0.0, 0, "it is empty"))
    await module_harness.settle()

    assert module_harness.received(CAMERA_FRAME.of("door")) == []
    assert states(module_harness) == [("door", "ended", "it is empty")]


async def test_a_lost_connection_ends_what_is_open_because_camera_time_begins_again(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    module = await module_harness.add(CameraInput)
    door.say(LIVE, frame_ready(5), SourceStateChanged("retrying", "it is gone"))
    await module_harness.settle()
    trouble = await module.health()
    door.say(SourceStateChanged("connecting"))
    await module_harness.settle()
    assert (await module.health()).state is HealthState.DEGRADED, "an attempt is not a success"
    door.say(LIVE, frame_ready(0))
    await module_harness.settle()

    frames = module_harness.received(CAMERA_FRAME.of("door"))
    assert [frame.end_of_stream for frame in frames] == [False, True, False]
    assert trouble.state is HealthState.DEGRADED
    assert trouble.detail == "camera door is retrying: it is gone"
    healthy = await module.health()
    assert (healthy.state, healthy.numbers["door.frames"]) == (HealthState.OK, 2.0)


async def test_gaps_and_their_seconds_are_told_with_every_state_and_in_health(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    module = await module_harness.add(CameraInput)
    door.say(LIVE, frame_ready(5))
    for gap_s in (20.0, 3.5):
        door.say(SourceStateChanged("retrying", "it is gone"))
        door.say(SourceStateChanged("live", "Pictures again.", gap_s=gap_s))
    await module_harness.settle()

    told = [status.numbers for status in module_harness.received(STATUS_CAMERA)]
    assert [numbers["gaps"] for numbers in told] == [0, 0, 1, 1, 2]
    assert [numbers["lost_s"] for numbers in told] == [0, 0, 20, 20, 23.5]
    numbers = (await module.health()).numbers
    assert (numbers["door.gaps"], numbers["door.lost_s"]) == (2, 23.5)


async def test_a_live_camera_whose_sub_stream_is_missing_is_degraded_and_keeps_its_stream(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    module = await module_harness.add(CameraInput)
    door.say(LIVE, frame_ready(5), SourceStateChanged("live", "The sub stream is missing."))
    await module_harness.settle()
    trouble = await module.health()
    door.say(LIVE)
    await module_harness.settle()

    assert trouble.state is HealthState.DEGRADED
    assert trouble.detail == "camera door is live: The sub stream is missing."
    assert (await module.health()).state is HealthState.OK
    frames = module_harness.received(CAMERA_FRAME.of("door"))
    assert [frame.end_of_stream for frame in frames] == [False]


async def test_at_the_end_of_a_run_every_live_camera_is_ended_once(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    captures = cameras("door", "yard")
    module = await module_harness.add(CameraInput)
    captures["door"].say(LIVE, frame_ready(0))
    captures["yard"].say(LIVE, frame_ready(0), EndOfStream(1.0, 1))
    await module_harness.settle()

    await module.drain()
    captures["door"].say(frame_ready(1))
    await module_harness.settle()
    await module.drain()
    await module_harness.settle()

    for camera in captures:
        frames: list[Frame] = module_harness.received(CAMERA_FRAME.of(camera))
        assert [frame.end_of_stream for frame in frames] == [False, True]
    assert not captures["door"].is_stopped, "clips and pictures still come from it"
    await module.stop()
    assert all(capture.is_stopped for capture in captures.values())


async def test_one_at_a_time_the_next_camera_starts_when_the_first_has_ended(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    captures = cameras("one", "two")
    await module_harness.add(CameraInput, at_once=1)
    await module_harness.settle()
    assert [capture.is_started for capture in captures.values()] == [True, False]

    captures["one"].say(EndOfStream(1.0, 1))
    await module_harness.settle()

    assert captures["two"].is_started


async def test_a_camera_that_is_switched_off_is_not_started(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    off = cameras("door", enabled=False)["door"]
    module = await module_harness.add(CameraInput)
    await module_harness.settle()

    assert not off.is_started
    assert (await module.health()).state is HealthState.OK


async def test_a_camera_that_cannot_be_started_ends_with_its_sentence_and_harms_no_other(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    captures = cameras("door", "yard")
    captures["door"].error = StorageError("no room for its ring")
    await module_harness.add(CameraInput)
    captures["yard"].say(frame_ready(0))
    await module_harness.settle()

    assert states(module_harness) == [("door", "ended", "no room for its ring")]
    assert len(module_harness.received(CAMERA_FRAME.of("yard"))) == 1


async def test_after_the_bus_is_closed_nothing_is_told_and_nothing_raised(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    door = cameras("door")["door"]
    await module_harness.add(CameraInput)
    await module_harness.bus.stop()
    door.say(frame_ready(0), EndOfStream(1.0, 1))
    await asyncio.sleep(0)

    assert module_harness.received(CAMERA_FRAME.of("door")) == []


class ModeTeller:
    """Stands for the modes: answers what holds and tells what comes."""

    def __init__(self, harness: ModuleHarness, mode: Mode) -> None:
        self._harness = harness
        self._mode = mode
        harness.bus.answer(MODE_ORDER, self._answer, name="modes")

    async def _answer(self, _order: ModeOrder) -> SystemMode:
        return SystemMode(mode=self._mode)

    async def tell(self, mode: Mode) -> None:
        await self._harness.feed(SYSTEM_MODE, SystemMode(mode=mode))


async def test_in_a_mode_that_switches_it_off_a_camera_ends_and_comes_back_by_itself(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    (capture,) = cameras("door", off_in=(Mode.PRIVACY,)).values()
    modes = ModeTeller(module_harness, Mode.HOME)
    module = await module_harness.add(CameraInput)
    capture.say(OPENED, LIVE, frame_ready(1))
    await module_harness.settle()

    await modes.tell(Mode.PRIVACY)
    await modes.tell(Mode.PRIVACY)

    assert capture.is_stopped
    assert states(module_harness)[-1] == ("door", "off", "privacy mode")
    frames = module_harness.received(CAMERA_FRAME.of("door"))
    assert [frame.end_of_stream for frame in frames] == [False, True]
    assert (await module.health()).state is HealthState.OK
    capture.is_started = False

    await modes.tell(Mode.NIGHT)
    await modes.tell(Mode.HOME)
    capture.say(LIVE)
    await module_harness.settle()

    assert capture.is_started
    assert [state for _, state, _ in states(module_harness)] == ["live", "off", "live"]
    await module.drain()


async def test_a_start_in_such_a_mode_takes_not_one_picture(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    captures = cameras("door", off_in=(Mode.PRIVACY,))
    captures |= {"yard": ScriptedCapture()}
    module_harness.set_camera("yard")
    module_harness.context.captures = cast("Any", captures)
    modes = ModeTeller(module_harness, Mode.PRIVACY)
    module = await module_harness.add(CameraInput)
    await module_harness.settle()
    assert (captures["door"].is_started, captures["yard"].is_started) == (False, True)
    assert states(module_harness) == [("door", "off", "privacy mode")]
    await module.drain()
    assert module_harness.received(CAMERA_FRAME.of("door")) == []
    await modes.tell(Mode.AWAY)
    await module_harness.settle()
    assert captures["door"].is_started


async def test_only_the_camera_whose_process_was_replaced_begins_anew(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    captures = cameras("door", "yard")
    module = await module_harness.add(CameraInput)
    captures["door"].say(LIVE, frame_ready(0))
    captures["yard"].say(LIVE, frame_ready(0))
    await module_harness.settle()

    captures["yard"] = ScriptedCapture()
    del module_harness.context.cameras["yard"]
    module_harness.set_camera("yard", analysis_fps=1)
    module_harness.set_camera("garden")
    captures["garden"] = ScriptedCapture()
    await module.configure(module.settings)
    await module.configure(module.settings)
    captures["door"].say(frame_ready(1))
    captures["yard"].say(frame_ready(5))
    await module_harness.settle()

    door = module_harness.received(CAMERA_FRAME.of("door"))
    assert [(frame.sequence_number, frame.end_of_stream) for frame in door] == [
        (0, False),
        (1, False),
    ]
    yard = module_harness.received(CAMERA_FRAME.of("yard"))
    assert [(frame.sequence_number, frame.end_of_stream) for frame in yard] == [
        (0, False),
        (0, True),
        (5, False),
    ]
    assert captures["garden"].is_started


async def test_a_camera_that_is_taken_away_ends_and_is_off(
    module_harness: ModuleHarness, cameras: Build
) -> None:
    captures = cameras("door", "yard")
    module = await module_harness.add(CameraInput)
    captures["yard"].say(LIVE, frame_ready(0))
    await module_harness.settle()

    del module_harness.context.cameras["yard"]
    del captures["yard"]
    await module.configure(module.settings)
    await module_harness.settle()

    assert module_harness.received(CAMERA_FRAME.of("yard"))[-1].end_of_stream
    assert states(module_harness)[-1] == ("yard", "off", "")
    assert "yard.frames" not in (await module.health()).numbers
