"""A video file in, events out: the real processes, one analysis that many tests look at."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
from tests.fixtures.door_clips import FPS, VISITOR_AT_S, DoorPlan, draw_door
from tests.fixtures.programs import Outcome, Records, command, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

PRE_ROLL_S = 2.0
CLIP_S = 10.0
WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


@dataclass(frozen=True)
class Analysed:
    """One analysis of the visitor's clip."""

    outcome: Outcome
    out: Path
    mot: Path

    @property
    def event(self) -> dict[str, Any]:
        (event,) = self.outcome.objects
        return event

    @property
    def records(self) -> Records:
        return Records(self.out)


def analyse(clip: Path, folder: Path, workers: int) -> Analysed:
    config = write_config(
        folder / "spyoncino.yaml",
        cameras={
            "visitor": {
                "source": {"type": "file", "path": str(clip)},
                "zones": [{"name": "garden", "polygon": WHOLE}],
            }
        },
        clip={"pre_roll_s": PRE_ROLL_S},
    )
    out, mot = folder / "out", folder / "mot.txt"
    outcome = command(
        "analyze",
        clip,
        *("--out", out, "--config", config, "--mot", mot, "--workers", str(workers), "--json"),
    )
    return Analysed(outcome, out, mot)


@pytest.fixture(scope="module")
def analysed(visitor_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Analysed:
    return analyse(visitor_clip, tmp_path_factory.mktemp("first"), workers=1)


def test_a_visitor_is_one_event_of_a_person(analysed: Analysed) -> None:
    assert analysed.outcome.code == 0, analysed.outcome.err
    assert analysed.outcome.err == ""
    event = analysed.event
    assert event["camera"] == "visitor"
    assert event["type"] == "person"
    assert "person" in event["labels"]
    assert event["presses"] == []
    assert VISITOR_AT_S <= event["start_s"] <= VISITOR_AT_S + 3
    assert event["start_s"] < event["best_s"] <= event["end_s"] <= CLIP_S
    assert event["end_s"] >= CLIP_S - 0.5


def test_the_person_has_one_track_and_its_zone(analysed: Analysed) -> None:
    (track,) = [track for track in analysed.event["tracks"] if track["label"] == "person"]

    assert track["score"] >= 0.5
    assert track["zones"] == ["garden"]
    assert track["end_s"] - track["start_s"] > 3


def test_the_snapshot_is_a_picture_of_the_full_size(analysed: Analysed) -> None:
    with av.open(str(analysed.out / analysed.event["snapshot"])) as container:
        (picture,) = container.decode(video=0)

    assert (picture.width, picture.height) == (640, 360)
    assert analysed.event["snapshot"].endswith(".jpg")


def test_both_previews_move(analysed: Analysed) -> None:
    gif = analysed.out / analysed.event["preview"]
    assert gif.suffix == ".gif"
    with av.open(str(gif)) as container:
        pictures = list(container.decode(video=0))
    assert len(pictures) > 5
    assert pictures[0].width == 320
    assert any(
        abs(one.to_ndarray(format="gray").astype(int) - two.to_ndarray(format="gray")).max() > 40
        for one, two in itertools.pairwise(pictures)
    )
    webp = gif.with_suffix(".webp").read_bytes()
    assert webp[:4] == b"RIFF"
    assert webp[8:12] == b"WEBP"
    assert webp.count(b"ANMF") > 5, "one chunk for each picture of an animation"


def test_the_clip_starts_before_the_event_by_the_pre_roll(analysed: Analysed) -> None:
    with av.open(str(analysed.out / analysed.event["clip"])) as container:
        times = [picture.time for picture in container.decode(video=0)]

    from_event_s = CLIP_S - analysed.event["start_s"]
    assert times[0] == 0
    assert from_event_s + PRE_ROLL_S - 0.2 <= times[-1] + 1 / FPS
    assert times[-1] + 1 / FPS <= from_event_s + PRE_ROLL_S + 1.2, "a GOP is one second long"
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps) < 1.5 / FPS, "no picture is missing"


def test_rows_of_event_media_and_decisions_are_in_the_database(analysed: Analysed) -> None:
    event = analysed.event
    records = analysed.records

    assert records.events() == {event["event_id"]: "completed"}
    kinds = {kind: path for path, (_, kind) in records.media().items()}
    assert kinds["snapshot"] == event["snapshot"]
    assert kinds["gif"] == event["preview"]
    assert kinds["clip"] == event["clip"]
    assert set(kinds) == {"snapshot", "gif", "webp", "clip"}
    sizes = records.query("select path, size_bytes from media")
    assert all((analysed.out / path).stat().st_size == size for path, size in sizes)
    stages = dict(records.decisions())
    assert {"process.motion_detector", "process.object_detector", "process.tracker"} <= set(stages)
    assert {"process.zoning_filter", "event.builder"} <= set(stages)


def test_no_half_written_file_is_left(analysed: Analysed) -> None:
    media = {path.name for path in (analysed.out / "media").rglob("*") if path.is_file()}

    assert media == {"snapshot.jpg", "preview.gif", "preview.webp", "clip.mp4"}


def test_tracks_are_written_for_every_decoded_picture_from_1_on(analysed: Analysed) -> None:
    rows = [line.split(",") for line in analysed.mot.read_text().splitlines()]

    frames = [int(row[0]) for row in rows]
    assert frames == sorted(frames)
    first = round(analysed.event["start_s"] * FPS) + 1
    assert abs(min(frames) - first) <= 8
    assert max(frames) == round(CLIP_S * FPS)
    assert len(frames) >= 0.9 * (max(frames) - min(frames))
    assert all(row[7:] == ["-1", "-1", "-1"] for row in rows)
    assert all(0 < float(row[4]) <= 640 and 0 < float(row[5]) <= 360 for row in rows)


def test_another_run_with_three_workers_prints_the_same(
    analysed: Analysed, visitor_clip: Path, tmp_path: Path
) -> None:
    again = analyse(visitor_clip, tmp_path, workers=3)

    assert again.outcome.code == 0, again.outcome.err
    assert again.outcome.out == analysed.outcome.out
    assert again.mot.read_text() == analysed.mot.read_text()
    assert again.records.decisions() == analysed.records.decisions()


def test_events_list_names_the_event(analysed: Analysed) -> None:
    listed = command("--data", analysed.out, "events", "list")
    as_json = command("--data", analysed.out, "events", "list", "--type", "person", "--json")
    none = command("--data", analysed.out, "events", "list", "--camera", "nowhere")

    assert listed.code == as_json.code == none.code == 0
    assert analysed.event["event_id"][:8] in listed.out
    assert "garden" in listed.out
    assert [row["event_id"] for row in as_json.objects] == [analysed.event["event_id"]]
    assert none.out == "no events\n"


def test_events_show_tells_tracks_and_files(analysed: Analysed) -> None:
    event = analysed.event

    shown = command("--data", analysed.out, "events", "show", event["event_id"][:8])

    assert shown.code == 0
    for part in (event["event_id"], "person", "garden", event["clip"], event["preview"]):
        assert part in shown.out


def test_events_export_copies_files_and_facts(analysed: Analysed, tmp_path: Path) -> None:
    event = analysed.event

    exported = command(
        *("--data", analysed.out, "events", "export", event["event_id"], "--out", tmp_path)
    )

    assert exported.code == 0
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {
        *("event.json", "snapshot.jpg", "preview.gif", "preview.webp", "clip.mp4")
    }
    clip = (folder / "clip.mp4").read_bytes()
    assert clip == (analysed.out / event["clip"]).read_bytes()
    assert json.loads((folder / "event.json").read_text())["event_id"] == event["event_id"]


def test_explain_tells_why_with_numbers(analysed: Analysed) -> None:
    event_id = analysed.event["event_id"]

    told = command("--data", analysed.out, "explain", event_id)
    stopped = command("--data", analysed.out, "explain", event_id, "--stopped", "--json")

    assert told.code == stopped.code == 0
    assert "event.builder" in told.out
    assert "limit" in told.out
    assert all(not decision["passed"] for decision in stopped.objects)


def test_an_event_that_is_not_there_is_one_sentence(analysed: Analysed) -> None:
    for words in (("explain", "nope"), ("events", "show", "nope")):
        asked = command("--data", analysed.out, *words)

        assert asked.code == 2
        assert len(asked.sentences) == 1
        assert "no single event begins with 'nope'" in asked.err


def test_two_videos_have_their_own_events_and_one_bad_file_does_not_stop_the_other(
    still_clip: Path, visitor_clip: Path, tmp_path: Path
) -> None:
    short = draw_door(
        visitor_clip.with_name("early.mp4"), DoorPlan(duration_s=5.0, visitor_at_s=0.5)
    )
    missing = tmp_path / "missing.mp4"

    outcome = command("analyze", still_clip, missing, short, "--out", tmp_path / "out", "--json")

    assert outcome.code == 1
    assert [event["camera"] for event in outcome.objects] == ["early"]
    assert outcome.sentences == [
        f"missing: {missing} does not exist; check the path.",
        "spyoncino: 1 of 3 videos failed, see above",
    ]
    assert list(Records(tmp_path / "out").events().values()) == ["completed"]
