"""The score is as good as its worst part, and alarms are told once for each fall."""

import pytest
from tests.fixtures.bus_ear import Ear

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.performance import WARN_BELOW, Alarms, performance_parts, performance_score
from spyoncino.core.settings import HealthSettings
from spyoncino.schemas.status import HealthState, HealthStatus, HealthSummary

LIMITS = HealthSettings(cpu_threshold=80, memory_threshold=85)
OK, DEGRADED, FAILED = HealthState.OK, HealthState.DEGRADED, HealthState.FAILED


def summary_of(
    state: HealthState = OK, *, pool: HealthState = OK, detail: str = "", **numbers: float
) -> HealthSummary:
    machine = {name: value for name, value in numbers.items() if name.startswith(("cpu", "mem"))}
    others = {name: value for name, value in numbers.items() if name not in machine}
    modules = {
        "pool": HealthStatus(state=pool, numbers=others),
        "machine": HealthStatus(numbers=machine),
        **{f"part {number}": HealthStatus() for number in range(8)},
    }
    return HealthSummary(state=state, modules=modules, detail=detail)


def test_a_system_that_is_well_has_the_best_score() -> None:
    assert performance_score(summary_of(cpu_percent=80, memory_percent=85), LIMITS) == 1
    assert performance_score(HealthSummary(state=OK, modules={}), LIMITS) == 1


@pytest.mark.parametrize(
    ("part", "score", "summary"),
    [
        ("workers", 0.5, summary_of(pool=DEGRADED, workers=2, workers_ready=1)),
        ("jobs", 0.6, summary_of(workers=1, workers_ready=1, error_rate=0.4)),
        ("memory", 0.5, summary_of(memory_percent=100)),
        ("memory", 0.75, summary_of(memory_percent=92.5)),
        ("processor", 0.5, summary_of(cpu_percent=100, cpu_busy_s=600)),
        ("processor", 0.75, summary_of(cpu_percent=100, cpu_busy_s=150)),
        ("processor", 1.0, summary_of(cpu_percent=100, cpu_busy_s=0)),
    ],
)
def test_each_part_of_the_score_is_as_its_table_says(
    part: str, score: float, summary: HealthSummary
) -> None:
    parts = performance_parts(summary, LIMITS)
    assert parts[part] == pytest.approx(score)
    assert performance_score(summary, LIMITS) == min(parts.values())


def test_parts_count_by_their_state() -> None:
    modules = {
        "a": HealthStatus(),
        "b": HealthStatus(state=HealthState.STOPPED),
        "c": HealthStatus(state=DEGRADED),
        "d": HealthStatus(state=FAILED),
    }
    summary = HealthSummary(state=FAILED, modules=modules)
    assert performance_parts(summary, LIMITS)["parts"] == pytest.approx(2.5 / 4)


def test_workers_that_are_still_starting_are_no_lack() -> None:
    assert performance_score(summary_of(pool=OK, workers=2, workers_ready=1), LIMITS) == 1


async def test_each_alarm_is_told_once_for_each_fall() -> None:
    ear = Ear()
    slow = summary_of(memory_percent=100)
    broken = summary_of(FAILED, detail="storage.event_log: the disk is full")
    async with Bus(SystemClock()) as bus:
        bus.subscribe("system_error|performance_warning", ear, name="alarms")
        alarms = Alarms(bus, LIMITS)
        for summary in (summary_of(), slow, slow, summary_of(), broken, broken, slow):
            await alarms.report(summary)
        await bus.drain()
    told = [message.topic for message in ear.messages]
    assert told == ["status.performance.warning", "status.system.error", told[0]]
    warning, error = ear.heard[:2]
    assert (warning.score, warning.limit, warning.detail) == (0.5, 0.7, "memory use is 100 %")
    assert error.error == "storage.event_log: the disk is full"
    await alarms.report(broken)


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (
            summary_of(pool=DEGRADED, workers=2, workers_ready=1),
            "1 of 2 workers are ready",
        ),
        (summary_of(error_rate=0.5), "50% of the workers' jobs fail"),
        (summary_of(cpu_percent=100, cpu_busy_s=600), "processor use is 100 % for 10 min"),
    ],
)
async def test_a_warning_names_the_worst_part(summary: HealthSummary, sentence: str) -> None:
    ear = Ear()
    async with Bus(SystemClock()) as bus:
        bus.subscribe("performance_warning", ear, name="alarms")
        await Alarms(bus, LIMITS).report(summary)
        await bus.drain()
    assert ear.heard[0].detail == sentence
    assert ear.heard[0].data["score"] < WARN_BELOW
