"""Names and patterns of topics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.core.topic_match import DECLARED, check_name, compile_pattern, declared_topic
from spyoncino.errors import WiringError
from spyoncino.schemas.topics import CAMERA_FRAME, OBJECTS_DETECTED, STATUS_BUS, STATUS_ERROR

WORD = st.text("abcdef0123456789_-", min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("pattern", "name", "is_taken"),
    [
        ("status.bus", "status.bus", True),
        ("status.bus", "status.bus.now", False),
        ("status.bus", "status", False),
        ("status.bus", "status.report", False),
        ("camera.*.frame", "camera.door.frame", True),
        ("camera.*.frame", "camera.door.state", False),
        ("camera.*.frame", "camera.frame", False),
        ("camera.*.frame", "camera.a.b.frame", False),
        ("camera.*.frame", "doorbell.door.frame", False),
        ("status.#", "status", True),
        ("status.#", "status.bus", True),
        ("status.#", "status.health.summary", True),
        ("status.#", "event.created", False),
        ("*.bus.#", "status.bus.now", True),
        ("*.bus.#", "status.car.now", False),
        ("#", "anything.at.all", True),
        ("*", "word", True),
        ("*", "two.words", False),
        ("event.created|event.updated", "event.created", True),
        ("event.created|event.updated", "event.updated", True),
        ("event.created|event.updated", "event.completed", False),
        ("event.created|status.#", "status.bus", True),
    ],
)
def test_pattern_takes(pattern: str, name: str, *, is_taken: bool) -> None:
    assert compile_pattern(pattern)(name) is is_taken


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "a..b", ".a", "a.", "#.a", "a.#.b", "a.b*", "a#", "camera.{id}.frame", "a.#.#"),
        *("a|", "a||b", "a|b.", "|"),
    ],
)
def test_malformed_pattern_is_refused_with_the_rule(pattern: str) -> None:
    with pytest.raises(WiringError, match="is no pattern"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "name", ["", "a..b", "a.", "camera.*.frame", "status.#", "camera.{id}.x", "a|b"]
)
def test_a_pattern_or_malformed_name_cannot_be_published_on(name: str) -> None:
    with pytest.raises(WiringError, match="Cannot publish on"):
        check_name(name)


def test_a_plain_name_can_be_published_on() -> None:
    check_name("camera.front-door.frame")


@given(st.lists(WORD, min_size=1, max_size=5), st.data())
def test_a_name_is_taken_by_itself_with_any_words_starred(
    words: list[str], data: st.DataObject
) -> None:
    name = ".".join(words)
    stars = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    starred = ["*" if star else word for star, word in zip(stars, words, strict=True)]
    cut = data.draw(st.integers(0, len(words)))
    assert compile_pattern(".".join(starred))(name)
    assert compile_pattern(".".join([*starred[:cut], "#"]))(name)
    assert not compile_pattern(".".join(starred))(f"{name}.more")


def test_every_declared_topic_is_found_by_a_name_of_its_own() -> None:
    assert len(DECLARED) > 20
    for topic in DECLARED:
        assert declared_topic(topic.of("door").name) is topic


def test_declared_topics_have_the_payload_of_their_family() -> None:
    assert declared_topic("camera.garden.frame") is CAMERA_FRAME
    assert declared_topic("process.detected") is OBJECTS_DETECTED
    assert declared_topic("status.bus") is STATUS_BUS
    assert declared_topic("status.error.process_tracker") is STATUS_ERROR


def test_names_of_plug_ins_are_not_declared() -> None:
    assert declared_topic("plugin.bird.seen") is None
    assert declared_topic("camera.garden.frame.more") is None
