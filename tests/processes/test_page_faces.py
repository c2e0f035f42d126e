"""Faces and the bell on the page: who is named, who may be named, and why."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.fixtures.chromium import chromium, needs_chromium
from tests.fixtures.served_house import ServedHouse, event_of

from spyoncino.events.story import story_of
from spyoncino.schemas.events import Event, EventState, Identity, Verdict
from spyoncino.web.views import EventNews

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


__all__ = ["chromium"]

pytestmark = [
    pytest.mark.processes,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    needs_chromium,
]


def face(decision: Verdict, track_id: int = 1, **facts: Any) -> Identity:
    told: dict[str, Any] = {"similarity": 0.5, "margin": 0.2, "reason": f"why {decision.value}"}
    return Identity(decision=decision, track_id=track_id, **{**told, **facts})


LIVIA = face(Verdict.KNOWN, name="Livia", person_id="livia", reason="similarity 0.71, 0.45 needed")
AGAIN = face(Verdict.KNOWN, 2, name="Livia", person_id="livia", reason="similarity 0.66")
UNSURE = face(Verdict.UNSURE, 3, resembles="Ann Lee", reason="similarity 0.41, 0.45 needed")
STRANGER = face(Verdict.UNKNOWN, 4, stranger=7, reason="similarity 0.12 to the nearest person")
UNKNOWN = face(Verdict.UNKNOWN, 5, reason="one face only")
BLOCKED = face(Verdict.BLOCKED, 6, name="Bob <b>Roe</b>", person_id="bob-roe")


def visit(number: int, *faces: Identity, presses: int = 0, kind: str = "person") -> Event:
    told = event_of(number, "door", kind="doorbell" if presses else kind, minutes_ago=60 - number)
    changes: dict[str, Any] = {
        "labels": (kind,),
        "presses": tuple(4.0 + each for each in range(presses)),
        "identities": faces,
    }
    changed = told.model_copy(update=changes)
    return changed.model_copy(update={"story": story_of(changed, UTC)})


EVENTS = [
    visit(1, kind="cat"),
    visit(2, BLOCKED),
    visit(3, UNKNOWN, STRANGER, LIVIA, AGAIN, presses=3),
    visit(4, UNSURE),
    visit(5, presses=1),
    visit(6, LIVIA, presses=1),
]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ServedHouse]:
    with ThreadPoolExecutor(1) as builder:  # Playwright's event loop runs in this thread
        built = builder.submit(ServedHouse, tmp_path, ["door"], list(EVENTS)).result()
    with built as served:
        for told in EVENTS:
            served.give_picture(told)
        yield served


@pytest.fixture
def page(chromium: "Browser", house: ServedHouse) -> "Iterator[Page]":
    opened = chromium.new_page(viewport={"width": 390, "height": 844})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(house.address)
    opened.wait_for_selector(".event")
    yield opened
    opened.close()
    assert errors == []


def card(page: "Page", number: int) -> "dict[str, str]":
    row = page.locator(f"[data-event=event-{number:04}]")
    return {
        "title": row.locator(".title").inner_text(),
        "telling": row.locator(".line").last.inner_text(),
        "rang": row.locator(".rang .unseen").inner_text()
        if row.locator(".rang svg").count()
        else "",
    }


def test_a_card_says_who_came_and_whether_the_bell_was_rung(page: "Page") -> None:
    story = EVENTS[5].story
    assert card(page, 6) == {"title": "Livia rang at door", "telling": story, "rang": "rang once"}
    assert card(page, 5)["title"] == "Somebody rang at door"
    several = card(page, 3)
    assert several["title"] == "Livia, stranger 7 and an unknown person rang at door"
    assert several["rang"] == "rang 3 times"
    assert page.locator("[data-event=event-0003] .often").inner_text() == "3"
    assert card(page, 2)["title"] == "Bob <b>Roe</b> (blocked) at door"
    assert card(page, 1) == {"title": "Cat at door", "telling": "", "rang": ""}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_whom_an_unsure_face_resembles_is_told_in_the_detail_alone(page: "Page") -> None:
    assert card(page, 4)["title"] == "Unknown person at door"
    assert "Ann" not in page.locator("event-list").inner_text()
    page.locator("[data-event=event-0004]").click()
    told = page.locator("dialog .faces li")
    told.first.wait_for()
    assert told.all_inner_texts() == [
        "Unknown person, may be Ann Lee\nsimilarity 0.41, 0.45 needed"
    ]
    assert page.locator("dialog h2").inner_text() == "Unknown person at door"


def test_the_detail_gives_every_verdict_with_its_reason_and_the_story(page: "Page") -> None:
    page.locator("[data-event=event-0003]").click()
    page.wait_for_selector("dialog .faces li")
    faces = page.locator("dialog .faces li").all_inner_texts()
    assert faces == [
        "Unknown person\none face only",
        "Stranger 7\nsimilarity 0.12 to the nearest person",
        "Livia\nsimilarity 0.71, 0.45 needed",
        "Livia\nsimilarity 0.66",
    ]
    facts = page.locator("dialog dl").inner_text()
    assert EVENTS[2].story in facts
    page.keyboard.press("ArrowRight")
    page.get_by_text("Bob <b>Roe</b> (blocked)", exact=True).wait_for()
    assert page.locator("dialog .face.bad").count() == 1


def test_a_name_that_comes_later_takes_its_place(page: "Page", house: ServedHouse) -> None:
    begun = visit(50, presses=1).model_copy(update={"state": EventState.PROCESSING})
    house.tell(EventNews(event=begun))
    title = page.locator("[data-event=event-0050] .title")
    title.get_by_text("Somebody rang at door").wait_for()
    house.tell(EventNews(event=begun.model_copy(update={"identities": (LIVIA,)})))
    title.get_by_text("Livia rang at door").wait_for()
