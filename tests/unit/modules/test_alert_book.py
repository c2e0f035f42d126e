"""The book of sheets: what is in memory, what is in rows, and what a digest has counted."""

from datetime import timedelta
from typing import Any

import pytest
from tests.fixtures.payloads import EVENT_ID, event, known, utc_at

from spyoncino.alerts.rules import Rule
from spyoncino.clock import FakeClock
from spyoncino.modules.alert_book import OPEN_FOR, AlertBook, Message, Sheet
from spyoncino.persistence.database import Database
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import EventState, Verdict
from spyoncino.testing.harness import ModuleHarness

PAUSE = "pause of 60 s after the last message about Ann and Ben"


@pytest.fixture
def database(harness: ModuleHarness) -> Database:
    return harness.context.database


@pytest.fixture
def book(database: Database, clock: FakeClock) -> AlertBook:
    return AlertBook(database, clock)


def told(sheet: Sheet, revision: int = 1) -> None:
    alert = AlertNotification(
        event_ref=sheet.event.event_id,
        channel="telegram",
        text="x",
        revision=revision,
        event=sheet.event,
    )
    sheet.tell(Message(Rule("all"), alert, utc_at(12.0)))


SEEN = event(identities=(known(),))
TOLD = AlertNotification(event_ref=EVENT_ID, channel="telegram", title="A", text="x", event=SEEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "B"},
        {"text": "y"},
        {"media": ("media/snapshot.jpg",)},
        {"is_final": True},
        {"event": SEEN.model_copy(update={"state": EventState.PROCESSING})},
        {"event": SEEN.model_copy(update={"presses": (11.0,)})},
        {"event": event(identities=(known().model_copy(update={"name": "Bob"}),))},
        {"event": event(identities=(known().model_copy(update={"decision": Verdict.BLOCKED}),))},
        {"event": None},
    ],
)
def test_what_a_person_or_a_program_would_see_is_another_message(changes: dict[str, Any]) -> None:
    assert Message(Rule("all"), TOLD, utc_at(12.0)).reads_otherwise(TOLD.model_copy(update=changes))


def test_what_nobody_would_see_is_no_other_message() -> None:
    longer = SEEN.model_copy(update={"end_s": SEEN.end_s + 1.0})
    unseen = {"revision": 2, "loud_revision": 2, "timestamp": utc_at(60.0), "event": longer}
    again = TOLD.model_copy(update=unseen)
    assert not Message(Rule("all"), TOLD, utc_at(12.0)).reads_otherwise(again)


async def test_a_sheet_that_says_nothing_new_is_not_written_again(
    book: AlertBook, clock: FakeClock
) -> None:
    sheet = book.begin(event(), None)
    told(sheet)
    await book.keep(sheet)
    written = clock.utc_now()
    await clock.advance(60.0)
    await book.keep(sheet)
    assert await book.told_since(written + timedelta(seconds=1), 9) == []
    told(sheet, 2)
    await book.keep(sheet)
    assert len(await book.told_since(written + timedelta(seconds=1), 9)) == 1


async def test_what_a_digest_has_counted_is_in_no_other_whatever_is_written_afterwards(
    book: AlertBook, database: Database, clock: FakeClock
) -> None:
    sheet = book.begin(event(), None)
    sheet.hold("email", "quiet hours")
    await book.keep(sheet)
    assert [each.held for each in await book.held_back()] == [{"email": "quiet hours"}]
    await book.in_digest()
    for each in (book, AlertBook(database, clock)):  # in memory, and after a restart
        found = each.get(EVENT_ID) or await each.load(EVENT_ID)
        assert found is not None
        told(found, 1 + len(found.told))
        await each.keep(found)
        assert await each.held_back() == []


async def test_what_no_digest_has_counted_stays_open_after_a_restart(
    book: AlertBook, database: Database, clock: FakeClock
) -> None:
    sheet = book.begin(event(), None)
    sheet.hold("email", "quiet hours")
    await book.keep(sheet)
    later = AlertBook(database, clock)
    found = await later.load(EVENT_ID)
    assert found is not None
    told(found)
    await later.keep(found)
    assert len(await later.held_back()) == 1
    await clock.advance(OPEN_FOR.total_seconds() + 1)
    assert await later.held_back() == []


async def test_a_cleared_book_knows_its_sheets_from_their_rows_only(book: AlertBook) -> None:
    kept, lost = book.begin(event(), None), book.begin(event(event_id="lost"), None)
    told(kept)
    for sheet in (kept, lost):
        await book.keep(sheet)
    book.clear()
    assert (len(book), book.get(EVENT_ID)) == (0, None)
    assert await book.load("lost") is None  # nothing was told of it
    again = await book.load(EVENT_ID)
    assert again is not None
    assert (again.told, book.get(EVENT_ID)) == (kept.told, again)


async def test_a_relabelled_event_keeps_its_people_against_its_own_late_steps_also_in_its_row(
    book: AlertBook, database: Database, clock: FakeClock
) -> None:
    before = event(EventState.COMPLETED, identities=(known("Ann"), known("Ben", track_id=2)))
    sheet = book.begin(before, None)
    told(sheet)
    sheet.hold("email", PAUSE)
    await book.keep(sheet)
    after = before.model_copy(update={"identities": (known("Ben", track_id=2),)})
    assert sheet.relabel(after) == {"Ann"}
    assert sheet.held == {"email": PAUSE.replace("Ann", "somebody")}
    await book.keep(sheet)
    again = await AlertBook(database, clock).load(EVENT_ID)
    assert again is not None
    for each in (sheet, again):
        each.take(before)
        assert (each.event, each.held) == (after, sheet.held)


async def test_the_people_of_a_silent_event_make_no_row(
    book: AlertBook, database: Database, clock: FakeClock
) -> None:
    sheet = book.begin(event(EventState.COMPLETED), None)
    sheet.relabel(event(EventState.COMPLETED, identities=(known("Ann"),)))
    await book.keep(sheet)
    assert await AlertBook(database, clock).load(EVENT_ID) is None


async def test_a_state_of_the_same_moment_is_news_and_an_older_one_is_not(book: AlertBook) -> None:
    sheet = book.begin(event(end_s=14.0), None)
    for end_s, story in ((14.0, "same"), (13.9, "older")):
        sheet.take(event(EventState.PROCESSING, end_s=end_s, story=story))
    assert sheet.event.story == "same"
