"""Modules that fail are restarted, isolated, released; over the real orchestrator and bus."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.fixtures.fake_modules import Bell, Photographer, fake_context, fake_registry

from spyoncino.clock import FakeClock
from spyoncino.core import orchestrator as orchestrator_file
from spyoncino.core.bus import Bus
from spyoncino.core.contracts import Consume
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.module_orders import RELEASE, STATES, register_modules
from spyoncino.core.orchestrator import Orchestrator
from spyoncino.core.orchestrator_options import ModuleFactory, Options
from spyoncino.core.queues import Policy
from spyoncino.core.settings import HealthSettings
from spyoncino.core.supervision import FAULTS_IN_A_ROW
from spyoncino.errors import StorageError, UsageError, WiringError
from spyoncino.schemas import topics
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.status import HealthState, HealthStatus

LOOP_TURNS = 200
BROKEN = HealthStatus(state=HealthState.FAILED, detail="the shutter is stuck")
PHOTOGRAPHER = "event.photographer"
HEALTH = HealthSettings(
    interval_s=30, restart_cooldown_s=40, max_restart_attempts=3, quarantine_s=600
)


class House:
    """An orchestrator over the fake modules."""

    def __init__(self, bus: Bus, clock: FakeClock) -> None:
        self.bus, self.clock = bus, clock
        self.context = fake_context(bus, clock)
        self.orchestrator = self.build()

    def build(self, **factories: ModuleFactory) -> Orchestrator:
        named = {name.replace("__", "."): kind for name, kind in factories.items()}
        self.orchestrator = Orchestrator(
            fake_registry(),
            {},
            bus=self.bus,
            clock=self.clock,
            context_of=lambda _: self.context,
            options=Options(health=HEALTH, factories=named),
        )
        return self.orchestrator

    async def wait(self, seconds: float) -> None:
        """Let time pass in steps of a second."""
        for _ in range(int(seconds)):
            await self.clock.advance(1)
            for _ in range(LOOP_TURNS // 10):
                await asyncio.sleep(0)

    @property
    def starts(self) -> int:
        return self.context.life.count(f"{PHOTOGRAPHER}.start")

    async def ring(self, times: int = 1) -> None:
        bell = self.orchestrator.module("input.bell")
        assert isinstance(bell, Bell)
        for _ in range(times):
            await bell.ring()
            await self.bus.drain()


@pytest_asyncio.fixture
async def house(clock: FakeClock) -> AsyncIterator[House]:
    async with Bus(clock, status_interval_s=1e6) as bus:
        house = House(bus, clock)
        yield house
        await house.orchestrator.stop()


async def test_a_failure_is_seen_within_seconds_and_pauses_double_up_to_the_cool_down(
    house: House,
) -> None:
    await house.orchestrator.start()
    house.context.healths[PHOTOGRAPHER] = BROKEN
    at_s, moments = 0, []
    while at_s < 200:
        before = house.starts
        await house.wait(1)
        at_s += 1
        if house.starts > before:
            moments.append(at_s)
    first, second, third = moments
    assert first <= 6
    assert second - first == pytest.approx(20, abs=5)
    assert third - second == pytest.approx(40, abs=5)


async def test_after_its_restarts_it_is_quarantined_and_the_rest_runs_degraded(
    house: House,
) -> None:
    await house.orchestrator.start()
    house.context.healths[PHOTOGRAPHER] = BROKEN
    with capture_logs() as lines:
        await house.wait(130)
    assert house.orchestrator.module(PHOTOGRAPHER) is None
    assert "the shutter is stuck" in house.orchestrator.quarantined[PHOTOGRAPHER]
    summary = await house.orchestrator.check_health()
    assert summary.state is HealthState.DEGRADED
    assert "is in quarantine after 3 restarts: the shutter is stuck" in summary.detail
    assert summary.modules["supervisor"].numbers["quarantined"] == 1
    assert summary.modules["input.bell"].state is HealthState.OK
    assert any("recovery: module put into quarantine" in line["event"] for line in lines)
    await house.ring()
    assert not any(word.startswith("kept") for word in house.context.life), "nobody photographs"


async def test_after_a_long_pause_it_is_tried_again_and_stays_when_it_is_mended(
    house: House,
) -> None:
    await house.orchestrator.start()
    house.context.healths[PHOTOGRAPHER] = BROKEN
    await house.wait(130)
    del house.context.healths[PHOTOGRAPHER]
    await house.wait(620)
    assert house.orchestrator.module(PHOTOGRAPHER) is not None
    await house.wait(60)
    summary = await house.orchestrator.check_health()
    assert summary.state is HealthState.OK
    assert summary.modules[PHOTOGRAPHER].numbers["restarts"] == 0
    assert summary.modules["supervisor"].numbers["recovered"] == 1


async def test_a_second_try_that_fails_quarantines_for_twice_as_long(house: House) -> None:
    await house.orchestrator.start()
    house.context.healths[PHOTOGRAPHER] = BROKEN
    await house.wait(130 + 620)
    assert house.orchestrator.module(PHOTOGRAPHER) is None
    tries = house.starts
    await house.wait(700)
    assert house.starts == tries
    await house.wait(600)
    assert house.starts == tries + 1


async def test_a_person_can_release_it(house: House, tmp_path: Path) -> None:
    await house.orchestrator.start()
    desk = ControlDesk(tmp_path / "socket")
    register_modules(desk, house.orchestrator)
    await desk.open()
    try:
        house.context.healths[PHOTOGRAPHER] = BROKEN
        await house.wait(130)
        told = await ask_main(tmp_path / "socket", STATES)
        assert told[PHOTOGRAPHER]["state"] == "quarantine"
        assert told["input.bell"]["state"] == "ok"
        del house.context.healths[PHOTOGRAPHER]
        assert await ask_main(tmp_path / "socket", RELEASE, name=PHOTOGRAPHER) is True
        with pytest.raises(UsageError, match="in quarantine: none"):
            await ask_main(tmp_path / "socket", RELEASE, name=PHOTOGRAPHER)
    finally:
        await desk.close()
    assert house.orchestrator.quarantined == {}
    await house.ring()
    assert any(word.startswith("kept") for word in house.context.life)


async def test_only_what_is_in_quarantine_can_be_released(house: House) -> None:
    await house.orchestrator.start()
    with pytest.raises(WiringError, match=r"input\.bell is not in quarantine"):
        await house.orchestrator.release("input.bell")


async def test_a_module_whose_handlers_always_fail_is_restarted_by_name(house: House) -> None:
    class Clumsy(Photographer):
        """Cannot hold a camera."""

        async def on_press(self, topic: str, press: DoorbellEvent) -> None:
            raise ZeroDivisionError(topic, press)

    await house.build(event__photographer=Clumsy).start()
    await house.ring(FAULTS_IN_A_ROW)
    summary = await house.orchestrator.check_health()
    told = summary.modules[PHOTOGRAPHER]
    assert told.state is HealthState.FAILED
    assert told.detail.startswith("its handlers failed 10 times in a row")
    await house.wait(6)
    assert house.starts == 2


async def test_errors_on_purpose_and_single_faults_are_no_reason_to_restart(house: House) -> None:
    class Moody(Photographer):
        """Fails in every way, but not always."""

        turns = 0

        async def on_press(self, topic: str, press: DoorbellEvent) -> None:
            self.turns += 1
            if self.turns < 20:
                raise StorageError("the film is full")
            if self.turns % FAULTS_IN_A_ROW:
                raise ValueError(topic, press)

    await house.build(event__photographer=Moody).start()
    await house.ring(60)
    await house.wait(6)
    assert house.starts == 1


async def test_a_module_that_breaks_its_contract_all_the_time_is_reported_by_name(
    house: House,
) -> None:
    class Liar(Photographer):
        """Publishes presses as pictures."""

        async def on_press(self, topic: str, press: DoorbellEvent) -> None:
            del topic
            await self.publish(topics.MEDIA_READY, press)

    await house.build(event__photographer=Liar).start()
    await house.ring(FAULTS_IN_A_ROW)
    told = (await house.orchestrator.check_health()).modules[PHOTOGRAPHER]
    assert told.state is HealthState.FAILED
    assert "it broke the contract of its topics 10 times in a row" in told.detail


async def test_a_module_that_hangs_in_start_has_failed_and_the_others_start(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator_file, "START_TIMEOUT_S", 0.05)

    class Sleeper(Photographer):
        """Never wakes."""

        async def start(self) -> None:
            await super().start()
            await asyncio.Event().wait()

    await house.build(event__photographer=Sleeper).start()
    told = (await house.orchestrator.check_health()).modules
    assert told[PHOTOGRAPHER].detail == "it did not start within 0.05 s; it hangs"
    assert told["input.bell"].state is HealthState.OK
    assert f"{PHOTOGRAPHER}.stop" in house.context.life


async def test_what_a_quarantined_module_missed_waits_for_it_in_the_outbox(
    clock: FakeClock, tmp_path: Path
) -> None:
    seen: list[str] = []

    class Faithful(Photographer):
        """Wants every press."""

        consumes = (Consume(topics.DOORBELL_PRESSED, "on_press", Policy.BLOCK, durable=True),)

        async def on_press(self, topic: str, press: DoorbellEvent) -> None:
            del topic
            seen.append(str(press.source))

    async with Bus(clock, status_interval_s=1e6, outbox=tmp_path / "outbox.db") as bus:
        house = House(bus, clock)
        await house.build(event__photographer=Faithful).start()
        bell = house.orchestrator.module("input.bell")
        assert isinstance(bell, Bell)
        await bell.ring("before")
        await bus.drain()
        house.context.healths[PHOTOGRAPHER] = BROKEN
        await house.wait(130)
        assert PHOTOGRAPHER in house.orchestrator.quarantined
        await bell.ring("meanwhile")
        del house.context.healths[PHOTOGRAPHER]
        assert await house.orchestrator.release(PHOTOGRAPHER)
        await bell.ring("after")
        await bus.drain()
        await house.orchestrator.stop()
    assert seen == ["before", "meanwhile", "after"]


async def test_modules_that_hang_at_the_end_are_left_behind_within_the_deadline(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator_file, "STOP_TIMEOUT_S", 0.1)
    monkeypatch.setattr(orchestrator_file, "STOP_ALL_S", 0.15)
    monkeypatch.setattr(orchestrator_file, "LEAST_STOP_S", 0.01)

    class Stuck(Photographer):
        """Never ends."""

        async def stop(self) -> None:
            await super().stop()
            await asyncio.Event().wait()

    await house.build(event__photographer=Stuck).start()
    with capture_logs() as lines:
        await house.orchestrator.stop()
    assert "storage.album.stop" in house.context.life
    (told,) = [line for line in lines if line["event"] == "module did not stop cleanly"]
    assert told["module"] == PHOTOGRAPHER
    assert "it was not done after 0.1 s" in told["error"]


async def test_after_a_new_start_of_main_a_quarantined_module_is_tried_again_and_found_out(
    house: House,
) -> None:
    await house.orchestrator.start()
    house.context.healths[PHOTOGRAPHER] = BROKEN
    await house.wait(130)
    assert PHOTOGRAPHER in house.orchestrator.quarantined
    await house.orchestrator.stop()

    await house.build().start()
    assert house.orchestrator.quarantined == {}
    assert house.orchestrator.module(PHOTOGRAPHER) is not None
    before = house.starts
    await house.wait(130)
    assert PHOTOGRAPHER in house.orchestrator.quarantined
    assert house.starts - before == 3
