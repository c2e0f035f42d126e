"""A channel that cannot send keeps what it owes; one message per event is edited, not repeated."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from spyoncino.errors import DeliveryError, DeliveryLaterError, DeliveryRefusedError
from spyoncino.modules.delivery import DeliveryModule, Receipt
from spyoncino.modules.delivery_lane import Times
from spyoncino.modules.delivery_settings import DeliverySettings
from spyoncino.persistence.deliveries import Delivery, DeliveryKey, DeliveryStore
from spyoncino.schemas.alerts import AlertNotification, DeliveryState
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    NOTIFY_CONFIRMED,
    NOTIFY_FAILED,
    NOTIFY_QUEUED,
    NOTIFY_SENT,
)
from spyoncino.testing.harness import ModuleHarness

QUEUED = NOTIFY_QUEUED.of("pigeon")


class Pigeon(DeliveryModule[DeliverySettings]):
    """Writes down what it is told; ``troubles`` are raised one after the other."""

    name = "output.pigeon"
    section = "pigeon"
    channel = "pigeon"
    settings_model = DeliverySettings
    towers: Sequence[str] = ("tower",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.troubles: list[Exception] = []
        self.told: list[tuple[str, int, str]] = []
        self.ids: list[str] = []
        self.is_confirming = False
        self.down: set[str] = set()
        self.hanging: set[str] = set()

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        del alert
        return self.towers

    async def tell(self, delivery: Delivery) -> Receipt:
        self.ids.append(self.delivery_id(delivery))
        if self.troubles:
            raise self.troubles.pop(0)
        if delivery.key.target in self.down:
            raise DeliveryError("the bridge is out")
        if delivery.key.target in self.hanging:
            await self.context.clock.sleep(3600)
        self.told.append((delivery.key.target, delivery.alert.revision, delivery.remote_id))
        return Receipt(f"feather-{len(self.told)}", self.is_confirming)


def alert(harness: ModuleHarness, revision: int = 1, event_ref: str = "visit") -> AlertNotification:
    return AlertNotification(
        event_ref=event_ref,
        channel="pigeon",
        text=f"revision {revision}",
        revision=revision,
        timestamp=harness.clock.utc_now(),
    )


async def wait_s(harness: ModuleHarness, seconds: float) -> None:
    await harness.clock.advance(seconds)
    await harness.settle_writes()


async def test_one_event_is_one_message_that_is_edited(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    for revision in (1, 2):
        await harness.feed(QUEUED, alert(harness, revision))
        await wait_s(harness, 0)
    assert pigeon.told == [("tower", 1, ""), ("tower", 2, "feather-1")]
    reports = harness.received(NOTIFY_SENT.of("pigeon"))
    assert [(each.revision, each.remote_id) for each in reports] == [
        (1, "feather-1"),
        (2, "feather-2"),
    ]
    assert (await pigeon.health()).numbers["sent"] == 2


async def test_what_was_told_already_is_not_told_again(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    for _ in range(2):
        await harness.feed(QUEUED, alert(harness))
        await wait_s(harness, 0)
    assert len(pigeon.told) == 1


async def test_another_channel_and_a_channel_that_is_off_tell_nobody(
    harness: ModuleHarness,
) -> None:
    pigeon = await harness.add(Pigeon)
    await harness.feed(QUEUED, alert(harness))
    other = alert(harness).model_copy(update={"channel": "smoke"})
    await harness.feed(NOTIFY_QUEUED.of("smoke"), other)
    await wait_s(harness, 0)
    assert pigeon.told == []
    assert await DeliveryStore(harness.context.database).counts() == {}


async def test_a_failure_is_tried_again_with_growing_pauses_and_the_same_id(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    pigeon = await harness.add(Pigeon, enabled=True, first_retry_s=1.0)
    pigeon.troubles = [DeliveryError("it rains"), DeliveryError("it still rains")]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    health = await pigeon.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, "it rains")
    await wait_s(harness, 1.0)
    await wait_s(harness, 1.9)
    assert pigeon.told == []
    await wait_s(harness, 0.1)
    assert pigeon.told == [("tower", 1, "")]
    assert len(set(pigeon.ids)) == 1
    (report,) = harness.received(NOTIFY_SENT.of("pigeon"))
    assert (report.attempts, report.after_s) == (3, 3.0)
    assert (await pigeon.health()).state is HealthState.OK


async def test_only_the_newest_revision_is_told_after_a_pause_that_was_asked_for(
    harness: ModuleHarness,
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.troubles = [DeliveryError("too many pigeons", retry_after_s=30.0)]
    for revision in (1, 2, 3):
        await harness.feed(QUEUED, alert(harness, revision))
        await wait_s(harness, 0)
    await wait_s(harness, 29.0)
    assert pigeon.told == []
    await wait_s(harness, 1.1)
    assert pigeon.told == [("tower", 3, "")]


async def test_who_asks_for_a_pause_without_end_is_asked_again_before_it_is_given_up(
    harness: ModuleHarness,
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, give_up_after_s=60.0)
    pigeon.troubles = [DeliveryError("come back never", retry_after_s=1e15)]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    await wait_s(harness, 59.0)
    assert pigeon.told == []
    await wait_s(harness, 1.1)
    assert pigeon.told == [("tower", 1, "")]


async def test_what_can_never_succeed_is_given_up_at_once_with_a_sentence(
    harness: ModuleHarness,
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.troubles = [DeliveryRefusedError("there is no such tower")]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    (report,) = harness.received(NOTIFY_FAILED.of("pigeon"))
    assert (report.state, report.reason) == (DeliveryState.FAILED, "there is no such tower")
    await harness.feed(QUEUED, alert(harness, 2))
    await wait_s(harness, 0)
    assert pigeon.told == [("tower", 2, "")]


async def test_what_is_too_old_is_given_up(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, give_up_after_s=60.0, longest_retry_s=50.0)
    pigeon.troubles = [DeliveryError("it rains") for _ in range(99)]
    await harness.feed(QUEUED, alert(harness))
    for _ in range(40):
        await wait_s(harness, 5.0)
    (report,) = harness.received(NOTIFY_FAILED.of("pigeon"))
    assert "not delivered within" in report.reason
    assert "it rains" in report.reason


@pytest.mark.parametrize("jump", [timedelta(days=2), timedelta(hours=-3)])
async def test_a_wall_clock_that_jumps_gives_up_nothing_and_keeps_nobody_waiting(
    harness: ModuleHarness, jump: timedelta
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.troubles = [DeliveryError("fog"), DeliveryError("fog")]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    harness.clock.set_wall(harness.clock.utc_now() + jump)
    await wait_s(harness, 1.0)
    await wait_s(harness, 2.0)
    assert [revision for _, revision, _ in pigeon.told] == [1]
    assert harness.received(NOTIFY_FAILED.of("pigeon")) == []


async def test_a_wall_clock_that_goes_back_makes_no_message_wait_for_its_picture(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pigeon, "may_wait_s", lambda *_: 0.2)
    pigeon = await harness.add(Pigeon, enabled=True)
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    harness.clock.set_wall(harness.clock.utc_now() - timedelta(hours=3))
    for _ in range(5):
        await wait_s(harness, 0.05)
    assert len(pigeon.told) == 1


async def test_a_message_waits_since_it_is_owed_here_and_is_as_old_as_its_first_wish(
    harness: ModuleHarness,
) -> None:
    clock, told = harness.clock, alert(harness)
    store, key = DeliveryStore(harness.context.database), DeliveryKey("visit", "pigeon", "tower")
    owed = await store.want(key, told, clock.utc_now())
    await clock.advance(100.0)
    times = Times(owed, 60.0, clock)
    await clock.advance(3.0)
    assert (times.waited_s, times.age_s) == (3.0, 103.0)


async def test_a_target_that_fails_does_not_hold_up_another(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.towers = ("north", "south")
    pigeon.troubles = [DeliveryError("fog")]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    assert [target for target, *_ in pigeon.told] == ["south"]
    await wait_s(harness, 1.0)
    assert [target for target, *_ in pigeon.told] == ["south", "north"]


async def test_a_target_that_keeps_failing_is_left_alone_by_all_messages(
    harness: ModuleHarness,
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, first_retry_s=0.1, longest_retry_s=0.1)
    pigeon.troubles = [DeliveryError("storm") for _ in range(5)]
    await harness.feed(QUEUED, alert(harness))
    for _ in range(10):
        await wait_s(harness, 0.1)
    asked = len(pigeon.ids)
    assert asked == 5
    await harness.feed(QUEUED, alert(harness, event_ref="another"))
    await wait_s(harness, 5.0)
    assert len(pigeon.ids) == asked
    await wait_s(harness, 11.0)
    assert sorted(target for target, *_ in pigeon.told) == ["tower"] * len(pigeon.told)
    await wait_s(harness, 1.0)
    assert len(pigeon.told) == 2


async def test_what_the_pace_puts_off_is_no_failure_and_opens_no_breaker(
    harness: ModuleHarness,
) -> None:
    module = await harness.add(Pigeon, enabled=True)
    module.troubles = [DeliveryLaterError("the pace wants a pause", 5.0) for _ in range(9)]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0.0)
    for _ in range(9):
        assert module.told == []
        await wait_s(harness, 5.0)
    assert module.told == [("tower", 1, "")]
    health = await module.health()
    assert (health.numbers["failures"], health.state) == (0, HealthState.OK)
    (report,) = harness.received(NOTIFY_SENT.of("pigeon"))
    assert report.attempts == 1


async def test_what_a_former_run_owed_is_told_by_the_next(harness: ModuleHarness) -> None:
    first = await harness.add(Pigeon, enabled=True)
    first.troubles = [DeliveryError("night")]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    await first.stop()
    second = Pigeon(harness.context)
    await second.configure(DeliverySettings(enabled=True))
    await second.start()
    await wait_s(harness, 2.0)
    assert second.told == [("tower", 1, "")]
    await second.stop()


async def test_a_try_that_hangs_is_cut_off_and_a_confirmation_is_told(
    harness: ModuleHarness,
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, timeout_s=0.01)
    pigeon.is_confirming = True
    original = pigeon.tell

    async def hang(delivery: Delivery) -> Receipt:
        pigeon.tell = original  # type: ignore[method-assign]  # it works the second time
        await harness.clock.sleep(3600)
        return await original(delivery)

    pigeon.tell = hang  # type: ignore[method-assign]
    await harness.feed(QUEUED, alert(harness))
    while not (await pigeon.health()).numbers["failures"]:
        await wait_s(harness, 0)
    assert "not done after 0.01 s" in (await pigeon.health()).detail
    await wait_s(harness, 1.0)
    (report,) = harness.received(NOTIFY_CONFIRMED.of("pigeon"))
    (sent,) = harness.received(NOTIFY_SENT.of("pigeon"))
    assert (sent.state, sent.revision) == (DeliveryState.SENT, report.revision)
    assert (await pigeon.health()).numbers["sent"] == 1
    assert report.state is DeliveryState.CONFIRMED


async def test_more_than_fits_into_memory_is_told_in_the_end(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.modules.delivery_lane.OWED_AT_ONCE", 3)
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.troubles = [DeliveryError("dusk", retry_after_s=5.0) for _ in range(3)]
    for number in range(8):
        await harness.feed(QUEUED, alert(harness, event_ref=f"visit-{number}"))
    await wait_s(harness, 0)
    assert (await pigeon.health()).numbers["owed"] == 3
    for _ in range(6):
        await wait_s(harness, 6.0)
    assert len(pigeon.told) == 8


async def told_all(harness: ModuleHarness, pigeon: Pigeon, count: int) -> None:
    """Wait, without that time goes by, until so many were told."""
    for _ in range(100):
        if len(pigeon.told) >= count:
            return
        await wait_s(harness, 0)


async def test_a_target_that_is_down_hides_no_message_to_another(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.modules.delivery_lane.OWED_AT_ONCE", 4)
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.towers, pigeon.down = ("north", "south"), {"north"}
    visits = [f"visit-{number}" for number in range(30)]
    for visit in visits:
        await harness.feed(QUEUED, alert(harness, event_ref=visit))
    await told_all(harness, pigeon, len(visits))
    assert [target for target, *_ in pigeon.told] == ["south"] * len(visits)
    numbers = (await pigeon.health()).numbers
    assert (numbers["owed"], numbers["targets_behind"]) == (4, 1)
    assert (await pigeon.health()).detail == "the bridge is out"
    pigeon.down.clear()
    for _ in range(20):
        await wait_s(harness, 10.0)
    assert sorted(target for target, *_ in pigeon.told[30:]) == ["north"] * len(visits)
    assert (await pigeon.health()).numbers["owed"] == 0
    assert (await pigeon.health()).state is HealthState.OK


async def test_a_start_reads_what_is_owed_to_every_target(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.modules.delivery_lane.OWED_AT_ONCE", 4)
    monkeypatch.setattr("spyoncino.modules.delivery.OWED_AT_ONCE", 4)
    first = await harness.add(Pigeon, enabled=True)
    first.towers = first.down = ("north",)  # type: ignore[assignment]  # both are asked with `in`
    for number in range(10):
        await harness.feed(QUEUED, alert(harness, event_ref=f"old-{number}"))
    first.towers = first.down = ("north", "south")  # type: ignore[assignment]
    for number in range(10):
        await harness.feed(QUEUED, alert(harness, event_ref=f"new-{number}"))
    await wait_s(harness, 0)
    await first.stop()
    second = Pigeon(harness.context)
    second.down = {"north"}
    await second.configure(DeliverySettings(enabled=True))
    await second.start()
    for _ in range(20):
        await wait_s(harness, 1.0)
    assert [target for target, *_ in second.told] == ["south"] * 10
    await second.stop()


async def test_a_target_that_hangs_keeps_no_place_of_another(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, at_once=1)
    pigeon.towers, pigeon.hanging = ("north", "south"), {"north"}
    for number in range(5):
        await harness.feed(QUEUED, alert(harness, event_ref=f"visit-{number}"))
    await told_all(harness, pigeon, 5)
    assert [target for target, *_ in pigeon.told] == ["south"] * 5


async def test_a_new_message_waits_behind_no_edits(harness: ModuleHarness) -> None:
    module = await harness.add(Pigeon, enabled=True, at_once=1, timeout_s=60.0)
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0.0)
    module.hanging.add("tower")
    await harness.feed(QUEUED, alert(harness, 2))
    await wait_s(harness, 0.0)
    module.hanging.clear()
    await harness.feed(QUEUED, alert(harness, event_ref="bell"))
    await wait_s(harness, 0.0)
    assert [revision for _, revision, _ in module.told] == [1, 1]


async def test_a_revision_that_comes_while_more_is_read_is_told_once(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.modules.delivery_lane.OWED_AT_ONCE", 2)
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.troubles = [DeliveryError("dusk", retry_after_s=1.0) for _ in range(2)]
    for number in range(6):
        await harness.feed(QUEUED, alert(harness, event_ref=f"visit-{number}"))
    for revision in (2, 3):
        await wait_s(harness, 1.0)
        for number in range(6):
            await harness.feed(QUEUED, alert(harness, revision, event_ref=f"visit-{number}"))
    for _ in range(10):
        await wait_s(harness, 1.0)
    assert len(set(pigeon.ids)) == len(pigeon.told)
    assert sum(revision == 3 for _, revision, _ in pigeon.told) == 6


async def test_the_settings_forget_why_a_target_failed(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.troubles = [DeliveryRefusedError("there is no such tower")]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    assert (await pigeon.health()).detail == "there is no such tower"
    await pigeon.configure(DeliverySettings(enabled=True))
    assert (await pigeon.health()).state is HealthState.OK


async def test_the_end_waits_for_the_try_at_hand_only(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True)
    pigeon.troubles = [DeliveryError("hail", retry_after_s=3600.0)]
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    await pigeon.drain()
    store = DeliveryStore(harness.context.database)
    (owed,) = await store.owed("pigeon", 10)
    assert owed.retry_at == harness.clock.utc_now() + timedelta(hours=1)
