"""The supervisor's decisions one by one: what is counted, said and forgotten, and when."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest
import structlog
from structlog.testing import capture_logs

from spyoncino.clock import FakeClock
from spyoncino.core.registry import Module
from spyoncino.core.settings import HealthSettings
from spyoncino.core.subscription import Subscription
from spyoncino.core.supervision import FAULTS_IN_A_ROW, Supervisor, misconduct
from spyoncino.schemas.status import HealthState, HealthStatus

NAME = "event.photographer"
COOLDOWN_S = 40.0
HEALTH = HealthSettings(restart_cooldown_s=COOLDOWN_S, max_restart_attempts=3, quarantine_s=600)
ILL = HealthStatus(state=HealthState.FAILED, detail="the shutter is stuck")
WELL = HealthStatus()


class Ward:
    """One module under a supervisor, and what was done with it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.restarts = 0
        self.isolated: list[str] = []
        self.starts_again = True
        self.supervisor = Supervisor(
            [NAME],
            HEALTH,
            clock,
            structlog.get_logger(),
            restart=self._restart,
            isolate=self._isolate,
        )

    async def _restart(self, _name: str) -> bool:
        self.restarts += 1
        return self.starts_again

    async def _isolate(self, _name: str, why: str) -> None:
        self.isolated.append(why)

    async def is_for(self, health: HealthStatus, seconds: int) -> None:
        """Look at it every second for so long."""
        for _ in range(seconds):
            await self.clock.advance(1)
            await self.supervisor.look({NAME: health})

    async def quarantine(self) -> None:
        """Be ill until it is isolated."""
        before = len(self.isolated)
        while len(self.isolated) == before:
            await self.is_for(ILL, 1)

    @property
    def numbers(self) -> dict[str, float]:
        return dict(self.supervisor.status().numbers)


@pytest.fixture
def ward(clock: FakeClock) -> Ward:
    return Ward(clock)


async def test_it_begins_with_nothing_counted(ward: Ward) -> None:
    assert ward.supervisor.status() == HealthStatus(
        numbers={"restarts": 0, "recovered": 0, "longest_recovery_s": 0, "quarantined": 0}
    )


async def test_restarts_and_the_longest_recovery_are_counted(ward: Ward) -> None:
    await ward.is_for(ILL, 1)
    await ward.is_for(WELL, 1)
    await ward.is_for(ILL, 15)
    await ward.is_for(WELL, 1)
    await ward.is_for(ILL, 3)
    await ward.is_for(WELL, 1)
    assert ward.restarts == 2
    assert ward.numbers == {
        "restarts": 2,
        "recovered": 3,
        "longest_recovery_s": 15,
        "quarantined": 0,
    }


async def test_each_step_is_one_line_with_the_word_recovery(ward: Ward) -> None:
    with capture_logs() as lines:
        ward.starts_again = False
        await ward.is_for(ILL, 1)
        ward.starts_again = True
        await ward.quarantine()
        await ward.is_for(ILL, 600)
        await ward.is_for(WELL, 1)
    told = [(line["event"], line["module"]) for line in lines]
    words = (
        "module does not start",
        "module restarted",
        "module restarted",
        "module put into quarantine, the others go on",
        "module in quarantine is tried again",
        "module restarted",
        "module is well again",
    )
    assert told == [(f"recovery: {each}", NAME) for each in words]
    assert lines[0]["reason"] == "the shutter is stuck"
    assert (lines[0]["attempt"], lines[0]["of"]) == (1, 3)
    assert isinstance(lines[-1]["after_s"], float)
    assert lines[-1]["after_s"] == ward.numbers["longest_recovery_s"]


async def test_the_reason_says_when_it_is_tried_again_and_how_to_release_it(ward: Ward) -> None:
    await ward.quarantine()
    (why,) = ward.isolated
    assert why.startswith("is in quarantine after 3 restarts: the shutter is stuck; ")
    assert why.endswith(f"tried again in 10 min, or by `spyoncino modules release {NAME}`")
    status = ward.supervisor.status()
    assert status.state is HealthState.DEGRADED
    assert status.detail == f"in quarantine: {NAME}"
    with capture_logs() as lines:
        assert await ward.supervisor.release(NAME)
    assert [line["event"] for line in lines] == ["recovery: module released by hand"]
    assert ward.supervisor.status().state is HealthState.OK


async def test_a_trial_counts_as_passed_after_a_whole_cool_down(ward: Ward) -> None:
    await ward.is_for(WELL, 5)
    await ward.quarantine()
    await ward.is_for(ILL, 600)
    await ward.is_for(WELL, int(COOLDOWN_S))  # the first look begins it: one second is missing
    await ward.is_for(ILL, 1)
    assert len(ward.isolated) == 2

    await ward.is_for(ILL, 1200)
    await ward.is_for(WELL, int(COOLDOWN_S) + 1)
    restarts = ward.restarts
    await ward.is_for(ILL, 1)
    assert ward.restarts == restarts + 1
    assert len(ward.isolated) == 2


async def test_a_failure_counts_for_ten_cool_downs(ward: Ward) -> None:
    await ward.is_for(ILL, 1)
    await ward.is_for(WELL, int(10 * COOLDOWN_S) - 1)
    assert ward.supervisor.restarts_of(NAME) == 1
    await ward.is_for(WELL, 1)
    assert ward.supervisor.restarts_of(NAME) == 0


@dataclass
class FakeCounters:
    faults_in_a_row: int


def subscription_with(faults: int) -> Subscription:
    return cast("Subscription", SimpleNamespace(counters=FakeCounters(faults)))


def test_the_worst_subscription_of_a_module_is_its_conduct() -> None:
    module = cast("Module", SimpleNamespace(contract_breaks=FAULTS_IN_A_ROW - 1))
    good, bad = subscription_with(0), subscription_with(FAULTS_IN_A_ROW)
    assert misconduct(module, [good]) == ""
    assert misconduct(module, []) == ""
    assert "10 times in a row" in misconduct(module, [good, bad])
