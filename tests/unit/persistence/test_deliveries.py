"""What was told to whom, and what is still owed."""

from datetime import UTC, datetime, timedelta

import pytest

from spyoncino.persistence.database import Database
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.schemas.alerts import AlertNotification, DeliveryState

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = DeliveryKey("visit", "pigeon", "tower")


@pytest.fixture
def store(database: Database) -> DeliveryStore:
    return DeliveryStore(database)


def alert(revision: int, event_ref: str = "visit") -> AlertNotification:
    return AlertNotification(
        event_ref=event_ref,
        channel="pigeon",
        text=f"revision {revision}",
        revision=revision,
        timestamp=NOON + timedelta(seconds=revision),
    )


async def test_what_is_wanted_is_owed_until_the_far_side_has_it(store: DeliveryStore) -> None:
    wanted = await store.want(KEY, alert(1), NOON)
    assert wanted.is_due
    assert await store.owed("pigeon", 10) == [wanted]
    assert await store.owed("telegram", 10) == []
    await store.sent(KEY, 1, "feather-7", confirmed=False)
    assert await store.owed("pigeon", 10) == []
    (told,) = await store.of_event("visit")
    assert (told.state, told.remote_id, told.sent_revision) == (DeliveryState.SENT, "feather-7", 1)


async def test_a_newer_revision_is_owed_again_and_knows_the_message_that_it_edits(
    store: DeliveryStore,
) -> None:
    await store.want(KEY, alert(1), NOON)
    await store.sent(KEY, 1, "feather-7", confirmed=True)
    newer = await store.want(KEY, alert(3), NOON + timedelta(seconds=2))
    assert newer.is_due
    assert (newer.remote_id, newer.sent_revision, newer.alert.text) == (
        "feather-7",
        1,
        "revision 3",
    )
    assert newer.queued_at == NOON


async def test_only_what_was_not_heard_yet_is_loud(store: DeliveryStore) -> None:
    assert (await store.want(KEY, alert(1), NOON)).is_loud
    await store.sent(KEY, 1, "feather-7", confirmed=True)
    assert not (await store.want(KEY, alert(2), NOON)).is_loud
    urgent = alert(3).model_copy(update={"loud_revision": 3})
    assert (await store.want(KEY, urgent, NOON)).is_loud
    later = alert(4).model_copy(update={"loud_revision": 3})
    assert (await store.want(KEY, later, NOON)).is_loud  # the third was never sent
    await store.sent(KEY, 4, "feather-8", confirmed=True)
    assert not (await store.of_event("visit"))[0].is_loud


async def test_an_older_revision_that_comes_late_changes_nothing(store: DeliveryStore) -> None:
    await store.want(KEY, alert(3), NOON)
    late = await store.want(KEY, alert(2), NOON)
    assert late.alert.revision == 3
    await store.sent(KEY, 3, "", confirmed=False)
    repeated = await store.want(KEY, alert(3), NOON)
    assert not repeated.is_due


async def test_a_failure_that_may_pass_keeps_its_pause_and_one_that_will_not_is_no_debt(
    store: DeliveryStore,
) -> None:
    await store.want(KEY, alert(1), NOON)
    later = NOON + timedelta(minutes=1)
    await store.postponed(KEY, 2, later, "the tower is closed")
    (owed,) = await store.owed("pigeon", 10)
    assert (owed.attempts, owed.retry_at, owed.reason) == (2, later, "the tower is closed")
    await store.given_up(KEY, 1, "the tower has fallen")
    assert await store.owed("pigeon", 10) == []
    assert await store.counts() == {("pigeon", "failed"): 1}


async def test_giving_up_an_old_revision_leaves_the_newer_one_owed(store: DeliveryStore) -> None:
    await store.want(KEY, alert(2), NOON)
    await store.given_up(KEY, 1, "too heavy")
    assert len(await store.owed("pigeon", 10)) == 1
    await store.given_up(KEY, 2, "too heavy")
    assert (await store.want(KEY, alert(3), NOON)).is_due


async def test_the_oldest_debt_comes_first_and_only_what_is_settled_is_forgotten(
    store: DeliveryStore,
) -> None:
    for number in (3, 1, 2):
        key = DeliveryKey(f"visit-{number}", "pigeon", "tower")
        await store.want(key, alert(1, key.event_ref), NOON + timedelta(seconds=number))
    owed = await store.owed("pigeon", 2)
    assert [each.key.event_ref for each in owed] == ["visit-1", "visit-2"]
    await store.sent(owed[0].key, 1, "", confirmed=False)
    assert await store.forget(NOON + timedelta(hours=1)) == 1
    assert len(await store.owed("pigeon", 10)) == 2
