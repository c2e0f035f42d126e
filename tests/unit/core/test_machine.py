from pathlib import Path

import pytest

from spyoncino.clock import FakeClock
from spyoncino.core.machine import SUSTAINED_S, MachineProbe
from spyoncino.core.settings import HealthSettings
from spyoncino.schemas.status import HealthState


class Proc:
    """A ``/proc`` that says what a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.says(busy=0, idle=0)

    def says(self, *, busy: int, idle: int, free_kb: int = 800) -> None:
        stat = f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3\n"
        (self.folder / "stat").write_text(stat)
        meminfo = f"MemTotal: 1000 kB\nMemAvailable: {free_kb} kB\nHugePages_Total: 0\n"
        (self.folder / "meminfo").write_text(meminfo)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


async def test_use_is_the_average_since_the_last_question(proc: Proc, clock: FakeClock) -> None:
    probe = MachineProbe(HealthSettings(), clock, proc.folder)
    assert (await probe()).numbers["cpu_percent"] == 0
    proc.says(busy=50, idle=50)
    assert (await probe()).numbers["cpu_percent"] == 50
    proc.says(busy=50, idle=150, free_kb=250)
    health = await probe()
    assert health.state is HealthState.OK
    assert health.numbers == {"cpu_percent": 0, "memory_percent": 75, "cpu_busy_s": 0}


async def test_a_busy_processor_is_a_remark_until_it_lasts(proc: Proc, clock: FakeClock) -> None:
    probe = MachineProbe(HealthSettings(cpu_threshold=60), clock, proc.folder)
    seen = []
    busy = idle = 0
    for percent in (90, 90, 90, 90, 10, 90):
        busy, idle = busy + percent, idle + 100 - percent
        proc.says(busy=busy, idle=idle)
        seen.append(await probe())
        await clock.advance(SUSTAINED_S / 2)
    assert [health.state.value for health in seen] == [
        "ok",
        "ok",
        "degraded",
        "degraded",
        "ok",
        "ok",
    ]
    assert seen[1].detail == "processor use is 90 %, above health.cpu_threshold (60 %)"
    assert seen[2].detail.endswith("(60 %) for 5 min")
    assert [health.numbers["cpu_busy_s"] for health in seen] == [0, 150, 300, 450, 0, 0]


async def test_short_of_memory_the_machine_is_degraded_at_once_and_says_by_what(
    proc: Proc, clock: FakeClock
) -> None:
    probe = MachineProbe(HealthSettings(cpu_threshold=60, memory_threshold=70), clock, proc.folder)
    proc.says(busy=90, idle=10, free_kb=100)
    health = await probe()
    assert health.state is HealthState.DEGRADED
    assert health.detail == (
        "processor use is 90 %, above health.cpu_threshold (60 %); "
        "memory use is 90 %, above health.memory_threshold (70 %)"
    )


async def test_a_machine_that_does_not_tell_is_not_unwell(tmp_path: Path, clock: FakeClock) -> None:
    health = await MachineProbe(HealthSettings(), clock, tmp_path)()
    assert health.state is HealthState.OK
    assert health.numbers == {}
    (tmp_path / "stat").write_text("")
    assert (await MachineProbe(HealthSettings(), clock, tmp_path)()).numbers == {}


async def test_this_machine_answers(clock: FakeClock) -> None:
    numbers = (await MachineProbe(HealthSettings(), clock)()).numbers
    assert all(0 <= value <= 100 for value in numbers.values())
