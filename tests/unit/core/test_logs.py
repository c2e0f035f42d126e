"""Log lines: shape, masking, correlation, files."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import structlog

from spyoncino.core.logs import configure_logging, mask_text, mask_value
from spyoncino.core.message import CURRENT_MESSAGE, Message
from spyoncino.errors import StorageError
from spyoncino.schemas.status import ErrorReport


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def connect() -> None:
    raise ValueError("rtsp://me:hunter2@camera/1 does not answer")


def log_failure() -> None:
    try:
        connect()
    except ValueError:
        structlog.get_logger("spyoncino.test").exception("camera lost")


def test_json_lines_have_time_level_logger_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)
    structlog.get_logger("spyoncino.test").info("camera found", camera="door", fps=15.0)
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = lines_of(output.err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "camera found",
        "camera": "door",
        "fps": 15.0,
        "level": "info",
        "logger": "spyoncino.test",
    }


def test_lines_of_libraries_have_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", json=True)
    logging.getLogger("somewhere").warning("token=%s refused", "abcdef")
    (line,) = lines_of(capsys.readouterr().err)
    assert (line["event"], line["logger"], line["level"]) == (
        "token=*** refused",
        "somewhere",
        "warning",
    )


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_left_out(
    level: str, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level, json=True)
    log = structlog.get_logger("spyoncino.test")
    for method in ("debug", "info", "warning", "error"):
        getattr(log, method)("line")
        getattr(logging.getLogger("library"), method)("line")
    lines = lines_of(capsys.readouterr().err)
    assert [line["level"] for line in lines if line["logger"] == "library"] == told
    assert [line["level"] for line in lines if line["logger"] != "library"] == told


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match='"loud" is no log level; use debug, info'):
        configure_logging("loud")


def test_people_read_text_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    log_failure()
    text = capsys.readouterr().err
    assert "camera lost" in text
    assert "ValueError: rtsp://me:***@camera/1 does not answer" in text
    assert "Traceback" not in text
    assert "\x1b" not in text


def test_debugging_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug")
    log_failure()
    text = capsys.readouterr().err
    assert "Traceback (most recent call last)" in text
    assert "hunter2" not in text


def test_the_file_gets_json_with_the_traceback_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "logs" / "doorbell.log"
    configure_logging("info", file=file)
    log_failure()
    structlog.get_logger("spyoncino.test").info("größer")
    assert "Traceback" not in capsys.readouterr().err
    first, second = lines_of(file.read_text(encoding="utf-8"))
    assert "Traceback (most recent call last)" in first["exception"]
    assert "hunter2" not in first["exception"]
    assert second["event"] == "größer"
    assert "größer" in file.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"The log file .*doorbell\.log cannot be opened: "):
        configure_logging(file=tmp_path / "logs" / "doorbell.log")


def test_configuring_again_replaces_only_our_own_handlers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = logging.NullHandler()
    logging.getLogger().addHandler(foreign)
    configure_logging("info", file=tmp_path / "a.log")
    configure_logging("info", json=True)
    structlog.get_logger("spyoncino.test").info("once")
    assert len(lines_of(capsys.readouterr().err)) == 1
    assert (tmp_path / "a.log").read_text() == ""
    assert foreign in logging.getLogger().handlers


def test_the_correlation_id_of_the_handled_message_is_on_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("info", json=True)
    log = structlog.get_logger("spyoncino.test")
    report = ErrorReport(component="a", error="b", error_type="c", correlation_id="visit-7")
    token = CURRENT_MESSAGE.set(Message("status.error.a", report, 0))
    log.info("inside")
    log.info("own", correlation_id="visit-8")
    CURRENT_MESSAGE.set(
        Message("status.error.a", report.model_copy(update={"correlation_id": None}), 0)
    )
    log.info("without")
    CURRENT_MESSAGE.reset(token)
    log.info("outside")
    lines = lines_of(capsys.readouterr().err)
    assert [line.get("correlation_id") for line in lines] == ["visit-7", "visit-8", None, None]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("rtsp://admin:pa:ss@10.0.0.2/live", "rtsp://admin:***@10.0.0.2/live"),
        ("redis+tls://:pw@host", "redis+tls://:***@host"),
        ("http://host:8080/path@2", "http://host:8080/path@2"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        ("GET /?user=me&token=abc123&x=1", "GET /?user=me&token=***&x=1"),
        ("api_key: 'abc def'", "api_key: '*** def'"),
        ('{"password": "x y"}', '{"password": "*** y"}'),
        ("bot 123456789:AAF-abcdefghijklmnopqrstuvwxyz0123456", "bot ***"),
        ("nothing to hide at 12:30", "nothing to hide at 12:30"),
    ],
)
def test_secrets_inside_texts_are_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


def test_secrets_are_masked_by_their_keys_at_any_depth() -> None:
    value = {
        "user": "me",
        "password": "x",
        "Bot_Token": "y",
        "bypass": "lane",
        "api_key": "",
        "nested": [{"client_secret": 5, "url": "http://a:b@c"}, ("token=1", 2, None, True)],
    }
    assert mask_value(value) == {
        "user": "me",
        "password": "***",
        "Bot_Token": "***",
        "bypass": "lane",
        "api_key": "",
        "nested": [{"client_secret": "***", "url": "http://a:***@c"}, ["token=***", 2, None, True]],
    }


def test_other_objects_are_masked_as_text(tmp_path: Path) -> None:
    assert mask_value(tmp_path) == str(tmp_path)
    assert mask_value(ValueError("password=x")) == "password=***"


SOURCE = Path(__file__).parents[3] / "src" / "spyoncino"
IN_CHILDREN = (
    *("runtime/capture", "media", "detectors", "tracking", "geometry"),
    *("runtime/worker.py", "runtime/tasks.py", "runtime/object_task.py", "runtime/media_tasks.py"),
)


@pytest.mark.parametrize("place", IN_CHILDREN)
def test_what_runs_in_children_writes_no_lines_but_tells_main(place: str) -> None:
    """Their lines would have no correlation id, no masking and no file."""
    path = SOURCE / place
    files = [path] if path.suffix else sorted(path.rglob("*.py"))
    assert files
    writers = [file.name for file in files if "getLogger" in file.read_text()]
    assert writers == []
