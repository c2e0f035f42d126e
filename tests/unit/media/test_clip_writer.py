"""Clips that grow, and clips that are finished."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import pytest
from tests.fixtures.clips import (
    ClipPlan,
    numbered_picture,
    played_numbers,
    played_times,
    write_clip,
)

from spyoncino.errors import MediaError
from spyoncino.media.clip_writer import ClipFacts, ClipWriter, clip_facts, finish_clip
from spyoncino.media.demux import Demuxer
from spyoncino.media.encode import H264Encoder

B_FRAMES = ClipPlan(b_frames=2, options={"preset": "medium", "bf": "2", "b-adapt": "0", "qp": "12"})


def copied(source: Path, part: Path, from_s: float = -1.0) -> ClipFacts:
    """Write a growing clip from a file, beginning at the first key frame at or after a moment."""
    demuxer = Demuxer(str(source))
    writer = ClipWriter(part, demuxer.video, demuxer.audio)
    for packet in demuxer.packets():
        if packet.pts_s >= from_s:
            writer.write(packet)
    demuxer.close()
    return writer.close()


def sound_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return sum(f.samples for f in container.decode(stream)) / stream.codec_context.sample_rate


@pytest.mark.parametrize(
    "plan", [ClipPlan(), B_FRAMES, ClipPlan(codec="libx265"), ClipPlan(gop=1), ClipPlan(gop=300)]
)
def test_a_clip_holds_every_picture_growing_and_finished(tmp_path: Path, plan: ClipPlan) -> None:
    part, final = tmp_path / "clip.part", tmp_path / "clip.mp4"
    facts = copied(write_clip(tmp_path / "source.mkv", plan), part)
    assert (facts.start_s, facts.notes) == (0.0, ())
    assert facts.duration_s == pytest.approx(3.0, abs=0.01)
    assert facts.size_bytes == part.stat().st_size
    assert played_numbers(part) == list(range(30))
    finished = finish_clip(part, final, start_s=facts.start_s)
    assert played_numbers(final) == list(range(30))
    assert played_times(final)[0] == 0.0
    assert finished.path == str(final)
    assert finished.duration_s == pytest.approx(3.0, abs=0.01)
    assert finished.size_bytes == final.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "source.mkv"]


def test_a_finished_clip_has_its_index_at_the_front(tmp_path: Path) -> None:
    copied(write_clip(tmp_path / "source.mkv"), tmp_path / "clip.part")
    finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4")
    data = (tmp_path / "clip.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


def test_h265_gets_the_tag_that_browsers_play(tmp_path: Path) -> None:
    copied(write_clip(tmp_path / "source.mkv", ClipPlan(codec="libx265")), tmp_path / "clip.part")
    finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_a_clip_begins_at_its_first_key_frame_with_time_0(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mkv", ClipPlan(audio="aac"))
    facts = copied(source, tmp_path / "clip.part", from_s=0.55)
    assert facts.start_s == 1.0
    assert played_numbers(tmp_path / "clip.part") == list(range(10, 30))
    finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4", start_s=facts.start_s)
    assert played_times(tmp_path / "clip.mp4")[0] == 0.0
    assert sound_seconds(tmp_path / "clip.mp4") == pytest.approx(2.0, abs=0.2)


def test_a_clip_is_cut_at_its_end_in_camera_time(tmp_path: Path) -> None:
    facts = copied(write_clip(tmp_path / "source.mkv"), tmp_path / "clip.part", from_s=1.0)
    finished = finish_clip(
        tmp_path / "clip.part", tmp_path / "clip.mp4", start_s=facts.start_s, end_s=2.05
    )
    assert played_numbers(tmp_path / "clip.mp4") == list(range(10, 21))
    assert finished.start_s == 1.0
    assert finished.duration_s == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("codec", "rate", "note"),
    [
        ("aac", 16_000, ()),
        ("pcm_s16le", 16_000, ("sound encoded from pcm_s16le to AAC",)),
        ("pcm_mulaw", 8_000, ("sound encoded from pcm_mulaw to AAC",)),
        ("libmp3lame", 44_100, ("sound encoded from mp3 to AAC",)),
        ("libopus", 48_000, ("sound encoded from opus to AAC",)),
    ],
)
def test_sound_is_copied_or_encoded_to_aac(
    tmp_path: Path, codec: str, rate: int, note: tuple[str, ...]
) -> None:
    plan = ClipPlan(audio=codec, audio_rate_hz=rate)
    source = tmp_path / ("source.mov" if codec == "pcm_mulaw" else "source.mkv")
    facts = copied(write_clip(source, plan), tmp_path / "clip.part")
    assert facts.notes == note
    finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4")
    demuxer = Demuxer(str(tmp_path / "clip.mp4"))
    assert demuxer.audio is not None
    assert demuxer.audio.codec == "aac"
    demuxer.close()
    assert sound_seconds(tmp_path / "clip.mp4") == pytest.approx(3.0, abs=0.25)
    assert played_numbers(tmp_path / "clip.mp4") == list(range(30))


def test_sound_that_cannot_be_decoded_is_left_out_with_a_word(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "s.mkv", ClipPlan(audio="pcm_s16le"))))
    assert demuxer.audio is not None
    strange = replace(demuxer.audio, codec="no_such_codec")
    writer = ClipWriter(tmp_path / "clip.part", demuxer.video, strange)
    for packet in demuxer.packets():
        writer.write(packet)
    demuxer.close()
    assert writer.close().notes == (
        "sound left out: There is no decoder for sound of the codec no_such_codec.",
    )
    assert played_numbers(tmp_path / "clip.part") == list(range(30))


def test_a_clip_whose_sound_never_comes_still_plays(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "s.mkv", ClipPlan(audio="aac"))))
    writer = ClipWriter(tmp_path / "clip.part", demuxer.video, demuxer.audio)
    for packet in demuxer.packets():
        if packet.kind == "video":
            writer.write(packet)
    demuxer.close()
    writer.close()
    assert played_numbers(tmp_path / "clip.part") == list(range(30))
    finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4")
    assert played_numbers(tmp_path / "clip.mp4") == list(range(30))


def test_packets_are_shared_and_stay_as_they_are(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "source.mkv")))
    packets = list(demuxer.packets())
    before = [(p.data.pts, p.data.dts, p.data.time_base) for p in packets]
    for name in ("one.part", "two.part"):
        writer = ClipWriter(tmp_path / name, demuxer.video, None)
        for packet in packets[10:]:
            writer.write(packet)
        writer.close()
        assert played_numbers(tmp_path / name) == list(range(10, 30))
    assert [(p.data.pts, p.data.dts, p.data.time_base) for p in packets] == before
    demuxer.close()


def test_a_clip_without_a_key_frame_is_a_sentence(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "source.mkv")))
    writer = ClipWriter(tmp_path / "clip.part", demuxer.video, None)
    for packet in list(demuxer.packets())[1:5]:
        writer.write(packet)
    demuxer.close()
    with pytest.raises(MediaError, match="no key frame"):
        writer.close()
    with pytest.raises(MediaError):
        finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


def test_a_codec_that_clips_do_not_keep_is_refused(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "s.avi", ClipPlan(codec="mpeg4"))))
    with pytest.raises(MediaError, match="mpeg4 must be encoded"):
        ClipWriter(tmp_path / "clip.part", demuxer.video, None)
    demuxer.close()


def test_a_closed_clip_takes_nothing_more(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "source.mkv")))
    packets = list(demuxer.packets())
    writer = ClipWriter(tmp_path / "clip.part", demuxer.video, None)
    writer.write(packets[0])
    assert writer.close() == writer.close()
    with pytest.raises(MediaError, match="closed already"):
        writer.write(packets[1])
    demuxer.close()


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    demuxer = Demuxer(str(write_clip(tmp_path / "source.mkv")))
    with pytest.raises(MediaError, match=r"clip\.part cannot be written"):
        ClipWriter(tmp_path / "file" / "clip.part", demuxer.video, None)
    demuxer.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_sentence_and_the_clip_is_over() -> None:
    encoder = H264Encoder(64, 48, 10)
    writer = ClipWriter(Path("/dev/full"), encoder.video, None)

    def write_on() -> None:
        for index in range(100):
            for packet in encoder.encode(numbered_picture(index, 64, 48), index / 10):
                writer.write(packet)

    with pytest.raises(MediaError, match="No space left on device"):
        write_on()
    with pytest.raises(MediaError, match="closed already"):
        write_on()
    assert "cut short: the disk refused" in writer.close().notes


def test_finishing_twice_gives_the_same_facts(tmp_path: Path) -> None:
    facts = copied(write_clip(tmp_path / "source.mkv"), tmp_path / "clip.part")
    first = finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4", start_s=facts.start_s)
    again = finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4", start_s=facts.start_s)
    assert (again.path, again.size_bytes) == (first.path, first.size_bytes)
    assert again.duration_s == pytest.approx(first.duration_s, abs=0.01)


def test_finishing_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        finish_clip(tmp_path / "clip.part", tmp_path / "clip.mp4")


def test_facts_of_what_cannot_be_played_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="not a video"):
        clip_facts(tmp_path / "clip.mp4")


WRITER = """
import sys, time
from pathlib import Path
from spyoncino.media.clip_writer import ClipWriter
from spyoncino.media.encode import H264Encoder
from tests.fixtures.clips import numbered_picture

encoder = H264Encoder(64, 48, 10)
writer = ClipWriter(Path(sys.argv[1]), encoder.video, None)
for index in range(36):
    for packet in encoder.encode(numbered_picture(index, 64, 48), index / 10):
        writer.write(packet)
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.processes
def test_kill_9_leaves_a_clip_that_plays_and_can_be_finished(tmp_path: Path) -> None:
    part, final = tmp_path / "clip.part", tmp_path / "clip.mp4"
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(part)],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    numbers = played_numbers(part)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 20, "at most the last second or two may be missing"
    began = time.monotonic()
    facts = finish_clip(part, final)
    assert time.monotonic() - began < 5
    assert played_numbers(final) == numbers
    assert facts.duration_s == pytest.approx(len(numbers) / 10, abs=0.11)
