"""It is noticed when nobody would be told: inside by a test each day, outside by silence."""

import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError
from tests.fixtures.heartbeat_stand_in import Listener, listener
from tests.unit.modules.test_delivery import Pigeon

from spyoncino.errors import DeliveryError
from spyoncino.modules.output.dead_man import STALE_S, DeadMan, DeadManSettings
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.status import HealthState, HealthSummary
from spyoncino.schemas.topics import NOTIFY_QUEUED, STATUS_HEALTH, STATUS_NOTICE
from spyoncino.testing.harness import ModuleHarness

HOUR_S = 3600.0


class Smoke(Pigeon):
    """Another channel."""

    name = "output.smoke"
    section = "smoke"
    channel = "smoke"


@pytest_asyncio.fixture
async def far() -> AsyncIterator[Listener]:
    async with listener() as expecting:
        yield expecting


async def house(harness: ModuleHarness, **settings: object) -> tuple[DeadMan, Pigeon, Pigeon]:
    """Two channels that work, half an hour before the test of the day."""
    at = (harness.clock.utc_now().astimezone() + timedelta(hours=0.5)).time()
    harness.context.channels = lambda: ("pigeon", "smoke")
    pigeon = await harness.add(Pigeon, enabled=True, longest_retry_s=60.0)
    smoke = await harness.add(Smoke, enabled=True)
    facts: dict[str, object] = {"daily_test": True, "at": at, "within_s": 600.0, **settings}
    return await harness.add(DeadMan, **facts), pigeon, smoke


async def pass_s(harness: ModuleHarness, seconds: float, longest_step_s: float = 300.0) -> None:
    """Let time pass no faster than the database, which has threads of its own, can follow."""
    steps = math.ceil(seconds / longest_step_s)
    for _ in range(steps):
        await harness.clock.advance(seconds / steps)
        await harness.settle_writes()
    for _ in range(4):
        await harness.settle_writes()


async def health(harness: ModuleHarness, state: HealthState, detail: str = "") -> None:
    await harness.feed(STATUS_HEALTH, HealthSummary(state=state, modules={}, detail=detail))


def told(harness: ModuleHarness, channel: str) -> list[AlertNotification]:
    return harness.received(NOTIFY_QUEUED.of(channel))


async def test_every_channel_gets_one_silent_test_a_day(harness: ModuleHarness) -> None:
    module, pigeon, smoke = await house(harness)
    await pass_s(harness, 0.4 * HOUR_S)
    assert pigeon.told == []
    await pass_s(harness, HOUR_S)
    assert len(pigeon.told) == len(smoke.told) == 1
    (alert,) = told(harness, "pigeon")
    assert alert.text == "Test of the day: everything is well"
    assert (alert.priority, alert.is_final, alert.event) == (AlertPriority.LOW, True, None)
    assert harness.received(STATUS_NOTICE) == []
    assert (await module.health()).state is HealthState.OK
    await pass_s(harness, 22.5 * HOUR_S, longest_step_s=0.5 * HOUR_S)
    assert len(pigeon.told) == 1
    await pass_s(harness, HOUR_S)
    assert len(pigeon.told) == len(smoke.told) == 2


async def test_the_test_does_not_call_a_house_well_that_is_ill(harness: ModuleHarness) -> None:
    await house(harness, channels=("smoke",))
    await health(harness, HealthState.DEGRADED, "the disk is full")
    await pass_s(harness, HOUR_S)
    (alert,) = told(harness, "smoke")
    assert alert.text == "Test of the day: this channel works, but: the disk is full"
    assert told(harness, "pigeon") == []


async def test_a_channel_that_is_broken_is_told_by_the_others_and_on_the_page(
    harness: ModuleHarness,
) -> None:
    module, pigeon, smoke = await house(harness)
    pigeon.troubles = [DeliveryError("a hawk is about")] * 1000
    await pass_s(harness, HOUR_S)
    test, broken = told(harness, "smoke")
    assert (broken.title, broken.priority) == (
        "Nobody is told by pigeon (tower)",
        AlertPriority.HIGH,
    )
    assert broken.text == ("The test of the day did not arrive. pigeon (tower): a hawk is about")
    assert len(told(harness, "pigeon")) == 1
    (notice,) = harness.received(STATUS_NOTICE)
    assert (notice.message, notice.state) == (broken.text, HealthState.FAILED)
    assert (await module.health()).detail == "the test of the day did not reach pigeon (tower)"
    pigeon.troubles.clear()
    await pass_s(harness, HOUR_S)
    edit = told(harness, "smoke")[-1]
    assert (edit.event_ref, edit.revision) == (broken.event_ref, 2)
    assert edit.title == "pigeon (tower) works again"
    assert harness.received(STATUS_NOTICE)[-1].state is HealthState.OK
    assert (await module.health()).state is HealthState.OK
    assert test.event_ref == told(harness, "pigeon")[0].event_ref
    assert [revision for _, revision, _ in smoke.told] == [1, 1, 2]


async def test_a_channel_that_takes_nothing_is_broken_too(harness: ModuleHarness) -> None:
    await house(harness, channels=("smoke", "drum"))
    await pass_s(harness, HOUR_S)
    assert "drum: the channel did not take it" in told(harness, "smoke")[-1].text


async def test_what_was_told_to_be_broken_is_edited_after_a_restart_and_counted_on(
    harness: ModuleHarness,
) -> None:
    first, pigeon, _ = await house(harness)
    pigeon.troubles = [DeliveryError("a hawk is about")] * 1000
    await pass_s(harness, HOUR_S)
    broken = told(harness, "smoke")[-1]
    await first.stop()
    await harness.add(DeadMan, daily_test=True, at=first.settings.at, within_s=600.0)
    pigeon.troubles.clear()
    await pass_s(harness, HOUR_S)
    later = told(harness, "smoke")[-1]
    assert later.event_ref == broken.event_ref
    assert later.revision > broken.revision == 1


async def test_a_test_of_a_former_run_is_judged_and_not_repeated(harness: ModuleHarness) -> None:
    first, pigeon, smoke = await house(harness)
    pigeon.troubles = [DeliveryError("a hawk is about")] * 1000
    await pass_s(harness, 0.55 * HOUR_S)
    await first.stop()
    at = first.settings.at
    await harness.add(DeadMan, daily_test=True, at=at, within_s=600.0)
    await pass_s(harness, HOUR_S)
    assert [alert.event_ref[-7:] for alert in told(harness, "smoke")][1:] == ["-broken"]
    assert len(smoke.told) == 2


async def test_without_the_wish_no_test_is_sent(harness: ModuleHarness) -> None:
    await house(harness, daily_test=False)
    await pass_s(harness, HOUR_S)
    assert told(harness, "pigeon") == []
    assert DeadManSettings().daily_test is False


async def beats(harness: ModuleHarness, module: DeadMan, far: Listener, seconds: float) -> int:
    """Heartbeats within a time, each of which has ended before the time goes on."""
    before, every_s = far.beats, module.settings.heartbeat_every_s
    for _ in range(round(seconds / every_s)):
        ended, last_s = done(module), module._beat_s
        await harness.clock.advance(every_s)
        await harness.settle()
        while module._beat_s != last_s and done(module) == ended:
            await harness.settle()
        await harness.settle()
    return far.beats - before


def done(module: DeadMan) -> int:
    return sum(count for name, count in module._counts.items() if name != "tests")


async def test_the_heart_beats_while_the_house_can_tell_and_stops_when_not(
    harness: ModuleHarness, far: Listener
) -> None:
    module = await harness.add(
        DeadMan, heartbeat_url=SecretStr(far.url), heartbeat_every_s=60.0, timeout_s=5.0
    )
    assert await beats(harness, module, far, 300) == 0  # nothing is known yet
    await health(harness, HealthState.DEGRADED, "a camera is away")
    assert await beats(harness, module, far, 300) == 5
    await health(harness, HealthState.FAILED, "the worker pool is gone")
    assert await beats(harness, module, far, 300) == 0
    await health(harness, HealthState.OK)
    assert await beats(harness, module, far, STALE_S + 300) == STALE_S // 60
    numbers = (await module.health()).numbers
    assert numbers["beats"] == 5 + STALE_S // 60
    assert numbers["beats_held"] == 10


async def test_a_heartbeat_that_is_refused_is_told_without_its_address(
    harness: ModuleHarness, far: Listener, logged: Callable[[], str]
) -> None:
    far.answers = [(404, {})]
    module = await harness.add(DeadMan, heartbeat_url=SecretStr(far.url), heartbeat_every_s=60.0)
    await health(harness, HealthState.OK)
    while far.beats < 1:
        await beats(harness, module, far, 60)
    said = await module.health()
    assert said.detail == "the heartbeat's address answered 404 Not Found"
    log = logged()
    assert "answered 404" in log
    assert "s3cret" not in said.model_dump_json() + log + str(module.settings)
    while far.beats < 2:
        await beats(harness, module, far, 60)
    assert (await module.health()).state is HealthState.OK


async def test_the_heart_stops_when_the_test_reached_nobody(
    harness: ModuleHarness, far: Listener
) -> None:
    module, pigeon, smoke = await house(
        harness, heartbeat_url=SecretStr(far.url), heartbeat_every_s=60.0
    )
    pigeon.troubles = [DeliveryError("a hawk is about")] * 1000
    smoke.troubles = [DeliveryError("it rains")] * 1000
    await pass_s(harness, HOUR_S)
    await health(harness, HealthState.OK)
    assert await beats(harness, module, far, 180) == 0
    assert (await module.health()).numbers["beats_held"] == 3
    (notice,) = harness.received(STATUS_NOTICE)
    assert "a hawk is about" in notice.message
    assert "it rains" in notice.message


def test_an_address_without_tls_is_refused() -> None:
    with pytest.raises(ValidationError, match="is another machine") as caught:
        DeadManSettings(heartbeat_url=SecretStr("http://example.org/s3cret"))
    assert "s3cret" not in str(caught.value)


async def test_the_hour_is_local_and_a_clock_set_back_repeats_nothing(
    harness: ModuleHarness,
) -> None:
    _, pigeon, _ = await house(harness)
    await pass_s(harness, HOUR_S)
    harness.clock.set_wall(harness.clock.utc_now() - timedelta(hours=1))
    await pass_s(harness, 2 * HOUR_S)
    assert len(pigeon.told) == 1
    assert harness.clock.utc_now() > datetime(2026, 1, 1, tzinfo=UTC)
