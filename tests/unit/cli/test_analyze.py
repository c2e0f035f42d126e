"""``analyze`` prints what an analysis found, and says what failed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from spyoncino.analysis import AnalysisRequest, AnalysisResult, OnProgress
from spyoncino.cli import analyze
from spyoncino.cli.app import app
from spyoncino.errors import SourceError, StorageError, UsageError

EVENT: dict[str, Any] = {
    "event_id": "1",
    "camera": "garden",
    "type": "person",
    "labels": ["person", "cat"],
    "start_s": 1.25,
    "end_s": 9.0,
    "snapshot": "media/a/snapshot.jpg",
}

Call = Callable[..., Result]


class Analyst:
    """Stands in for the analysis; remembers what it was asked."""

    def __init__(self) -> None:
        self.result = AnalysisResult()
        self.request: AnalysisRequest | None = None

    def __call__(self, request: AnalysisRequest, on_progress: OnProgress) -> "Analyst":
        self.request = request
        on_progress("garden", 1.5)
        return self

    async def run(self) -> AnalysisResult:
        return self.result


@pytest.fixture
def analyst(monkeypatch: pytest.MonkeyPatch) -> Analyst:
    analyst = Analyst()
    monkeypatch.setattr(analyze, "Analysis", analyst)
    monkeypatch.setattr(analyze, "configure_logging", lambda _level: None)
    return analyst


def call(*words: str) -> Result:
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_events_are_lines_for_people(analyst: Analyst) -> None:
    analyst.result = AnalysisResult(events=[EVENT, {**EVENT, "snapshot": None}])

    shown = call("analyze", "garden.mp4", "--out", "found")

    line = "     1.2 s      9.0 s  garden  person  (person, cat)"
    assert shown.stdout.splitlines() == [f"{line}  found/media/a/snapshot.jpg", line]


def test_events_are_json_for_programs(analyst: Analyst) -> None:
    analyst.result = AnalysisResult(events=[EVENT])

    shown = call("analyze", "garden.mp4", "--json")

    assert [json.loads(line) for line in shown.stdout.splitlines()] == [EVENT]


def test_nothing_found_is_said_to_people_and_silent_in_json(analyst: Analyst) -> None:
    assert analyst.result.events == []
    assert call("analyze", "garden.mp4").stdout == "no events\n"
    assert call("analyze", "garden.mp4", "--json").stdout == ""


def test_options_become_the_request(analyst: Analyst, tmp_path: Path) -> None:
    call(
        *("--data", str(tmp_path), "--config", "global.yaml"),
        *("analyze", "a.mp4", "b.mp4", "--camera", "door", "--workers", "3", "--realtime"),
    )

    assert analyst.request == AnalysisRequest(
        videos=[Path("a.mp4"), Path("b.mp4")],
        out=tmp_path,
        config=Path("global.yaml"),
        camera="door",
        workers=3,
        is_realtime=True,
    )


def test_without_options_everything_is_left_to_the_configuration(analyst: Analyst) -> None:
    call("analyze", "a.mp4")

    assert analyst.request == AnalysisRequest(videos=[Path("a.mp4")], out=analyze.DEFAULT_OUT)


def test_the_commands_own_options_win_over_the_global_ones(
    analyst: Analyst, tmp_path: Path
) -> None:
    call(
        *("--data", "far", "--config", "far.yaml"),
        *("analyze", "a.mp4", "--out", str(tmp_path), "--config", "near.yaml"),
    )

    assert analyst.request is not None
    assert (analyst.request.out, analyst.request.config) == (tmp_path, Path("near.yaml"))


def test_tracks_are_written_as_lines(analyst: Analyst, tmp_path: Path) -> None:
    analyst.result = AnalysisResult(mot_rows={"a": ["1,1,0,0,9,9,1,-1,-1,-1", "2,1"]})

    call("analyze", "a.mp4", "--mot", str(tmp_path / "mot.txt"))

    assert (tmp_path / "mot.txt").read_text() == "1,1,0,0,9,9,1,-1,-1,-1\n2,1\n"


def test_tracks_of_a_video_that_never_opened_are_an_empty_file(
    analyst: Analyst, tmp_path: Path
) -> None:
    assert analyst.result.mot_rows == {}

    call("analyze", "a.mp4", "--mot", str(tmp_path / "mot.txt"))

    assert (tmp_path / "mot.txt").read_text() == ""


def test_tracks_that_cannot_be_written_are_a_sentence(analyst: Analyst, tmp_path: Path) -> None:
    assert analyst.result.mot_rows == {}

    with pytest.raises(StorageError, match=rf"{tmp_path} cannot be written: Is a directory"):
        call("analyze", "a.mp4", "--mot", str(tmp_path))


def test_tracks_of_two_videos_do_not_fit_one_file(analyst: Analyst) -> None:
    with pytest.raises(UsageError, match="name only one"):
        call("analyze", "a.mp4", "b.mp4", "--mot", "mot.txt")
    assert analyst.request is None


def test_one_failed_video_is_its_own_sentence(
    analyst: Analyst, capsys: pytest.CaptureFixture[str]
) -> None:
    analyst.result = AnalysisResult(failures={"a": "a.mp4 is empty."})

    with pytest.raises(SourceError, match=r"^a\.mp4 is empty\.$"):
        call("analyze", "a.mp4")
    assert "no events" not in capsys.readouterr().out


def test_of_several_videos_each_failure_is_told_after_what_was_found(analyst: Analyst) -> None:
    analyst.result = AnalysisResult(events=[EVENT], failures={"b": "b.mp4 is empty."})

    shown = CliRunner().invoke(app, ["analyze", "a.mp4", "b.mp4", "--json"])

    assert [json.loads(line) for line in shown.stdout.splitlines()] == [EVENT]
    assert shown.stderr == "b: b.mp4 is empty.\n"
    assert isinstance(shown.exception, SourceError)
    assert str(shown.exception) == "1 of 2 videos failed, see above"
