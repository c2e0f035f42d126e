"""Packets to pictures."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from av.packet import Packet
from tests.fixtures.clips import ClipPlan, number_of, write_clip

from spyoncino.errors import MediaError, SourceError
from spyoncino.media.decode import DecodedFrame, FrameDecoder, decode_at
from spyoncino.media.demux import Demuxer
from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.packets import MediaPacket, VideoFormat


def opened(path: Path) -> tuple[VideoFormat, list[MediaPacket]]:
    demuxer = Demuxer(str(path))
    packets = [packet for packet in demuxer.packets() if packet.kind == "video"]
    demuxer.close()
    return demuxer.video, packets


def decoded(path: Path) -> list[DecodedFrame]:
    video, packets = opened(path)
    decoder = FrameDecoder(video)
    return [f for packet in packets for f in decoder.decode(packet)] + decoder.flush()


PLANS = {
    "h264": ("mp4", ClipPlan()),
    "h264 with B-frames": (
        "mp4",
        ClipPlan(b_frames=2, options={"preset": "medium", "bf": "2", "b-adapt": "0"}),
    ),
    "h265": ("mp4", ClipPlan(codec="libx265")),
    "mpeg4": ("avi", ClipPlan(codec="mpeg4")),
    "mpeg4 with B-frames in avi": ("avi", ClipPlan(codec="mpeg4", b_frames=2)),
    "motion jpeg": ("avi", ClipPlan(codec="mjpeg", pix_fmt="yuvj420p")),
    "raw": ("avi", ClipPlan(codec="rawvideo")),
    "lossless": ("avi", ClipPlan(codec="ffv1", pix_fmt="yuv444p")),
    "odd size": ("mp4", ClipPlan(size=(321, 241), pix_fmt="yuv444p")),
    "one pixel": ("avi", ClipPlan(size=(1, 1), codec="ffv1", pix_fmt="yuv444p")),
}


@pytest.mark.parametrize("name", PLANS)
def test_every_picture_comes_once_and_in_order(tmp_path: Path, name: str) -> None:
    suffix, plan = PLANS[name]
    frames = decoded(write_clip(tmp_path / f"clip.{suffix}", plan))
    assert [number_of(frame.picture) for frame in frames] == list(range(30))
    assert [frame.index for frame in frames] == list(range(30))
    times = [frame.pts_s for frame in frames]
    assert times == sorted(set(times))
    assert times[0] == pytest.approx(0.0, abs=0.11)
    assert times[-1] == pytest.approx(2.9, abs=0.21)


def test_times_are_those_of_the_clip(tmp_path: Path) -> None:
    wanted = [0.0, 0.1, 0.15, 0.9, 1.0, 2.5]
    frames = decoded(write_clip(tmp_path / "vfr.mp4", ClipPlan(times=wanted)))
    assert [round(frame.pts_s, 3) for frame in frames] == wanted


def test_a_corrupt_packet_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    video, packets = opened(write_clip(tmp_path / "clip.mp4"))
    broken: Packet[Any] = Packet(b"\x00\x00\x00\x08notvideo")
    broken.pts, broken.dts, broken.time_base = 1, 1, Fraction(1, 90_000)
    decoder = FrameDecoder(video)
    assert decoder.decode(replace(packets[0], data=broken)) == []
    assert decoder.corrupt_count == 1
    frames = [f for packet in packets for f in decoder.decode(packet)] + decoder.flush()
    assert len(frames) == 30


def test_a_flushed_decoder_gives_nothing_more(tmp_path: Path) -> None:
    video, packets = opened(write_clip(tmp_path / "clip.mp4"))
    decoder = FrameDecoder(video)
    decoder.flush()
    assert decoder.decode(packets[0]) == []
    assert decoder.flush() == []


@pytest.mark.parametrize("codec", ["no_such_codec", "aac"])
def test_a_codec_without_a_video_decoder_is_a_sentence(tmp_path: Path, codec: str) -> None:
    video, _ = opened(write_clip(tmp_path / "clip.mp4"))
    with pytest.raises(SourceError, match=codec):
        FrameDecoder(replace(video, codec=codec))


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(
    ("pts_s", "number"),
    [(0.0, 0), (0.5, 5), (0.54, 5), (0.56, 6), (1.94, 19), (2.0, 20), (2.9, 29), (99, 29)],
)
def test_the_picture_of_a_moment_is_the_one_on_screen(
    tmp_path: Path, b_frames: int, pts_s: float, number: int
) -> None:
    plan = ClipPlan(b_frames=b_frames, options={"preset": "medium", "bf": str(b_frames)})
    video, packets = opened(write_clip(tmp_path / "clip.mp4", plan))
    ring = PacketRing(100, 10**9)
    for packet in packets:
        ring.push(packet)
    assert number_of(decode_at(ring.gop_at(pts_s), video, pts_s)) == number


def test_a_moment_before_everything_gives_the_first_picture(tmp_path: Path) -> None:
    video, packets = opened(write_clip(tmp_path / "clip.mp4"))
    assert number_of(decode_at(packets[10:], video, 0.2)) == 10


def test_no_packets_no_picture(tmp_path: Path) -> None:
    video, _ = opened(write_clip(tmp_path / "clip.mp4"))
    with pytest.raises(MediaError, match=r"1\.50 s"):
        decode_at([], video, 1.5)
