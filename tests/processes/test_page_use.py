"""The page in the hands of a person: many events, large pictures, the keyboard, a lost connection.

A real browser and a real server; the house behind it is made up, so that nothing has to be awaited.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fixtures.chromium import chromium, needs_chromium
from tests.fixtures.served_house import ServedHouse, event_of
from tests.fixtures.web_house import TOKEN

from spyoncino.schemas.events import EventState
from spyoncino.schemas.status import CameraState
from spyoncino.web.views import CameraNews, EventNews, MediaNews, NoticeNews, NoticeView

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CAMERAS = ["door", "garden", "yard"]
MANY = 65

__all__ = ["chromium"]

pytestmark = [
    pytest.mark.processes,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    needs_chromium,
]

TITLES = "[...document.querySelectorAll('.event .title')].map((title) => title.textContent)"
IDS = "[...document.querySelectorAll('.event')].map((row) => row.dataset.event)"
PICTURES_ONLY = "delete window.MediaSource; delete window.ManagedMediaSource;"
"""The house has no video: a browser that plays none asks for single pictures."""

NO_WIDER = "document.documentElement.scrollWidth <= innerWidth"
FOCUSED = "document.activeElement.className"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ServedHouse]:
    kinds = ["person", "cat", "car"]
    events = [
        event_of(
            number,
            CAMERAS[number % 3],
            kind=kinds[number % 3],
            minutes_ago=60 * (MANY - number),
        )
        for number in range(MANY)
    ]
    with ThreadPoolExecutor(1) as builder:  # Playwright's event loop runs in this thread
        built = builder.submit(ServedHouse, tmp_path, CAMERAS, events).result()
    with built as served:
        yield served


@pytest.fixture
def page(chromium: "Browser", house: ServedHouse) -> "Iterator[Page]":
    opened = chromium.new_page(viewport={"width": 390, "height": 844})
    errors: list[str] = []
    opened.add_init_script(PICTURES_ONLY)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(house.address)
    opened.wait_for_selector(".event")
    yield opened
    opened.close()
    assert errors == []


def scroll_to_the_end(page: "Page", count: int) -> None:
    while len(page.evaluate(IDS)) < count:
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(100)


def newest_first(house: ServedHouse) -> list[str]:
    return [found.event_id for found in reversed(house.list)]


def test_older_events_come_while_scrolling_under_their_days(
    page: "Page", house: ServedHouse
) -> None:
    assert 0 < len(page.evaluate(IDS)) < MANY
    scroll_to_the_end(page, MANY)
    assert page.evaluate(IDS) == newest_first(house)
    days = page.locator("event-list h3").all_inner_texts()
    assert days[:2] == ["Today", "Yesterday"] or days[0] == "Yesterday"
    assert len(days) == len(set(days)) >= 3
    assert page.evaluate(NO_WIDER)


def test_a_filter_leaves_only_what_was_asked_for(page: "Page", house: ServedHouse) -> None:
    page.get_by_label("Events of which kind").select_option("cat")
    page.wait_for_function("() => !document.querySelector('[data-event=event-0063]')")
    page.wait_for_selector(".event")
    house.tell(EventNews(event=event_of(900, "door", minutes_ago=0)))
    house.tell(EventNews(event=event_of(901, "door", kind="cat", minutes_ago=0)))
    page.wait_for_selector("[data-event=event-0901]")
    assert {title.split()[0] for title in page.evaluate(TITLES)} == {"Cat"}
    page.get_by_label("Events of which camera").select_option("door")
    page.locator("event-list [role=status]", has_text="No such events.").wait_for()


def test_a_tile_fills_the_window_by_keyboard_and_back_closes_it(page: "Page") -> None:
    page.wait_for_selector("camera-tile[data-pictures]")
    page.locator("camera-tile .open").first.press("Enter")
    page.wait_for_selector("camera-tile.large")
    assert page.evaluate("location.hash") == "#camera/door"
    large = page.locator("camera-tile.large")
    assert large.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    assert page.evaluate(FOCUSED) == ""  # the button to close
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("camera-tile.large[aria-label='Camera garden']")
    page.go_back()
    page.wait_for_function("() => !document.querySelector('camera-tile.large')")
    assert page.evaluate(FOCUSED) == "open"
    assert page.evaluate("document.querySelectorAll('[inert]').length") == 0


def test_an_address_leads_to_an_event_and_keys_to_its_neighbours(
    chromium: "Browser", house: ServedHouse
) -> None:
    house.give_picture(house.list[-2])
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{house.address}#event/event-0063")
    page.wait_for_selector("dialog img")
    saved = page.locator("dialog a[download]").first
    assert (saved.get_attribute("download") or "").startswith("door_20")
    assert (saved.get_attribute("download") or "").endswith("_snapshot.jpg")
    page.wait_for_selector("[data-event=event-0062]")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.hash === '#event/event-0062'")
    page.locator("dialog h2", has_text="Car at yard").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => location.hash === ''")
    page.wait_for_selector("dialog[open]", state="detached")
    page.close()


def test_an_event_that_goes_on_is_told_gets_its_picture_and_ends(
    page: "Page", house: ServedHouse
) -> None:
    begun = event_of(950, "yard", minutes_ago=0).model_copy(update={"state": EventState.CREATED})
    house.tell(EventNews(event=begun))
    row = page.locator("[data-event=event-0950]")
    row.wait_for()
    page.locator("page-announcer", has_text="Somebody at yard").wait_for(state="attached")
    assert "going on" in row.inner_text()
    house.tell(MediaNews(event_id=begun.event_id, media=house.give_picture(begun)))
    row.locator("img:not([hidden])").wait_for()
    house.tell(EventNews(event=begun.model_copy(update={"state": EventState.COMPLETED})))
    row.get_by_text("12 s").wait_for()
    assert "going on" not in row.inner_text()


def test_a_camera_that_is_down_is_told_in_words(page: "Page", house: ServedHouse) -> None:
    house.states["garden"] = CameraState.RETRYING
    house.details["garden"] = "it does not answer"
    house.tell(CameraNews(camera=house.camera("garden")))
    tile = page.locator("camera-tile[data-state=retrying]")
    tile.wait_for()
    assert tile.locator(".state").inner_text() == "Not reachable, trying again"
    assert tile.locator(".detail").inner_text() == "it does not answer"
    told = page.locator("page-announcer", has_text="Camera garden: Not reachable, trying again")
    told.wait_for(state="attached")


def notice(number: int, component: str, message: str, severity: str) -> NoticeView:
    return NoticeView(
        notice_id=f"n{number}",
        component=component,
        message=message,
        severity=severity,
        told_at=datetime.now(UTC),
    )


def test_notices_are_told_with_their_weight_until_they_are_dismissed(
    page: "Page", house: ServedHouse
) -> None:
    board = page.locator("page-notices")
    assert board.is_hidden()
    for number in range(8):
        severity = ("info", "warning", "error")[number % 3]
        house.tell(NoticeNews(notice=notice(number, f"part-{number}", f"it is {number}", severity)))
    page.wait_for_selector("[data-notice=n7]")
    rows = board.locator("li")
    assert rows.count() == 5
    assert rows.first.locator(".state").inner_text() == "Warning"
    assert rows.nth(2).locator(".state").inner_text() == "Error"
    assert page.evaluate(NO_WIDER)
    page.get_by_label("Dismiss: it is 7").press("Enter")
    assert board.locator("[data-notice=n7]").count() == 0
    assert page.evaluate("document.activeElement.ariaLabel") == "Dismiss: it is 6"
    over = notice(9, "part-6", "it is well again", "info").model_copy(update={"is_over": True})
    house.tell(NoticeNews(notice=over))
    page.wait_for_selector("[data-notice=n9]")
    assert rows.all_inner_texts()[0].startswith("Over")
    assert board.locator("[data-notice=n6]").count() == 0
    board.get_by_text("Dismiss all").click()
    assert board.is_hidden()


def test_who_comes_later_is_told_what_was_not_dismissed(
    chromium: "Browser", house: ServedHouse
) -> None:
    house.noticed = [
        notice(1, "config", "pool.workers was put back to 2", "error"),
        notice(2, "process.tracker", "on_frame kept the event loop for 0.08 s", "warning"),
    ]
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(house.address)
    page.wait_for_selector("[data-notice=n2]")
    page.get_by_label("Dismiss: pool.workers").click()
    house.stop()
    page.locator("system-state .warn").wait_for()
    house.start()
    page.locator("system-state .good").wait_for(timeout=30_000)
    assert page.locator("page-notices li").count() == 1
    page.close()


def test_a_picture_that_stands_still_is_not_passed_off_as_live(
    page: "Page", house: ServedHouse
) -> None:
    page.locator("camera-tile[data-pictures]", has_text="door").wait_for()
    house.frozen.add("door")
    late = page.locator("camera-tile[data-late]")
    late.wait_for()
    assert late.locator(".waiting").inner_text().startswith("No new picture for")
    assert late.locator("h3").inner_text() == "door"
    house.frozen.clear()
    late.wait_for(state="detached")


def test_a_lost_connection_is_said_and_leaves_no_hole_in_the_events(
    page: "Page", house: ServedHouse
) -> None:
    house.stop()
    page.wait_for_selector("camera-tile[data-state=away]")
    assert "lost" in page.locator("system-state").inner_text()
    house.list += [event_of(500 + number, "door", minutes_ago=30) for number in range(25)]
    for number, added in enumerate(house.list[-25:]):
        begun = datetime.now(UTC) - timedelta(minutes=25 - number)
        house.list[MANY + number] = added.model_copy(update={"started_at": begun})
    house.start()
    page.wait_for_selector("camera-tile[data-state=live]")
    page.wait_for_selector("[data-event=event-0524]")
    scroll_to_the_end(page, MANY + 25)
    assert page.evaluate(IDS) == newest_first(house)


def test_another_machine_enters_the_token_once(chromium: "Browser", house: ServedHouse) -> None:
    elsewhere = chromium.new_context(extra_http_headers={"Via": "a proxy"})
    page = elsewhere.new_page()
    page.goto(house.address)
    page.get_by_label("Access token").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("That is not the access token.").wait_for()
    page.get_by_label("Access token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector(".event")
    assert page.url == house.address
    elsewhere.close()
