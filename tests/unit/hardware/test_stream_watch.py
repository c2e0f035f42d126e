"""Watching live streams of a server that lies and limps."""

from pathlib import Path

import pytest
from tests.fixtures.clips import ClipPlan, write_clip
from tests.fixtures.mjpeg_camera import MjpegCamera
from tests.fixtures.odd_rtsp import Habits, OddCamera

from spyoncino.errors import SourceError
from spyoncino.hardware.source_types import Option
from spyoncino.hardware.sources import SourceSpec, build_source
from spyoncino.hardware.stream_watch import watched
from spyoncino.media.stream_facts import StreamFacts


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds with a key frame in each 2 s."""
    times = tuple(number / 10 for number in range(100))
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_clip(path, ClipPlan(times=times, gop=20, size=(160, 96)))


def facts_of(
    spec: SourceSpec, seconds: float = 1, key_wait_s: float = 5, told: list[str] | None = None
) -> StreamFacts:
    source = build_source(spec)
    told = [] if told is None else told
    try:
        return watched(source, source.open(), seconds, key_wait_s=key_wait_s, tell=told.append)
    finally:
        source.close()


def test_a_clock_that_runs_fast_and_a_wall_clock_that_is_late_are_measured(clip: Path) -> None:
    with OddCamera(clip, habits=Habits(drift=0.02, clock_off_s=-3600)) as camera:
        facts = facts_of(SourceSpec("rtsp", camera.url), seconds=8)
    assert facts.drift_ppm == pytest.approx(20_000, abs=3_000)
    assert facts.clock_offset_s == pytest.approx(-3600, abs=5)
    assert facts.gop_s == pytest.approx(2, abs=0.3)


def test_a_second_key_frame_is_waited_for_and_that_is_told(clip: Path) -> None:
    told: list[str] = []
    with OddCamera(clip) as camera:
        facts = facts_of(SourceSpec("rtsp", camera.url), seconds=0.3, told=told)
    assert not facts.is_gop_open
    assert told == ["Waiting up to 5 s for a second key frame …"]


def test_a_second_key_frame_that_does_not_come_is_no_distance(tmp_path: Path) -> None:
    plan = ClipPlan(times=tuple(number / 10 for number in range(600)), gop=600)
    with OddCamera(write_clip(tmp_path / "long.mp4", plan)) as camera:
        facts = facts_of(SourceSpec("rtsp", camera.url), key_wait_s=1)
    assert facts.is_gop_open
    assert facts.gop_s >= 0.6


def test_no_key_frame_at_all_has_its_own_sentence(clip: Path) -> None:
    with (
        OddCamera(clip, habits=Habits(has_keys=False)) as camera,
        pytest.raises(SourceError, match=r"sends video, but no key frame within 0\.5 s"),
    ):
        facts_of(SourceSpec("rtsp", camera.url), key_wait_s=0.5)


def test_pictures_without_times_have_no_clock_to_compare() -> None:
    with MjpegCamera(fps=20) as camera:
        facts = facts_of(SourceSpec("http", camera.url))
    assert facts.codec == "mjpeg"
    assert facts.drift_ppm is None


def test_a_file_is_counted_to_its_end(clip: Path) -> None:
    facts = facts_of(SourceSpec("file", str(clip), realtime=False))
    assert facts.watched_s == pytest.approx(9.9)
    assert facts.drift_ppm is None


def test_raw_pictures_are_counted_as_what_is_kept_of_them() -> None:
    options: dict[str, Option] = {"width": 64, "height": 64, "fps": 10.0, "duration_s": 3.0}
    source = build_source(SourceSpec("sim", realtime=False, options=options))
    facts = watched(source, source.open(), 1.0, key_wait_s=5.0)
    assert facts.codec == "h264"
    assert facts.fps == pytest.approx(10.0)
