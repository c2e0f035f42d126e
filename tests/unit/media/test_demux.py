"""Files opened and taken apart, good and bad."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from tests.fixtures.clips import ClipPlan, number_of, write_clip

from spyoncino.errors import SourceError
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket


def packets_of(path: Path, kind: str = "video") -> list[MediaPacket]:
    demuxer = Demuxer(str(path))
    packets = [packet for packet in demuxer.packets() if packet.kind == kind]
    demuxer.close()
    return packets


def shown(path: Path) -> list[float]:
    return sorted(round(packet.pts_s, 3) for packet in packets_of(path))


def test_a_plain_clip_says_what_it_is(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "plain.mp4", ClipPlan(audio="aac"))))
    assert (demuxer.video.codec, demuxer.video.width_px, demuxer.video.height_px) == (
        "h264",
        64,
        48,
    )
    assert demuxer.video.fps == 10
    assert demuxer.video.is_kept
    assert demuxer.audio is not None
    assert (demuxer.audio.codec, demuxer.audio.sample_rate_hz, demuxer.audio.channels) == (
        "aac",
        16_000,
        1,
    )
    assert demuxer.duration_s == pytest.approx(3.0, abs=0.2)
    demuxer.close()


def test_time_starts_at_the_first_picture_though_the_file_starts_at_5_s(tmp_path: Path) -> None:
    late = ClipPlan(times=[5 + n / 10 for n in range(10)], audio="aac")
    path = write_clip(tmp_path / "late.mkv", late)
    assert shown(path) == [n / 10 for n in range(10)]
    sound = packets_of(path, "audio")
    assert sound[0].pts_s == pytest.approx(0.0, abs=0.1)


def test_sound_before_the_first_picture_has_negative_times_and_is_not_lost(tmp_path: Path) -> None:
    plan = ClipPlan(times=[n / 10 for n in range(10)], audio="aac")
    path = write_clip(tmp_path / "both.mkv", plan)
    demuxer = Demuxer(str(path))
    first = next(iter(demuxer.packets()))
    demuxer.close()
    assert first.kind == "video"
    assert len(packets_of(path, "audio")) >= 16


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.9, 1.0, 2.5, 2.501]
    assert shown(write_clip(tmp_path / "vfr.mp4", ClipPlan(times=times))) == times


def test_jumping_back_is_repaired_and_counted(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.ts", ClipPlan(times=[5 + n / 10 for n in range(10)]))
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() * 2)
    demuxer = Demuxer(str(both))
    times = [packet.pts_s for packet in demuxer.packets() if packet.kind == "video"]
    demuxer.close()
    assert len(times) == 20 - demuxer.counters.corrupt
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(1.9, abs=0.11)
    assert demuxer.counters.repaired >= 1


def test_b_frames_are_decoded_before_they_are_shown(tmp_path: Path) -> None:
    plan = ClipPlan(b_frames=2, options={"preset": "medium", "bf": "2", "b-adapt": "0"})
    packets = packets_of(write_clip(tmp_path / "b.mp4", plan))
    assert any(packet.pts_s != packet.dts_s for packet in packets)
    assert all(packet.pts_s >= packet.dts_s for packet in packets)
    decoded = [packet.dts_s for packet in packets]
    assert decoded == sorted(set(decoded))
    assert packets[0].pts_s == 0


def test_packets_and_formats_outlive_their_file(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "plain.mp4")))
    packets = list(demuxer.packets())
    video = demuxer.video
    demuxer.close()
    del demuxer
    decoder = FrameDecoder(video)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()
    assert [number_of(frame.picture) for frame in frames] == list(range(30))
    assert video.template is not None


@pytest.mark.parametrize(
    ("suffix", "codec", "name"),
    [("avi", "mpeg4", "mpeg4"), ("avi", "mjpeg", "mjpeg"), ("mp4", "libx265", "hevc")],
)
def test_other_codecs_are_named(tmp_path: Path, suffix: str, codec: str, name: str) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_clip(tmp_path / f"clip.{suffix}", ClipPlan(codec=codec, pix_fmt=pix_fmt))
    demuxer = Demuxer(str(path))
    assert demuxer.video.codec == name
    assert demuxer.video.is_kept == (name == "hevc")
    assert len([p for p in demuxer.packets() if p.kind == "video"]) == 30
    demuxer.close()


def truncated(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def test_a_file_cut_off_behind_its_index_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    plan = ClipPlan(times=[n / 10 for n in range(50)], mux_options={"movflags": "faststart"})
    path = truncated(write_clip(tmp_path / "cut.mp4", plan), 0.6)
    demuxer = Demuxer(str(path))
    count = len(list(demuxer.packets()))
    assert 0 < count < 50
    assert demuxer.counters.is_truncated
    demuxer.close()


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("This is a shopping list, not a video.\n" * 50)


def _without_index(path: Path) -> None:
    truncated(write_clip(path), 0.7)


def _sound_only(path: Path) -> None:
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        silence = AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 16_000
        silence.pts = 0
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(5000))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_missing, "does not exist"),
        (_folder, "is not a file"),
        (_empty, "is empty (0 bytes)"),
        (_text, "is not a video"),
        (_zeros, "is not a video"),
        (_without_index, "is cut off before its index"),
        (_sound_only, "has no video stream (only audio)"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "bad.mp4"
    make(path)
    with pytest.raises(SourceError) as caught:
        Demuxer(str(path))
    message = str(caught.value)
    assert words in message
    assert message.startswith(str(path))
    assert message.endswith(".")
    assert "\n" not in message


def test_garbage_inside_a_stream_is_skipped(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "noisy.ts", ClipPlan(times=[n / 10 for n in range(40)]))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(bytes(data))
    assert 20 <= len(packets_of(path)) <= 40


def test_a_crafted_playlist_cannot_reach_out(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError):
        Demuxer(str(path))


def test_a_name_that_looks_like_an_address_is_a_file_name(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "plain.mp4").rename(tmp_path / "concat:a|b %03d.mp4")
    assert len(packets_of(path)) == 30
