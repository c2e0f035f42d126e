"""The supervision of a capture process: pauses, states, the end; with scripted processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from spyoncino.clock import FakeClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import (
    Attend,
    CaptureMessage,
    EndOfStream,
    FromChild,
    Shutdown,
    SourceFailed,
    SourceStateChanged,
    ToChild,
    WatchLive,
)
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.capture_limits import CaptureLimits
from spyoncino.runtime.capture_link import CaptureLink
from spyoncino.runtime.children import ChildStarter
from spyoncino.runtime.leases import LeaseBook


class ScriptedLink:
    """A process that lives until the test ends it."""

    def __init__(self, number: int, on_message: Callable[[FromChild], None]) -> None:
        self.pid = number
        self.tell = on_message
        self.is_heard = True
        self.has_spoken = True
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.orders: list[ToChild] = []

    def send(self, command: ToChild) -> None:
        self.orders.append(command)
        if isinstance(command, Shutdown):
            self.die()

    def take_heard(self) -> bool:
        return self.is_heard

    def die(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    async def reap(self, _grace_s: float) -> str:
        return "ended with exit code 1"

    def kill(self) -> None:
        self.die()

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass


class Stage:
    """A handle whose processes are scripted."""

    def __init__(self, folder: Path, clock: FakeClock, *, is_lossless: bool = False) -> None:
        self.clock = clock
        self.links: list[ScriptedLink] = []
        self.refusal: OSError | None = None
        self.said: list[CaptureMessage] = []
        self._starter = ChildStarter()
        spec = CaptureSpec("door", SourceSpec(kind="sim"), is_lossless=is_lossless)
        limits = CaptureLimits(
            silence_s=0.05, busy_silence_s=0.05, start_s=0.1, longest_pause_s=2.0, stable_s=30.0
        )
        self.handle = CaptureHandle(spec, folder, self._starter, LeaseBook(), clock, limits)
        self._reader = asyncio.create_task(self._read())

    async def open(self, *given: object) -> ScriptedLink:
        if self.refusal is not None:
            raise self.refusal
        on_message = given[-1]
        assert callable(on_message)
        self.links.append(ScriptedLink(len(self.links) + 1, on_message))
        return self.links[-1]

    async def _read(self) -> None:
        async for message in self.handle.messages():
            self.said.append(message)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not is_so():  # noqa: ASYNC110 -- there is no event to wait for
                await asyncio.sleep(0.001)

    async def die(self, number: int) -> None:
        """The process of that number dies and main has noticed."""
        await self.until(lambda: len(self.links) >= number)
        await self.until(lambda: self.handle.stats().pid == number)
        told = len(self.details())
        self.links[number - 1].die()
        await self.until(lambda: len(self.details()) > told)

    def details(self) -> list[str]:
        return [
            m.detail for m in self.said if isinstance(m, SourceStateChanged) if m.state != "live"
        ]

    async def close(self) -> None:
        await self.handle.stop()
        await self._reader
        await asyncio.to_thread(self._starter.close)


@pytest_asyncio.fixture
async def stage(
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path, clock, is_lossless=getattr(request, "param", False))
    monkeypatch.setattr(CaptureLink, "open", stage.open)
    await stage.handle.start()
    await stage.handle.start()
    yield stage
    await stage.close()


async def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_stable_life(
    stage: Stage, clock: FakeClock
) -> None:
    for number in range(1, 5):
        await stage.die(number)
        await clock.advance(2.0)
    await stage.until(lambda: len(stage.links) == 5)
    await clock.advance(31.0)
    await stage.die(5)

    assert [detail.rsplit("in ", 1)[1] for detail in stage.details()] == [
        "0.5 s.",
        "1 s.",
        "2 s.",
        "2 s.",
        "0.5 s.",
    ]
    assert stage.handle.stats().restarts == 4


async def test_a_camera_that_is_watched_is_watched_in_its_next_process_too(
    stage: Stage, clock: FakeClock
) -> None:
    await stage.until(lambda: len(stage.links) == 1)
    stage.handle.live.begin(lambda _: None)
    await stage.until(lambda: stage.links[0].orders == [WatchLive()])
    await stage.die(1)
    await clock.advance(2.0)
    await stage.until(lambda: len(stage.links) == 2)
    await stage.until(lambda: stage.links[1].orders == [WatchLive()])


async def test_a_process_that_cannot_be_started_is_tried_again(
    stage: Stage, clock: FakeClock
) -> None:
    stage.refusal = OSError(11, "Resource temporarily unavailable")
    await stage.die(1)
    await clock.advance(0.5)
    await stage.until(lambda: len(stage.details()) == 2)
    stage.refusal = None
    await clock.advance(1.0)
    await stage.until(lambda: len(stage.links) == 2)

    assert stage.details()[1] == (
        "The capture process of camera 'door' cannot be started: "
        "Resource temporarily unavailable. Next try in 1 s."
    )


async def test_a_process_that_gives_up_speaks_for_itself(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.until(lambda: bool(stage.links))
    stage.links[0].tell(SourceFailed("The camera hung up.", "Traceback: line 1"))

    await stage.die(1)

    assert stage.details() == ["The camera hung up. Next try in 0.5 s."]
    assert stage.handle.stats().last_error == "The camera hung up."
    assert "Traceback: line 1" in caplog.text


async def test_a_process_that_still_starts_is_given_more_time(stage: Stage) -> None:
    await stage.until(lambda: bool(stage.links))
    stage.links[0].has_spoken = False
    stage.links[0].is_heard = False

    await stage.until(lambda: bool(stage.details()))

    assert "said nothing for 0.1 s and was killed" in stage.details()[0]


async def test_a_silent_process_is_killed(stage: Stage) -> None:
    await stage.until(lambda: bool(stage.links))

    stage.links[0].is_heard = False
    await stage.until(lambda: bool(stage.details()))

    assert "said nothing for 0.05 s and was killed" in stage.details()[0]


async def test_stopping_during_a_pause_does_not_wait_for_its_end(stage: Stage) -> None:
    await stage.die(1)

    await stage.handle.stop()

    assert len(stage.links) == 1
    assert stage.handle.stats().state == "off"


async def test_stopping_ends_the_process_by_order(stage: Stage) -> None:
    await stage.until(lambda: stage.handle.stats().pid == 1)

    await stage.handle.stop()

    assert stage.links[0].orders == [Shutdown()]


@pytest.mark.parametrize("stage", [True], indirect=True)
async def test_a_lossless_run_is_not_continued_by_another_process(stage: Stage) -> None:
    await stage.die(1)

    reason = "The capture process of camera 'door' ended with exit code 1."
    assert stage.said == [EndOfStream(0.0, 0, reason), SourceStateChanged("off", reason)]
    assert stage.handle.camera_id == "door"


async def test_the_end_of_the_stream_is_passed_on_and_final(stage: Stage) -> None:
    await stage.until(lambda: stage.handle.stats().pid == 1)
    stage.links[0].tell(EndOfStream(1.0, 10))
    stage.links[0].die()
    await stage.until(lambda: stage.handle.stats().pid is None)

    assert stage.said == [EndOfStream(1.0, 10)]
    assert len(stage.links) == 1


async def test_attention_is_asked_for_again_when_half_of_it_is_over(
    stage: Stage, clock: FakeClock
) -> None:
    stage.handle.attend(10.0)
    await stage.until(lambda: len(stage.links) == 1)
    orders = stage.links[0].orders
    await stage.until(lambda: stage.handle.stats().pid == 1)
    for _ in range(5):
        stage.handle.attend(10.0)
    assert orders == [Attend(10.0)]
    await clock.advance(5.5)
    stage.handle.attend(10.0)
    assert orders == [Attend(10.0)] * 2
