"""How files become cameras, and how an event is told as JSON; the run itself is tested whole."""

from pathlib import Path

import pytest
import yaml
from tests.fixtures.payloads import event

from spyoncino.analysis import Analysis, AnalysisRequest, _silent, event_json
from spyoncino.app import load_modules
from spyoncino.core.source_settings import FileSource
from spyoncino.errors import ConfigError, UsageError
from spyoncino.runtime.capture.spec import LOSSLESS_FPS
from spyoncino.schemas.events import EventState, Identity, TrackSummary
from spyoncino.schemas.media import MediaKind


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))


def request(*videos: str, config: Path | None = None, camera: str | None = None) -> AnalysisRequest:
    paths = [Path(video) for video in videos]
    return AnalysisRequest(videos=paths, out=Path("out"), config=config, camera=camera)


def test_a_camera_is_named_after_its_file() -> None:
    analysis = Analysis(
        request("in/Front Door.MP4", "a/garden_1.avi", "ünter.mkv", "!.mp4", "x" * 80 + ".mp4")
    )

    assert list(analysis.cameras) == ["front-door", "garden_1", "nter", "video", "x" * 48]


def test_files_of_one_name_are_numbered() -> None:
    analysis = Analysis(request("a/door.mp4", "b/door.mp4", "c/DOOR.avi"))

    assert list(analysis.cameras) == ["door", "door-2", "door-3"]


def test_no_file_is_a_wrong_usage() -> None:
    with pytest.raises(UsageError, match="name at least one video"):
        Analysis(request())


def configured(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    camera = {
        "source": {"type": "sim"},
        "enabled": False,
        "zones": [{"name": "porch", "polygon": square}],
    }
    path.write_text(yaml.safe_dump({"cameras": {"door": camera, "yard": camera}}))
    return path


def test_a_configured_camera_of_the_files_name_lends_its_settings(tmp_path: Path) -> None:
    analysis = Analysis(request("clips/door.mp4", "other.mp4", config=configured(tmp_path)))

    cameras = analysis._loaded.settings.cameras
    assert list(cameras) == ["door", "other"]
    assert [zone.name for zone in cameras["door"].zones] == ["porch"]
    assert cameras["door"].enabled
    source = cameras["door"].source
    assert isinstance(source, FileSource)
    assert source.path == tmp_path / "clips" / "door.mp4"
    assert cameras["door"].analysis_fps == LOSSLESS_FPS
    assert cameras["other"].zones == ()


def test_one_configured_camera_may_lend_its_settings_to_all(tmp_path: Path) -> None:
    analysis = Analysis(request("a.mp4", "b.mp4", config=configured(tmp_path), camera="yard"))

    cameras = analysis._loaded.settings.cameras
    assert [camera.zones[0].name for camera in cameras.values()] == ["porch", "porch"]


def test_in_real_time_a_file_is_played_like_a_camera(tmp_path: Path) -> None:
    asked = AnalysisRequest(
        videos=[Path("door.mp4")],
        out=tmp_path,
        config=configured(tmp_path),
        is_realtime=True,
        workers=3,
    )

    settings = Analysis(asked)._loaded.settings

    source = settings.cameras["door"].source
    assert isinstance(source, FileSource)
    assert source.realtime
    assert settings.cameras["door"].analysis_fps == 5.0
    assert settings.pool.workers == 3


def test_a_camera_that_is_not_configured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no camera 'dor'; it has: door, yard"):
        Analysis(request("a.mp4", config=configured(tmp_path), camera="dor"))
    with pytest.raises(UsageError, match="it has: none"):
        Analysis(request("a.mp4", camera="door"))


def test_a_configuration_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        Analysis(request("a.mp4", config=tmp_path / "gone.yaml"))


def test_an_event_is_told_with_rounded_times_and_its_files() -> None:
    told = event_json(
        event(
            EventState.COMPLETED,
            start_s=1.23456,
            end_s=9.99999,
            presses=(2.00049,),
            tracks=(TrackSummary(track_id=1, label="person", score=0.87654, start_s=1, end_s=2),),
            identities=(
                Identity(name=None, decision="unknown", similarity=0.1, margin=0.0, track_id=1),
            ),
        ),
        {MediaKind.SNAPSHOT: "media/s.jpg", MediaKind.GIF: "media/p.gif"},
    )

    assert (told["start_s"], told["end_s"], told["presses"]) == (1.235, 10.0, [2.0])
    assert told["tracks"] == [
        {
            "track_id": 1,
            "label": "person",
            "score": 0.877,
            "start_s": 1.0,
            "end_s": 2.0,
            "zones": [],
        }
    ]
    assert told["identities"][0]["decision"] == "unknown"
    assert (told["snapshot"], told["preview"], told["clip"]) == ("media/s.jpg", "media/p.gif", None)
    assert told["best_s"] == 1.0


def test_an_event_without_a_best_picture_has_no_best_moment() -> None:
    assert event_json(event(best=None), {})["best_s"] is None


def test_an_analysis_tells_nobody_what_was_filmed_long_ago() -> None:
    every = load_modules()
    kept = {kind.name for kind in _silent(every).modules}
    gone = {kind.name for kind in every.modules} - kept
    assert gone
    assert {name.partition(".")[0] for name in gone} == {"output"}
    assert not any(name.startswith("output.") for name in kept)
