import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
import structlog
from structlog.testing import capture_logs

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.load_control import LoadControl
from spyoncino.core.message import Message
from spyoncino.runtime.pool_stats import PoolPressure
from spyoncino.schemas import topics
from spyoncino.schemas.status import HealthState, LoadStage, LoadStatus


class Machine:
    """What a load control measures, as a test wants it."""

    def __init__(self, bus: Bus, clock: FakeClock) -> None:
        self.clock = clock
        self.pressure = PoolPressure()
        self.lag_s = 0.0
        self.told: list[LoadStatus] = []
        self.health_told = 0
        self.control = LoadControl(
            bus,
            clock,
            structlog.get_logger(),
            pressure_of_pool=lambda: self.pressure,
            loop_lag_s=lambda: self.lag_s,
            on_change=self._on_change,
        )
        bus.subscribe(topics.STATUS_LOAD, self._on_load, name="ear")

    async def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.clock.advance(1)
            for _ in range(10):
                await asyncio.sleep(0)

    async def _on_change(self) -> None:
        self.health_told += 1

    async def _on_load(self, message: Message) -> None:
        self.told.append(message.payload)


@pytest_asyncio.fixture
async def machine(clock: FakeClock) -> AsyncIterator[Machine]:
    async with Bus(clock, status_interval_s=1e6) as bus:
        machine = Machine(bus, clock)
        machine.control.start()
        yield machine
        await machine.control.stop()


async def test_frames_that_wait_are_announced_told_in_health_and_undone(machine: Machine) -> None:
    machine.pressure = PoolPressure(continuous_wait_s=1.8)
    with capture_logs() as lines:
        await machine.wait(6)
        (status,) = machine.told
        assert status.stage is LoadStage.FEWER_FRAMES
        assert status.pressure == 1.8
        health = await machine.control.health()
        assert health.state is HealthState.DEGRADED
        assert health.detail == "fewer pictures are analysed: pictures wait for a worker"
        machine.pressure = PoolPressure()
        await machine.wait(25)
    assert machine.told[-1].stage is LoadStage.NORMAL
    assert (await machine.control.health()).state is HealthState.OK
    assert machine.health_told == 2
    assert [line["event"] for line in lines] == [
        "the machine is overloaded",
        "recovery: the load is bearable, more is analysed again",
    ]


async def test_starving_background_work_and_a_late_loop_count_too(machine: Machine) -> None:
    machine.pressure = PoolPressure(background_wait_s=60)
    await machine.wait(6)
    assert machine.told[-1].reason == "clips and previews wait for a worker"
    machine.pressure, machine.lag_s = PoolPressure(), 0.5
    await machine.wait(6)
    assert machine.told[-1].reason == "the main process is late"


async def test_only_new_losses_count(machine: Machine) -> None:
    machine.pressure = PoolPressure(continuous_shed=100)
    await machine.wait(30)
    assert machine.told == []
    for shed in range(101, 112):
        machine.pressure = PoolPressure(continuous_shed=shed)
        await machine.wait(1)
    assert machine.told[0].reason == "pictures were given up"


async def test_stopping_before_the_start_is_harmless(clock: FakeClock) -> None:
    async with Bus(clock, status_interval_s=1e6) as bus:
        await Machine(bus, clock).control.stop()
