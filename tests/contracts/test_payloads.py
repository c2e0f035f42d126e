"""What other programs and older recordings rely on: names, shapes and files of payloads."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from spyoncino.schemas import topics
from spyoncino.schemas.base import EventType, Payload
from spyoncino.schemas.export import export, exported_files, exported_models, file_name, main
from spyoncino.schemas.topics import Delivery, Stage, Topic
from spyoncino.testing.examples import EXAMPLES

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
RENEW = "SPYONCINO_RENEW_GOLDEN"
"""Set to write the golden files anew; look at the difference before it is kept."""

TOPICS = [value for value in vars(topics).values() if isinstance(value, Topic)]


def named(model: BaseModel | type[BaseModel]) -> str:
    return (model if isinstance(model, type) else type(model)).__name__


def without(document: Any, key: str) -> Any:
    return {name: value for name, value in document.items() if name != key}


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_a_payload_is_written_as_it_always_was(example: BaseModel) -> None:
    text = json.dumps(example.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    path = GOLDEN / file_name(type(example))
    if os.environ.get(RENEW):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_a_golden_payload_is_read_back_as_what_was_written(example: BaseModel) -> None:
    text = (GOLDEN / file_name(type(example))).read_text()
    assert type(example).model_validate_json(text) == example


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if isinstance(each, Payload)], ids=named
)
def test_an_older_reader_survives_a_newer_writer(example: Payload) -> None:
    document = json.loads((GOLDEN / file_name(type(example))).read_text())
    document |= {"schema_version": 2, "added_later": {"x": 1}}
    read = type(example).model_validate(document)
    assert read.schema_version == 2
    assert read.model_dump(mode="json")["added_later"] == {"x": 1}


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if isinstance(each, Payload)], ids=named
)
def test_a_payload_has_the_fields_of_every_pipeline_event(example: Payload) -> None:
    assert example.schema_version == 1
    assert isinstance(example.event_type, EventType)
    assert "timestamp" not in example.data
    assert (
        example.data.keys() == without(type(example).model_fields, "") - Payload.model_fields.keys()
    )
    with pytest.raises(ValidationError):
        type(example).model_validate({**example.model_dump(), "schema_version": 0})


def test_every_exported_payload_has_one_example_and_every_example_is_exported() -> None:
    assert [type(example) for example in EXAMPLES] == list(exported_models())


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {file_name(type(e)) for e in EXAMPLES}


def test_the_schemas_in_the_repository_are_those_of_the_code() -> None:
    folder = ROOT / "schemas"
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert files == exported_files(), "run: python -m spyoncino.schemas.export schemas"


def test_exporting_removes_what_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "schemas"
    folder.mkdir()
    (folder / "old_event.json").write_text("{}")
    (folder / "README.md").write_text("kept")
    assert main([str(folder)]) == 0
    assert "files in" in capsys.readouterr().out
    assert not (folder / "old_event.json").exists()
    assert (folder / "README.md").exists()
    assert {path.name for path in export(folder)} == exported_files().keys()


def test_a_schema_describes_the_example() -> None:
    """Every field of a written payload stands in its schema."""
    files = exported_files()
    for example in EXAMPLES:
        schema = json.loads(files[file_name(type(example))])
        written = example.model_dump(mode="json")
        assert written.keys() <= schema["properties"].keys()
        assert set(schema.get("required", ())) <= written.keys()


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_named_by_the_rule(topic: Topic[Any]) -> None:
    words = topic.name.split(".")
    assert len(words) >= 2
    assert all(word == "{id}" or word.replace("_", "").isalpha() for word in words)
    assert topic.name == topic.name.lower()
    assert topic.payload in exported_models()
    assert isinstance(topic.stage, Stage)


def test_topic_names_are_unique_and_those_the_specification_gives() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    assert {
        "camera.{id}.frame",
        "process.motion.detected",
        "process.motion.unique",
        "process.motion.zoned",
        "process.detected",
        "event.snapshot.ready",
        "event.clip.ready",
        "event.gif.ready",
        "event.media.ready",
        "status.bus",
        "status.report",
        "status.contract",
        "status.health.summary",
        "config.update",
        "config.snapshot",
        "dashboard.control.command",
    } <= set(names)


def test_what_must_not_be_lost_is_critical() -> None:
    critical = {topic.name for topic in TOPICS if topic.delivery is Delivery.CRITICAL}
    assert {
        "doorbell.{id}.pressed",
        "event.created",
        "event.completed",
        "config.update",
    } <= critical
    assert "camera.{id}.frame" not in critical
