import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.payloads import detection, detections

from spyoncino.errors import WiringError
from spyoncino.schemas.detections import DetectionEvent
from spyoncino.schemas.versions import (
    current_version,
    read_payload,
    schema_version_of,
    split_version,
    versioned_name,
)

words = st.text("abcdefgh_", min_size=1)
names = st.lists(words, min_size=1, max_size=4).map(".".join)


@given(names, st.integers(1, 200))
def test_a_name_and_its_version_come_apart_as_they_were_put_together(
    name: str, version: int
) -> None:
    assert split_version(versioned_name(name, version)) == (name, version)
    assert versioned_name(versioned_name(name, 7), version) == versioned_name(name, version)


def test_the_first_version_has_no_suffix_and_there_is_none_before_it() -> None:
    assert versioned_name("process.detected", 1) == "process.detected"
    assert versioned_name("process.detected", 2) == "process.detected.v2"
    assert split_version("process.detected.v1") == ("process.detected.v1", 1)
    with pytest.raises(WiringError, match="versions count from 1"):
        versioned_name("process.detected", 0)


def test_a_payload_says_its_version() -> None:
    payload = detections(0.0)
    assert schema_version_of(payload) == current_version(DetectionEvent) == 1
    assert schema_version_of({}) == 1
    assert schema_version_of({"schema_version": 3}) == 3


@pytest.mark.parametrize("said", [0, -1, "2", 1.5, None, True])
def test_an_impossible_version_is_refused(said: object) -> None:
    with pytest.raises(WiringError, match="must be a whole number from 1"):
        schema_version_of({"schema_version": said})


def test_a_newer_writer_is_tolerated_and_what_it_added_is_kept() -> None:
    newer = {**detections(0.0, detection()).model_dump(), "schema_version": 2, "depth_m": 3.5}
    read = read_payload(DetectionEvent, newer)
    assert read.schema_version == 2
    assert read.model_extra == {"depth_m": 3.5}
    assert read_payload(DetectionEvent, read.model_dump_json()) == read


def test_a_version_that_cannot_be_read_names_the_field_and_the_way_out() -> None:
    newer = {**detections(0.0).model_dump(), "schema_version": 2, "detector": {"name": "x"}}
    with pytest.raises(WiringError, match=r"No DetectionEvent: detector: .* needs a topic of its"):
        read_payload(DetectionEvent, newer)
    with pytest.raises(WiringError, match=r"No DetectionEvent: frame: Field required\.$"):
        read_payload(DetectionEvent, {"detector": "x"})


@pytest.mark.parametrize(("raw", "reason"), [("{", "not JSON"), (b"[]", "list, not an object")])
def test_what_is_no_object_is_refused(raw: str | bytes, reason: str) -> None:
    with pytest.raises(WiringError, match=reason):
        read_payload(DetectionEvent, raw)
