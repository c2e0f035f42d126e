import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from tests.fixtures.fake_modules import (
    Album,
    Bell,
    BellSettings,
    Photographer,
    fake_context,
    fake_registry,
)

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import BaseModule, Consume
from spyoncino.core.message import Message
from spyoncino.core.orchestrator import Orchestrator
from spyoncino.core.orchestrator_options import ModuleFactory, Options
from spyoncino.core.registry import LoadFailure, Registry
from spyoncino.core.settings import HealthSettings
from spyoncino.core.supervision import STABLE_COOLDOWNS
from spyoncino.errors import StorageError, WiringError
from spyoncino.schemas import topics
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.status import (
    CameraState,
    CameraStatus,
    ContractNotice,
    ErrorReport,
    HealthState,
    HealthStatus,
    HealthSummary,
    StatusReport,
)

LOOP_TURNS = 100
"""Enough for every message that follows from a round of health."""

QUIET = HealthSettings(
    interval_s=10, restart_cooldown_s=60, max_restart_attempts=2, quarantine_s=5000
)


class House:
    """An orchestrator over the fake modules, and what can be seen of it."""

    def __init__(self, bus: Bus, clock: FakeClock) -> None:
        self.bus = bus
        self.clock = clock
        self.context = fake_context(bus, clock)
        self.life = self.context.life
        self.faults = self.context.faults
        self.healths = self.context.healths
        self.built: list[Orchestrator] = []

    def orchestrator(
        self, registry: Registry | None = None, options: Options | None = None
    ) -> Orchestrator:
        built = Orchestrator(
            registry or fake_registry(),
            {"bell": BellSettings(loudness=7)},
            bus=self.bus,
            clock=self.clock,
            context_of=lambda _name: self.context,
            options=options or Options(health=QUIET),
        )
        self.built.append(built)
        return built


@pytest_asyncio.fixture
async def house(clock: FakeClock) -> AsyncIterator[House]:
    async with Bus(clock, status_interval_s=1e6) as bus:
        house = House(bus, clock)
        yield house
        for orchestrator in house.built:
            await orchestrator.stop()


async def settle(clock: FakeClock, seconds: float = 0.0) -> None:
    """Move the clock and let everything that follows from it happen."""
    await clock.advance(seconds)
    for _ in range(LOOP_TURNS):
        await asyncio.sleep(0)


async def test_starts_whoever_is_fed_first_and_stops_in_reverse(house: House) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    await orchestrator.stop()
    assert house.life == [
        "storage.album.start",
        "event.photographer.start",
        "input.bell.start",
        "input.bell.stop",
        "event.photographer.stop",
        "storage.album.stop",
    ]


async def test_modules_get_their_section_or_the_defaults(house: House) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    bell, album = orchestrator.module("input.bell"), orchestrator.module("storage.album")
    assert isinstance(bell, Bell)
    assert isinstance(album, Album)
    assert bell.settings.loudness == 7
    assert album.settings.max_bytes == 10_000_000
    assert orchestrator.module("input.gong") is None


async def test_a_message_travels_down_the_line_in_the_order_of_publishing(house: House) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    bell = orchestrator.module("input.bell")
    assert isinstance(bell, Bell)
    for _ in range(3):
        await bell.ring()
    await house.bus.drain()
    path = "media/doorbell.front.pressed.jpg"
    assert house.life[3:] == [f"saw {path}", f"kept {path}"] * 3


async def test_draining_finishes_work_in_stage_order(house: House) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    bell = orchestrator.module("input.bell")
    assert isinstance(bell, Bell)
    await bell.ring()
    assert await orchestrator.drain()
    path = "media/doorbell.front.pressed.jpg"
    drained = [word for word in house.life if word.endswith(".drain")]
    assert drained == ["input.bell.drain", "event.photographer.drain", "storage.album.drain"]
    assert house.life.index(f"kept {path}") < house.life.index("event.photographer.drain")


async def test_draining_gives_up_after_its_time(house: House) -> None:
    health = HealthSettings(shutdown_timeout_s=0.05)
    orchestrator = house.orchestrator(options=Options(health=health))
    await orchestrator.start()

    async def never(_message: object) -> None:
        await asyncio.Event().wait()

    subscription = house.bus.subscribe(topics.DOORBELL_PRESSED, never, name="never")
    bell = orchestrator.module("input.bell")
    assert isinstance(bell, Bell)
    await bell.ring()
    assert not await orchestrator.drain()
    subscription.close()
    await subscription.wait_closed(0.0)


async def test_a_module_that_loses_its_work_does_not_stop_the_others_from_draining(
    house: House,
) -> None:
    house.faults["input.bell.drain"] = RuntimeError("bent")
    orchestrator = house.orchestrator()
    await orchestrator.start()
    assert await orchestrator.drain()
    assert "storage.album.drain" in house.life


async def test_a_module_that_fails_to_start_is_degraded_health_and_the_rest_runs(
    house: House,
) -> None:
    house.faults["storage.album.start"] = StorageError("the disk is full; free some space")
    orchestrator = house.orchestrator()
    await orchestrator.start()
    assert house.life == [
        "storage.album.start",
        "storage.album.stop",
        "event.photographer.start",
        "input.bell.start",
    ]
    summary = await orchestrator.check_health()
    assert summary.state is HealthState.FAILED
    assert summary.modules["storage.album"].detail == "the disk is full; free some space"
    assert summary.modules["input.bell"].state is HealthState.OK
    assert await orchestrator.drain()


async def test_a_module_that_cannot_be_built_is_degraded_too(house: House) -> None:
    def refuse(_context: ModuleContext) -> BaseModule[Any]:
        raise ValueError("no such pin")

    options = Options(health=QUIET, factories={"input.bell": refuse})
    orchestrator = house.orchestrator(options=options)
    await orchestrator.start()
    summary = await orchestrator.check_health()
    assert summary.modules["input.bell"].detail == "ValueError: no such pin"


async def test_a_custom_factory_builds_the_module(house: House) -> None:
    class LoudBell(Bell):
        """Another bell."""

    factories: dict[str, ModuleFactory] = {"input.bell": LoudBell}
    orchestrator = house.orchestrator(options=Options(health=QUIET, factories=factories))
    await orchestrator.start()
    assert type(orchestrator.module("input.bell")) is LoudBell


async def test_modules_that_do_not_fit_start_nothing(house: House) -> None:
    class Gong(Bell):
        """Publishes what belongs to a later stage."""

        name = "input.gong"
        section = "gong"
        publishes = (topics.MEDIA_READY,)

    orchestrator = house.orchestrator(fake_registry(Gong, Photographer))
    with pytest.raises(WiringError, match=r"input\.gong is of the stage input"):
        await orchestrator.start()
    assert house.life == []


async def test_a_lossless_run_refuses_a_missing_module(house: House) -> None:
    registry = Registry((Bell,), (LoadFailure("x:Y", "cannot be loaded (ImportError: torch)"),))
    orchestrator = house.orchestrator(registry, Options(lossless=True))
    with pytest.raises(WiringError, match="x:Y cannot be loaded"):
        await orchestrator.start()


async def test_a_lossless_run_ends_what_it_began_when_a_module_fails_to_start(
    house: House,
) -> None:
    house.faults["input.bell.start"] = StorageError("the file is gone")
    orchestrator = house.orchestrator(options=Options(lossless=True))
    with pytest.raises(StorageError, match="the file is gone"):
        await orchestrator.start()
    assert house.life[-3:] == ["input.bell.stop", "event.photographer.stop", "storage.album.stop"]


async def test_a_lossless_run_passes_on_an_error_of_draining(house: House) -> None:
    house.faults["storage.album.drain"] = StorageError("the disk is full")
    orchestrator = house.orchestrator(options=Options(lossless=True))
    await orchestrator.start()
    with pytest.raises(StorageError):
        await orchestrator.drain()


async def test_a_lossless_run_blocks_where_it_would_drop(house: House) -> None:
    orchestrator = house.orchestrator(options=Options(lossless=True))
    await orchestrator.start()
    bell = orchestrator.module("input.bell")
    assert isinstance(bell, Bell)
    for _ in range(20):
        await bell.ring()
    await orchestrator.drain()
    assert sum(word.startswith("kept") for word in house.life) == 20


async def test_run_serves_until_it_is_asked_to_stop(house: House) -> None:
    orchestrator = house.orchestrator()
    running = asyncio.create_task(orchestrator.run())
    await settle(house.clock)
    assert not running.done()
    orchestrator.request_stop()
    await running
    assert house.life[-4:] == [
        "storage.album.drain",
        "input.bell.stop",
        "event.photographer.stop",
        "storage.album.stop",
    ]


async def test_a_cancelled_run_still_drains_and_stops(house: House) -> None:
    orchestrator = house.orchestrator()
    running = asyncio.create_task(orchestrator.run())
    await settle(house.clock)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "event.photographer.drain" in house.life
    assert house.life[-1] == "storage.album.stop"


async def test_stopping_goes_on_when_a_module_refuses(house: House) -> None:
    house.faults["input.bell.stop"] = RuntimeError("stuck")
    orchestrator = house.orchestrator()
    await orchestrator.start()
    await orchestrator.stop()
    assert house.life[-1] == "storage.album.stop"


async def test_restart_builds_a_new_module_that_hears_messages_once(house: House) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    before = orchestrator.module("event.photographer")
    assert await orchestrator.restart("event.photographer")
    assert orchestrator.module("event.photographer") is not before
    bell = orchestrator.module("input.bell")
    assert isinstance(bell, Bell)
    await bell.ring()
    await house.bus.drain()
    assert sum(word.startswith("kept") for word in house.life) == 1


async def test_restart_of_an_unknown_module_names_the_known_ones(house: House) -> None:
    with pytest.raises(WiringError, match=r"'input\.gong'.*input\.bell, event\.photographer"):
        await house.orchestrator().restart("input.gong")


async def test_health_is_published_in_rounds(house: House) -> None:
    reports: list[StatusReport] = []
    summaries: list[HealthSummary] = []

    async def on_report(message: Any) -> None:
        reports.append(message.payload)

    async def on_summary(message: Any) -> None:
        summaries.append(message.payload)

    house.bus.subscribe(topics.STATUS_REPORT, on_report, name="a")
    house.bus.subscribe(topics.STATUS_HEALTH, on_summary, name="b")
    await house.orchestrator().start()
    await settle(house.clock)
    assert len(summaries) == 1
    await settle(house.clock, 10)
    assert len(summaries) == 2
    assert summaries[-1].uptime_s == 10
    assert {report.module for report in reports} >= {"input.bell", "storage.album"}
    assert summaries[-1].modules["input.bell"].numbers == {"asked": 1, "restarts": 0, "errors": 0}


async def test_a_failed_module_is_restarted_a_bounded_number_of_times_with_pauses(
    house: House,
) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    await settle(house.clock)
    house.healths["input.bell"] = HealthStatus(state=HealthState.FAILED)
    starts = [house.life.count("input.bell.start")]
    for _ in range(20):
        await settle(house.clock, 10)
        starts.append(house.life.count("input.bell.start"))
    assert starts[:9] == [1, 2, 2, 2, 2, 2, 2, 3, 3]
    assert starts[-1] == 3


async def test_a_module_that_recovered_may_be_restarted_again_later(house: House) -> None:
    house.faults["input.bell.start"] = RuntimeError("not yet")
    orchestrator = house.orchestrator()
    await orchestrator.start()
    await settle(house.clock, 10)
    assert orchestrator.module("input.bell") is None
    del house.faults["input.bell.start"]
    await settle(house.clock, 60)
    assert orchestrator.module("input.bell") is not None
    await settle(house.clock, 10)
    summary = await orchestrator.check_health()
    assert summary.modules["input.bell"].numbers["restarts"] == 1
    for _ in range(STABLE_COOLDOWNS * 6):
        await settle(house.clock, 10)
    summary = await orchestrator.check_health()
    assert summary.modules["input.bell"].numbers["restarts"] == 0


async def test_a_module_that_is_well_only_for_a_while_is_left_alone_in_the_end(
    house: House,
) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    await settle(house.clock)
    for _ in range(10):
        house.healths["input.bell"] = HealthStatus(state=HealthState.FAILED)
        await settle(house.clock, 10)
        del house.healths["input.bell"]
        for _ in range(9):
            await settle(house.clock, 10)
    assert house.life.count("input.bell.start") == 1 + QUIET.max_restart_attempts


async def test_nothing_is_restarted_while_work_is_finished(house: House) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    await settle(house.clock)
    house.healths["input.bell"] = HealthStatus(state=HealthState.FAILED)
    await orchestrator.drain()
    await settle(house.clock, 30)
    assert house.life.count("input.bell.start") == 1


async def test_a_restart_that_is_interrupted_leaves_nothing_behind(house: House) -> None:
    begun = asyncio.Event()

    class SlowBell(Bell):
        """Takes for ever to start the second time."""

        async def start(self) -> None:
            await super().start()
            if self.fake.life.count("input.bell.start") > 1:
                begun.set()
                await asyncio.Event().wait()

    factories: dict[str, ModuleFactory] = {"input.bell": SlowBell}
    orchestrator = house.orchestrator(options=Options(health=QUIET, factories=factories))
    await orchestrator.start()
    await settle(house.clock)
    house.healths["input.bell"] = HealthStatus(state=HealthState.FAILED)
    await settle(house.clock, 10)
    await begun.wait()
    await orchestrator.stop()
    assert house.life.count("input.bell.stop") == house.life.count("input.bell.start") == 2


async def test_recovery_can_be_switched_off(house: House) -> None:
    health = HealthSettings(interval_s=10, auto_recovery=False)
    await house.orchestrator(options=Options(health=health)).start()
    house.healths["input.bell"] = HealthStatus(state=HealthState.FAILED)
    await settle(house.clock, 30)
    assert house.life.count("input.bell.start") == 1


async def test_probes_and_what_parts_tell_are_in_the_summary(house: House) -> None:
    async def pool_health() -> HealthStatus:
        return HealthStatus(state=HealthState.DEGRADED, detail="one worker is missing")

    orchestrator = house.orchestrator(options=Options(health=QUIET, probes={"pool": pool_health}))
    await orchestrator.start()
    stalled = CameraStatus(camera="door", state=CameraState.STALLED, detail="no picture for 9 s")
    await house.bus.publish(topics.STATUS_CAMERA, stalled)
    error = ErrorReport(component="input.bell", error="bent", error_type="RuntimeError")
    await house.bus.publish(topics.STATUS_ERROR.of("bell"), error)
    await house.bus.drain()
    summary = await orchestrator.check_health()
    assert summary.state is HealthState.DEGRADED
    assert "pool: one worker is missing" in summary.detail
    assert "camera.door: no picture for 9 s" in summary.detail
    assert summary.modules["input.bell"].numbers["errors"] == 1


async def test_a_module_that_could_not_be_loaded_is_visible(house: House) -> None:
    registry = Registry((Bell,), (LoadFailure("x:Y", "cannot be loaded (ImportError: torch)"),))
    orchestrator = house.orchestrator(registry)
    await orchestrator.start()
    summary = await orchestrator.check_health()
    assert summary.state is HealthState.DEGRADED
    assert summary.modules["x:Y"].state is HealthState.FAILED


async def test_a_reporter_that_raises_harms_nobody(house: House) -> None:
    told: list[HealthSummary] = []

    class Broken:
        async def report(self, summary: HealthSummary) -> None:
            del summary
            raise OSError("no network")

    class Works:
        async def report(self, summary: HealthSummary) -> None:
            told.append(summary)

    options = Options(health=QUIET, reporters=(Broken(), Works()))
    await house.orchestrator(options=options).start()
    assert len(told) == 1


async def test_nothing_is_heard_after_the_stop(house: House) -> None:
    orchestrator = house.orchestrator()
    await orchestrator.start()
    await orchestrator.stop()
    press = DoorbellEvent(doorbell="front", camera="door")
    await house.bus.publish(topics.DOORBELL_PRESSED.of("front"), press)
    await house.bus.drain()
    assert not any(word.startswith("kept") for word in house.life)


async def test_the_first_summary_waits_for_what_else_must_be_there(house: House) -> None:
    summaries: list[HealthSummary] = []

    class Ear:
        async def report(self, summary: HealthSummary) -> None:
            summaries.append(summary)

    workers: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    orchestrator = house.orchestrator(options=Options(health=QUIET, reporters=[Ear()]))
    starting = asyncio.create_task(orchestrator.start(besides=workers))
    await settle(house.clock)
    assert house.life[-1] == "input.bell.start"
    assert summaries == []

    workers.set_result(None)
    await starting

    assert len(summaries) == 1


async def test_what_else_must_be_there_and_fails_stops_the_modules_again(house: House) -> None:
    workers: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    workers.set_exception(WiringError("no worker"))

    with pytest.raises(WiringError, match="no worker"):
        await house.orchestrator().start(besides=workers)

    assert house.life[-3:] == ["input.bell.stop", "event.photographer.stop", "storage.album.stop"]


async def test_a_plug_in_that_does_not_fit_is_left_out_and_the_house_runs(house: House) -> None:
    notices: list[ContractNotice] = []

    async def note(message: Message) -> None:
        notices.append(message.payload)

    class Late(Album):
        """A storage module that consumes what comes after it."""

        name = "storage.late"
        section = "late"
        consumes = (Consume(topics.NOTIFY_SENT, "on_picture"),)

    house.bus.subscribe(topics.STATUS_CONTRACT, note, name="test")
    registry = replace(fake_registry(Bell, Album, Late), plug_ins=frozenset({"storage.late"}))
    orchestrator = house.orchestrator(registry)
    await orchestrator.start()
    assert orchestrator.module("storage.album") is not None
    assert orchestrator.module("storage.late") is None
    summary = await orchestrator.check_health()
    assert summary.state is HealthState.DEGRADED
    assert "must not consume notify.{id}.sent" in summary.modules["storage.late"].detail
    await house.bus.drain()
    assert [(each.component, each.severity) for each in notices] == [("storage.late", "error")]
