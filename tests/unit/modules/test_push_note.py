"""What a browser is told fits into a message of Web Push, whatever happened."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.payloads import EVENT_ID, event

from spyoncino.modules.push_note import compose, topic_of
from spyoncino.schemas.alerts import AlertNotification

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MOST = 3993


def alert(**changes: Any) -> AlertNotification:
    facts: dict[str, Any] = {
        "event_ref": EVENT_ID,
        "channel": "web_push",
        "title": "Ann rang",
        "text": "Ann rang at door",
        "timestamp": NOON,
        "event": event(),
    }
    return AlertNotification(**{**facts, **changes})


def told(of: AlertNotification, most: int = MOST, *, with_picture: bool = True) -> dict[str, Any]:
    packed = compose(of, most, with_picture=with_picture)
    assert len(packed) <= most
    document: dict[str, Any] = json.loads(packed)
    return document


def test_it_has_what_the_browser_shows_and_opens() -> None:
    assert told(alert(revision=3, is_final=True, media=("a/clip.mp4", "a/näh e.jpg"))) == {
        "title": "Ann rang",
        "text": "Ann rang at door",
        "event": EVENT_ID,
        "tag": EVENT_ID,
        "revision": 3,
        "loud": 1,
        "final": True,
        "time": int(NOON.timestamp() * 1000),
        "picture": "/api/v1/media/a/n%C3%A4h%20e.jpg?v=3",
    }


def test_no_picture_is_named_where_none_is_wanted_or_there() -> None:
    assert told(alert(media=("a.jpg",)), with_picture=False)["picture"] == ""
    assert told(alert(media=("a.mp4",)))["picture"] == ""


def test_a_message_about_no_event_opens_the_page_alone() -> None:
    document = told(alert(event=None, title="", event_ref="test-of-today"))
    assert (document["event"], document["tag"]) == ("", "test-of-today")
    assert (document["title"], document["text"]) == ("Ann rang at door", "")


def test_a_long_text_is_shortened_and_keeps_its_picture() -> None:
    document = told(alert(text="ü" * 9000, media=("a.jpg",)))
    assert document["text"].endswith("ü…")
    assert len(document["text"]) > 1700
    assert document["picture"]
    assert len(told(alert(title="x" * 500))["title"]) == 120


def test_a_picture_with_an_endless_path_is_left_out() -> None:
    document = told(alert(media=("ü" * 2000 + ".jpg",)))
    assert (document["picture"], document["text"]) == ("", "Ann rang at door")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=3000), st.text(max_size=400), st.text(max_size=400), st.text(max_size=2000))
def test_it_fits_and_can_be_read_whatever_is_told(
    text: str, title: str, event_ref: str, path: str
) -> None:
    changed = alert(text=text, title=title, event_ref=event_ref, media=(f"{path}.jpg",))
    document = told(changed, 1500)
    assert set(document) == set(told(alert()))


def test_a_topic_is_what_a_push_service_takes_and_tells_it_nothing() -> None:
    assert topic_of("a") == topic_of("a") != topic_of("b")
    assert len(topic_of(EVENT_ID)) == 32
    assert EVENT_ID not in topic_of(EVENT_ID)
