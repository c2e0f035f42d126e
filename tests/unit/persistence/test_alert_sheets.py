"""The table of what is to be told: one row an event, found again by its owner."""

from datetime import UTC, datetime, timedelta

import pytest

from spyoncino.persistence.alert_sheets import AlertSheet, AlertSheetStore
from spyoncino.persistence.database import Database
from spyoncino.schemas.alerts import AlertNotification

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(database: Database) -> AlertSheetStore:
    return AlertSheetStore(database)


def sheet(ref: str, revision: int = 1, owner: str = "me", *, is_open: bool = True) -> AlertSheet:
    alert = AlertNotification(event_ref=ref, channel="pigeon", text="x", revision=revision)
    return AlertSheet(ref, owner, (alert,), is_open=is_open, facts={"a": revision})


async def test_a_sheet_is_found_as_it_was_kept_last(store: AlertSheetStore) -> None:
    assert await store.get("a") is None
    for revision in (1, 2):
        await store.keep(sheet("a", revision), NOON)
    found = await store.get("a")
    assert found is not None
    assert (found.facts, found.alerts[0].revision, found.is_open) == ({"a": 2}, 2, True)


async def test_an_owner_finds_the_open_ones_and_the_newest_of_its_own_oldest_first(
    store: AlertSheetStore,
) -> None:
    for minute, ref in enumerate(("old", "b", "shut", "a")):
        kept = sheet(ref, is_open=ref != "shut")
        await store.keep(kept, NOON + timedelta(minutes=minute))
    await store.keep(sheet("other", owner="you"), NOON + timedelta(minutes=2))
    since = NOON + timedelta(minutes=1)
    assert [each.ref for each in await store.open("me", since)] == ["b", "a"]
    assert [each.ref for each in await store.newest("me", since, 9)] == ["b", "shut", "a"]
    assert [each.ref for each in await store.newest("me", since, 2)] == ["shut", "a"]


async def test_closing_leaves_what_others_keep_open(store: AlertSheetStore) -> None:
    await store.keep(sheet("mine"), NOON)
    await store.keep(sheet("yours", owner="you"), NOON)
    await store.close("me")
    assert await store.open("me", NOON) == []
    assert [each.ref for each in await store.open("you", NOON)] == ["yours"]


async def test_what_was_not_kept_for_long_is_forgotten(store: AlertSheetStore) -> None:
    await store.keep(sheet("old"), NOON)
    await store.keep(sheet("new"), NOON + timedelta(days=1))
    assert await store.forget(NOON) == 0
    assert await store.forget(NOON + timedelta(hours=1)) == 1
    assert await store.get("old") is None
    assert await store.get("new") is not None
