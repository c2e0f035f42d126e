import os
from pathlib import Path

import pytest

from spyoncino.clock import FakeClock
from spyoncino.core.memory_watch import MemoryProbe
from spyoncino.schemas.status import HealthState


class Proc:
    """A folder like ``/proc`` in which processes hold what a test says."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def hold(self, process: int, size_kb: int) -> None:
        folder = self.root / str(process)
        folder.mkdir(exist_ok=True)
        (folder / "smaps_rollup").write_text(f"0-1 ---p [rollup]\nRss: 9 kB\nPss:  {size_kb} kB\n")


async def test_a_process_over_the_limit_is_named(clock: FakeClock, tmp_path: Path) -> None:
    proc = Proc(tmp_path)
    proc.hold(1, 900_000)
    proc.hold(2, 1_200_000)
    probe = MemoryProbe(1_000_000_000, clock, lambda: {"main": 1, "capture.door": 2}, tmp_path)
    health = await probe()
    assert health.state is HealthState.DEGRADED
    assert health.detail.startswith("capture.door holds 1229 MB of memory;")
    assert health.numbers == {"main_bytes": 921_600_000, "capture.door_bytes": 1_228_800_000}


async def test_growth_is_told_after_half_an_hour_over_the_last_hour(
    clock: FakeClock, tmp_path: Path
) -> None:
    proc = Proc(tmp_path)
    probe = MemoryProbe(10**12, clock, lambda: {"main": 1}, tmp_path)
    size_kb = 100_000
    for minute in range(121):
        size_kb += 1000 if minute < 60 else 2000
        proc.hold(1, size_kb)
        health = await probe()
        assert ("main_growth_bytes_per_h" in health.numbers) == (minute >= 30)
        await clock.advance(60)
    assert health.numbers["main_growth_bytes_per_h"] == pytest.approx(2000 * 1024 * 60)


async def test_a_process_that_is_gone_is_forgotten(clock: FakeClock, tmp_path: Path) -> None:
    Proc(tmp_path).hold(1, 5)
    living = {"main": 1, "worker-1": 77}
    probe = MemoryProbe(10**12, clock, lambda: living, tmp_path)
    assert "worker-1_bytes" not in (await probe()).numbers
    del living["main"]
    assert (await probe()).numbers == {}


async def test_the_real_proc_is_read(clock: FakeClock) -> None:
    numbers = (await MemoryProbe(10**12, clock, lambda: {"main": os.getpid()})()).numbers
    assert numbers["main_bytes"] > 1_000_000
