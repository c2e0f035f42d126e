"""Live video: every piece can be appended, and together they are the source's own pictures."""

import io
import itertools
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import pytest
from tests.fixtures.clips import ClipPlan, number_of, numbered_picture, write_clip

from spyoncino.errors import MediaError
from spyoncino.media.demux import Demuxer
from spyoncino.media.encode import H264Encoder
from spyoncino.media.live_mux import Fragment, LiveMuxer, codec_of
from spyoncino.media.packets import MediaPacket, VideoFormat

B_FRAMES = ClipPlan(b_frames=2, options={"preset": "medium", "bf": "2", "b-adapt": "0", "qp": "12"})
OPEN_GROUPS = ClipPlan(
    codec="libx265",
    options={"x265-params": "log-level=none:bframes=3:b-adapt=0:keyint=10:open-gop=1"},
)


def opened(path: Path) -> tuple[VideoFormat, list[MediaPacket]]:
    with closing(Demuxer(str(path))) as demuxer:
        return demuxer.video, list(demuxer.packets())


def muxed(muxer: LiveMuxer, packets: list[MediaPacket]) -> list[Fragment]:
    found = [muxer.write(packet) for packet in packets]
    return [fragment for fragment in (*found, muxer.close()) if fragment is not None]


def boxes(data: bytes) -> list[str]:
    names, place = [], 0
    while place < len(data):
        names.append(data[place + 4 : place + 8].decode())
        place += int.from_bytes(data[place : place + 4], "big")
    assert place == len(data), "a box is cut off"
    return names


def played(init: bytes, fragments: list[Fragment]) -> tuple[list[int], list[float]]:
    """Numbers and times of the pictures that a player would show."""
    with av.open(io.BytesIO(init + b"".join(f.data for f in fragments)), "r") as container:
        pictures = list(container.decode(video=0))
    return [number_of(picture) for picture in pictures], [picture.time for picture in pictures]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize(
    "plan", [ClipPlan(), B_FRAMES, ClipPlan(codec="libx265"), ClipPlan(gop=1)], ids=repr
)
def test_the_pieces_together_are_exactly_the_source(
    tmp_path: Path, suffix: str, plan: ClipPlan
) -> None:
    video, packets = opened(write_clip(tmp_path / f"source.{suffix}", plan))
    muxer = LiveMuxer(video)
    fragments = muxed(muxer, packets)
    assert boxes(muxer.init) == ["ftyp", "moov"]
    assert {tuple(boxes(fragment.data)) for fragment in fragments} == {("moof", "mdat")}
    assert [fragment.is_key for fragment in fragments] == [packet.is_key for packet in packets]
    assert [fragment.pts_s for fragment in fragments] == [packet.pts_s for packet in packets]
    numbers, times = played(muxer.init, fragments)
    assert numbers == list(range(30))
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert steps == pytest.approx([0.1] * 29, abs=0.002)


@pytest.mark.parametrize(
    "plan", [ClipPlan(), B_FRAMES, ClipPlan(codec="libx265"), OPEN_GROUPS], ids=repr
)
def test_whoever_joins_at_any_key_frame_sees_everything_from_there(
    tmp_path: Path, plan: ClipPlan
) -> None:
    video, packets = opened(write_clip(tmp_path / "source.mkv", plan))
    muxer = LiveMuxer(video)
    fragments = muxed(muxer, packets)
    whole, _ = played(muxer.init, fragments)
    starts = [index for index, fragment in enumerate(fragments) if fragment.is_key]
    assert len(starts) >= 3
    for start in starts:
        joined, _ = played(muxer.init, fragments[start:])
        assert joined == whole[-len(fragments[start:]) :]


def test_pictures_shown_before_their_key_frame_are_left_out_and_no_time_is_lost(
    tmp_path: Path,
) -> None:
    video, packets = opened(write_clip(tmp_path / "source.mkv", OPEN_GROUPS))
    muxer = LiveMuxer(video)
    fragments = muxed(muxer, packets)
    numbers, times = played(muxer.init, fragments)
    assert 24 <= len(numbers) < 30
    assert numbers == sorted(numbers)
    assert times[-1] - times[0] == pytest.approx(2.9, abs=0.002)


def test_a_picture_is_late_by_one_and_nothing_comes_before_a_key_frame(tmp_path: Path) -> None:
    video, packets = opened(write_clip(tmp_path / "source.mkv", ClipPlan(audio="aac")))
    pictures = [packet for packet in packets if packet.kind == "video"]
    sound = next(packet for packet in packets if packet.kind == "audio")
    muxer = LiveMuxer(video)
    assert [muxer.write(packet) for packet in (*pictures[5:10], sound, pictures[10])] == [None] * 7
    fragment = muxer.write(pictures[11])
    assert fragment is not None
    assert (fragment.is_key, fragment.pts_s) == (True, 1.0)
    assert muxer.write(sound) is None
    last = muxer.close()
    assert last is not None
    assert last.pts_s == pytest.approx(1.1)
    assert muxer.close() is None


def test_what_was_encoded_here_is_shown_too() -> None:
    encoder = H264Encoder(65, 48, 10, gop_s=1.0)
    packets = [
        packet
        for index in range(30)
        for packet in encoder.encode(numbered_picture(index, 66, 48), index / 10)
    ]
    muxer = LiveMuxer(encoder.video)
    assert muxer.mime.startswith('video/mp4; codecs="avc1.42')
    fragments = muxed(muxer, packets)
    assert played(muxer.init, fragments)[0] == list(range(30))
    assert sum(fragment.is_key for fragment in fragments) == 3


def test_times_that_fall_on_one_tick_still_rise(tmp_path: Path) -> None:
    video, packets = opened(write_clip(tmp_path / "source.mkv"))
    close = [
        replace(packet, pts_s=packet.pts_s / 1e6, dts_s=packet.dts_s / 1e6) for packet in packets
    ]
    muxer = LiveMuxer(video)
    assert played(muxer.init, muxed(muxer, close))[0] == list(range(30))


def test_packets_are_shared_and_stay_as_they_are(tmp_path: Path) -> None:
    video, packets = opened(write_clip(tmp_path / "source.mkv"))
    before = [(p.data.pts, p.data.dts, p.data.time_base, bytes(p.data)) for p in packets]
    for _ in range(2):
        muxed(LiveMuxer(video), packets)
    assert [(p.data.pts, p.data.dts, p.data.time_base, bytes(p.data)) for p in packets] == before


def test_the_codec_is_named_as_browsers_ask_for_it(tmp_path: Path) -> None:
    h264, _ = opened(write_clip(tmp_path / "a.mkv", B_FRAMES))
    hevc, _ = opened(write_clip(tmp_path / "b.mkv", ClipPlan(codec="libx265")))
    assert LiveMuxer(h264).mime == 'video/mp4; codecs="avc1.64000a"'
    assert LiveMuxer(hevc).mime == 'video/mp4; codecs="hvc1.1.6.L30.90"'
    main10 = b"hvcC" + bytes([1, 0x62, 0x20, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 123, 0])
    assert codec_of(main10) == "hvc1.A2.4.H123.B0"


def test_what_cannot_be_copied_is_a_sentence(tmp_path: Path) -> None:
    mpeg4, _ = opened(write_clip(tmp_path / "s.avi", ClipPlan(codec="mpeg4")))
    with pytest.raises(MediaError, match="mpeg4 must be encoded"):
        LiveMuxer(mpeg4)
    with pytest.raises(MediaError, match="codec's headers"):
        codec_of(b"\0\0\0\x08moov")
