"""Videos that are broken or odd: one clear sentence each, and the others are still analysed."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from tests.fixtures.clips import ClipPlan, write_clip
from tests.fixtures.programs import command

from spyoncino.analysis import Analysis, AnalysisRequest, AnalysisResult

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

TENTHS = tuple(number / 10 for number in range(20))


@dataclass(frozen=True)
class Analysed:
    folder: Path
    result: AnalysisResult


def analyse(folder: Path, *videos: Path) -> Analysed:
    request = AnalysisRequest(videos=videos, out=folder / "out", workers=1)
    return Analysed(folder, asyncio.run(Analysis(request).run()))


def write_sound(path: Path) -> Path:
    """A file with a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        assert isinstance(stream, AudioStream)
        for start in range(0, 16_000, 1024):
            samples = np.zeros((1, 1024), np.float32)
            frame = AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate = 16_000
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_each_broken_file_gets_its_sentence_and_the_good_one_is_analysed(
    tmp_path: Path, still_clip: Path
) -> None:
    whole = still_clip.read_bytes()
    empty, letter, cut = (tmp_path / f"{name}.mp4" for name in ("empty", "letter", "cut"))
    empty.touch()
    letter.write_text("Dear neighbour, " * 500)
    cut.write_bytes(whole[: len(whole) // 2])
    sound = write_sound(tmp_path / "sound.mp4")
    folder = tmp_path / "folder.mp4"
    folder.mkdir()

    analysed = analyse(
        tmp_path, tmp_path / "gone.mp4", empty, letter, cut, sound, folder, still_clip
    )

    failures = analysed.result.failures
    assert analysed.result.events == []
    assert analysed.result.frames["still"] == 45
    assert set(failures) == {"gone", "empty", "letter", "cut", "sound", "folder"}
    assert failures["gone"] == f"{tmp_path}/gone.mp4 does not exist; check the path."
    assert "is empty (0 bytes)" in failures["empty"]
    assert "is not a video that can be read" in failures["letter"]
    assert "is cut off before its index" in failures["cut"]
    assert "no video" in failures["sound"]
    assert str(folder) in failures["folder"]
    assert all("\n" not in sentence for sentence in failures.values())


def test_odd_but_whole_files_are_analysed_to_their_last_picture(tmp_path: Path) -> None:
    jumping = ClipPlan(times=TENTHS, codec="mpeg4")
    clips = {
        "dot": ClipPlan(size=(1, 1), codec="ffv1", pix_fmt="yuv444p"),
        "odd": ClipPlan(size=(321, 241), codec="ffv1", pix_fmt="yuv444p"),
        "large": ClipPlan(size=(3840, 2160), times=TENTHS[:6]),
        "uneven": ClipPlan(times=(0, 0.1, 0.15, 0.5, 0.6, 1.4, 1.5, 1.55, 2.5, 2.6)),
        "late": ClipPlan(times=tuple(5 + time_s for time_s in TENTHS)),
    }
    videos = [write_clip(tmp_path / f"{name}.mkv", plan) for name, plan in clips.items()]
    videos.append(_joined(tmp_path, jumping))

    analysed = analyse(tmp_path, *videos)

    assert analysed.result.failures == {}
    assert analysed.result.events == []
    frames = dict(analysed.result.frames)
    both = 2 * len(TENTHS)
    assert frames.pop("jumping") in (both - 1, both), "the seam may cost its last picture"
    assert frames == {name: len(plan.times) for name, plan in clips.items()}


def _joined(folder: Path, plan: ClipPlan) -> Path:
    """Two transport streams in one file, as a recorder that restarted leaves them: time jumps."""
    one = write_clip(folder / "one.ts", plan)
    joined = folder / "jumping.ts"
    joined.write_bytes(one.read_bytes() * 2)
    one.unlink()
    return joined


def test_one_bad_video_alone_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    missing = tmp_path / "missing.mp4"

    outcome = command("analyze", missing, "--out", tmp_path / "out")

    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.sentences == [f"spyoncino: {missing} does not exist; check the path."]
