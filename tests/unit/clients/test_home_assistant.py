"""What Home Assistant is told is what it documents."""

import re
from typing import Any

import pytest
from tests.fixtures.home_assistant_schema import DISCOVERY_TOPIC, check, check_entity, check_value

from spyoncino.clients.home_assistant import (
    Topics,
    camera_document,
    house_document,
    platforms,
    visitors,
    with_farewell,
)
from spyoncino.schemas.modes import Mode

TOPICS = Topics("home/north", "homeassistant")
MODES = [mode.value for mode in Mode]


@pytest.mark.parametrize("has_bell", [True, False])
@pytest.mark.parametrize("takes_orders", [True, False])
def test_every_document_is_as_documented(has_bell: bool, takes_orders: bool) -> None:
    camera = camera_document(
        TOPICS, "front-door", has_bell=has_bell, takes_orders=takes_orders, version="1"
    )
    house = house_document(TOPICS, MODES, takes_orders=takes_orders, version="1")
    for document in (camera, house):
        check(document)
    assert ("ring" in camera["components"]) is has_bell
    assert ("switch" in camera["components"]) is takes_orders
    kinds = platforms(house)
    assert kinds == ({"mode": "select"} if takes_orders else {"mode_shown": "sensor"})
    both = [*camera["components"].values(), *house["components"].values()]
    ids = [entity["unique_id"] for entity in both]
    assert len(set(ids)) == len(ids)
    assert all(("command_topic" in each) <= takes_orders for each in both)


def test_the_table_of_keys_notices_a_typing_error() -> None:
    entity = {"platform": "event", "unique_id": "x", "state_topic": "a", "event_types": ["ring"]}
    check_entity(entity)
    with pytest.raises(AssertionError, match="event has no"):
        check_entity({**entity, "device_clas": "doorbell"})
    with pytest.raises(AssertionError, match="event wants"):
        check_entity({"platform": "event", "unique_id": "x", "state_topic": "a"})


def test_the_bell_is_an_event_that_rings() -> None:
    document = camera_document(TOPICS, "door", has_bell=True, takes_orders=True, version="1")
    bell = document["components"]["ring"]
    assert bell["device_class"] == "doorbell"
    assert bell["event_types"] == ["ring"]
    assert bell["state_topic"] == "home/north/cameras/door/ring"


def test_topics_of_documents_have_only_letters_that_are_allowed() -> None:
    for camera in ("", "door", "front-door_2"):
        assert DISCOVERY_TOPIC.fullmatch(TOPICS.device(camera))
        place = TOPICS.device(camera).split("/")
        assert (place[0], place[1], place[3]) == ("homeassistant", "device", "config")
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", place[2])


def test_the_camera_of_an_order_is_found_again() -> None:
    assert TOPICS.ordered_camera(TOPICS.camera_order("door")) == "door"
    assert TOPICS.ordered_camera(TOPICS.mode_order) is None
    assert TOPICS.ordered_camera("home/north/cameras/door/enabled") is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"device": {"name": "Door"}}, KeyError),
        ({"origin": {}}, KeyError),
        ({"qos": 3}, AssertionError),
        ({"compoments": {}}, AssertionError),
        ({"components": {}}, AssertionError),
        ({"availability": []}, AssertionError),
        ({"availability_topic": "a"}, AssertionError),
    ],
)
def test_the_table_notices_a_document_that_is_wrong(
    change: dict[str, Any], problem: type[Exception]
) -> None:
    document = camera_document(TOPICS, "door", has_bell=True, takes_orders=True, version="1")
    check(document)
    with pytest.raises(problem):
        check({**document, **change})


@pytest.mark.parametrize(
    ("topic", "payload", "is_retained"),
    [
        ("home/north/cameras/door/ring", b'{"event_type": "press"}', False),
        ("home/north/cameras/door/ring", b'{"event_type": "ring"}', True),
        ("home/north/cameras/door/ring", b"ring", False),
        ("home/north/cameras/door/person", b"on", True),
        ("home/north/cameras/door/person", b"ON", False),
        ("home/north/cameras/door/visitor", b"x" * 256, True),
        ("home/north/cameras/door/picture", b"jpeg", False),
        ("home/north/events/door", b"[]", True),
        ("home/north/mode", b"asleep", True),
        ("home/north/status", b"away", True),
        ("home/north/status", b"online", False),
    ],
)
def test_the_table_notices_a_value_that_no_entity_understands(
    topic: str, payload: bytes, is_retained: bool
) -> None:
    camera = camera_document(TOPICS, "door", has_bell=True, takes_orders=True, version="1")
    house = house_document(TOPICS, MODES, takes_orders=True, version="1")
    documents = {TOPICS.device("door"): camera, TOPICS.device(): house}
    with pytest.raises((AssertionError, ValueError)):
        check_value(documents, topic, payload, is_retained=is_retained)


def test_an_entity_that_is_gone_is_named_by_its_platform_only() -> None:
    document = camera_document(TOPICS, "door", has_bell=False, takes_orders=True, version="1")
    farewell = with_farewell(document, {"ring": "event"})
    assert farewell["components"]["ring"] == {"platform": "event"}
    assert "ring" not in document["components"]


def test_a_crowd_is_cut_short_to_what_a_state_may_be() -> None:
    assert visitors(("Ann", "Bob")).decode() == "Ann, Bob"
    assert len(visitors(("é" * 255,)).decode()) == 255
    crowd = visitors(("é" * 200, "Ann" * 30)).decode()
    assert len(crowd) == 255
    assert crowd.endswith("…")
