"""Browsers that want to be told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from spyoncino.errors import UsageError
from spyoncino.persistence import push_browsers
from spyoncino.persistence.database import Database
from spyoncino.persistence.push_browsers import PushBrowser, PushBrowserStore

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def browser(number: int, label: str = "Firefox on Android") -> PushBrowser:
    endpoint = f"https://push.example.org/{number}"
    return PushBrowser(
        name=PushBrowser.name_of(endpoint, label),
        endpoint=endpoint,
        p256dh="point",
        auth="secret",
        label=label,
        created_at=NOON + timedelta(minutes=number),
    )


async def test_browsers_are_kept_in_the_order_they_came_until_they_go(database: Database) -> None:
    store = PushBrowserStore(database)
    for number in (2, 1):
        assert await store.put(browser(number)) == browser(number)
    assert await store.all() == [browser(1), browser(2)]
    assert await store.get(browser(2).name) == browser(2)
    assert await store.remove(browser(2).name)
    assert not await store.remove(browser(2).name)
    assert await store.get(browser(2).name) is None


async def test_one_that_comes_again_keeps_its_name_and_gets_its_new_keys(
    database: Database,
) -> None:
    store = PushBrowserStore(database)
    await store.put(browser(1))
    again = replace(browser(1, "Chrome on Linux"), auth="newer", created_at=NOON)
    kept = await store.put(again)
    assert kept == replace(browser(1), auth="newer")
    assert await store.all() == [kept]


async def test_there_are_no_more_than_can_be_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_browsers, "MAX_BROWSERS", 2)
    store = PushBrowserStore(database)
    await store.put(browser(1))
    await store.put(browser(2))
    with pytest.raises(UsageError, match="2 browsers are told already"):
        await store.put(browser(3))
    await store.put(replace(browser(2), auth="newer"))
    assert len(await store.all()) == 2


def test_a_name_and_what_is_logged_do_not_give_the_endpoint_away() -> None:
    named = browser(1)
    assert named.name.startswith("Firefox on Android ")
    assert "push.example.org" not in repr(named) + named.name
    assert "secret" not in repr(named)
