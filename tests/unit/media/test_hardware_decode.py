"""Hardware decoding on a machine without any: every way to fail ends in software, with a sentence.

A device that works is played by a software decoder, since none was at hand.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from av.codec import CodecContext
from av.error import FFmpegError
from av.video.frame import VideoFrame
from tests.fixtures.clips import ClipPlan, number_of, write_clip

from spyoncino.errors import MediaError
from spyoncino.media import decode
from spyoncino.media.decode import MAX_FAULTS, DecodedFrame, FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.hardware_decode import (
    DEVICES,
    WRAPPERS,
    DecoderKind,
    hardware_context,
    is_built_in,
)
from spyoncino.media.packets import MediaPacket, VideoFormat

PICTURES = 30
has_no_device = pytest.mark.skipif(
    Path("/dev/nvidia0").exists() or bool(list(Path("/dev").glob("video*"))),
    reason="a device may be here",
)


@pytest.fixture
def clip(tmp_path: Path) -> tuple[VideoFormat, list[MediaPacket]]:
    plan = ClipPlan(times=tuple(n / 10 for n in range(PICTURES)), gop=10)
    demuxer = Demuxer(str(write_clip(tmp_path / "clip.mp4", plan)))
    packets = [packet for packet in demuxer.packets() if packet.kind == "video"]
    demuxer.close()
    return demuxer.video, packets


def all_frames(decoder: FrameDecoder, packets: list[MediaPacket]) -> list[DecodedFrame]:
    return [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()


class Device:
    """A decoder in hardware as far as anybody sees: it refuses the packets that it is told to."""

    def __init__(self, video: VideoFormat, faults: set[int], delay: int = 0) -> None:
        self._software: Any = CodecContext.create(video.codec, "r")
        self._software.extradata = video.extradata
        self._software.thread_count = 1
        self._faults = faults
        self._delay = delay
        self._held: list[VideoFrame] = []
        self.taken = 0

    def open(self) -> None:
        self._software.open()

    def decode(self, data: Any) -> list[VideoFrame]:
        self.taken += 1
        if self.taken - 1 in self._faults:
            raise FFmpegError(5, "Input/output error")
        self._held += self._software.decode(data)
        if data is None:
            return self._held
        count = max(0, len(self._held) - self._delay)
        given, self._held = self._held[:count], self._held[count:]
        return given


def on_device(
    monkeypatch: pytest.MonkeyPatch, video: VideoFormat, faults: set[int], delay: int = 0
) -> FrameDecoder:
    device = Device(video, faults, delay)
    monkeypatch.setattr(decode, "hardware_context", lambda *_: device)
    return FrameDecoder(video, kind="v4l2m2m")


@has_no_device
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("cuda", "The decoder cuda cannot be had for h264: "),
        ("vaapi", "The decoder vaapi is not built into PyAV"),
        ("drm", "The decoder drm does not know video of the codec h264"),
        ("v4l2m2m", "The decoder v4l2m2m failed: "),
        ("qsv", "The decoder qsv "),
    ],
)
def test_a_decoder_that_is_not_here_is_replaced_and_no_picture_is_lost(
    clip: tuple[VideoFormat, list[MediaPacket]], kind: DecoderKind, sentence: str
) -> None:
    video, packets = clip
    decoder = FrameDecoder(video, kind=kind)
    frames = all_frames(decoder, packets)
    assert decoder.note.startswith(sentence)
    assert decoder.note.endswith(". Decoding in software.")
    assert not decoder.is_hardware
    assert [number_of(frame.picture) for frame in frames] == list(range(PICTURES))
    assert decoder.corrupt_count == 0


def test_a_device_that_works_is_used(
    clip: tuple[VideoFormat, list[MediaPacket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, packets = clip
    decoder = on_device(monkeypatch, video, set())
    frames = all_frames(decoder, packets)
    assert (decoder.is_hardware, decoder.note) == (True, "")
    assert [number_of(frame.picture) for frame in frames] == list(range(PICTURES))
    assert [frame.pts_s for frame in frames] == pytest.approx([n / 10 for n in range(PICTURES)])


@pytest.mark.parametrize(("fault", "delay"), [(0, 0), (4, 6), (PICTURES, PICTURES)])
def test_a_device_that_fails_before_its_first_picture_loses_none(
    clip: tuple[VideoFormat, list[MediaPacket]],
    monkeypatch: pytest.MonkeyPatch,
    fault: int,
    delay: int,
) -> None:
    video, packets = clip
    decoder = on_device(monkeypatch, video, {fault}, delay)
    frames = all_frames(decoder, packets)
    assert decoder.note == ("The decoder v4l2m2m failed: Input/output error. Decoding in software.")
    assert [number_of(frame.picture) for frame in frames] == list(range(PICTURES))
    assert decoder.corrupt_count == 0


def test_one_damaged_packet_does_not_end_the_use_of_a_device(
    clip: tuple[VideoFormat, list[MediaPacket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, packets = clip
    decoder = on_device(monkeypatch, video, {7})
    assert len(all_frames(decoder, packets)) == PICTURES - 1
    assert (decoder.is_hardware, decoder.corrupt_count) == (True, 1)


def test_a_device_that_is_lost_is_replaced_from_the_next_key_picture_on(
    clip: tuple[VideoFormat, list[MediaPacket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, packets = clip
    decoder = on_device(monkeypatch, video, set(range(12, 1000)))
    frames = all_frames(decoder, packets)
    assert not decoder.is_hardware
    assert decoder.corrupt_count == MAX_FAULTS
    numbers = [number_of(frame.picture) for frame in frames]
    assert numbers == [*range(12), *range(20, PICTURES)]
    times = [frame.pts_s for frame in frames]
    assert times == sorted(set(times))


def test_what_is_built_in_is_known_without_a_device() -> None:
    for kind in (*DEVICES, *WRAPPERS):
        assert is_built_in("h264", kind) in (True, False)
    assert is_built_in("h264", "v4l2m2m") == ("h264_v4l2m2m" in av.codecs_available)
    assert not is_built_in("ffv1", "v4l2m2m")


def test_a_decoder_for_a_codec_that_nobody_has_is_told(
    clip: tuple[VideoFormat, list[MediaPacket]],
) -> None:
    with pytest.raises(
        MediaError, match="The decoder v4l2m2m cannot be had for ffv1: ffv1_v4l2m2m"
    ):
        hardware_context("ffv1", "v4l2m2m")
    video, _ = clip
    decoder = FrameDecoder(replace(video, codec="mpeg4", extradata=b""), kind="qsv")
    assert "qsv" in decoder.note
