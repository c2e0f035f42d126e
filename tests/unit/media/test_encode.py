"""Pictures encoded once."""

import numpy as np
import pytest
from av.video.frame import VideoFrame
from tests.fixtures.clips import number_of, numbered_picture

from spyoncino.errors import MediaError
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.encode import MIN_MAX_BITS_S, H264Encoder
from spyoncino.media.packets import MediaPacket


def encoded(encoder: H264Encoder, times: list[float]) -> list[MediaPacket]:
    packets: list[MediaPacket] = []
    for index, time_s in enumerate(times):
        width, height = encoder.video.width_px, encoder.video.height_px
        packets += encoder.encode(numbered_picture(index, width, height), time_s)
    return packets + encoder.flush()


def test_each_picture_is_a_packet_at_once_and_comes_back_as_it_was() -> None:
    encoder = H264Encoder(64, 48, 10)
    decoder = FrameDecoder(encoder.video)
    for index in range(20):
        (packet,) = encoder.encode(numbered_picture(index, 64, 48), index / 10)
        assert (packet.kind, packet.pts_s) == ("video", index / 10)
        assert packet.size_bytes == packet.data.size
        (frame,) = decoder.decode(packet)
        assert number_of(frame.picture) == index
        assert frame.pts_s == pytest.approx(index / 10)
    assert encoder.flush() == []


def test_key_frames_come_by_time_not_by_count() -> None:
    times = [0.0, 0.5, 1.0, 2.1, 2.2, 2.3, 4.0, 4.2, 9.0]
    packets = encoded(H264Encoder(64, 48, None, gop_s=2.0), times)
    assert [packet.pts_s for packet in packets if packet.is_key] == [0.0, 2.1, 4.2, 9.0]


def test_times_that_do_not_rise_are_made_to() -> None:
    packets = encoded(H264Encoder(64, 48, 10), [0.0, 1.0, 0.5, 1.0])
    times = [packet.pts_s for packet in packets]
    assert times == sorted(set(times))
    assert times[1:] == pytest.approx([1.0, 1.0, 1.0], abs=1e-4)


@pytest.mark.parametrize(
    ("size", "even"),
    [((1, 1), (2, 2)), ((2, 2), (2, 2)), ((321, 241), (322, 242)), ((64, 1), (64, 2))],
)
def test_odd_sizes_are_rounded_up(size: tuple[int, int], even: tuple[int, int]) -> None:
    encoder = H264Encoder(*size, 15)
    assert (encoder.video.width_px, encoder.video.height_px) == even
    grey = np.full((size[1], size[0], 3), 120, np.uint8)
    (packet,) = encoder.encode(VideoFrame.from_ndarray(grey, format="bgr24"), 0.0)
    (frame,) = FrameDecoder(encoder.video).decode(packet)
    assert (frame.picture.width, frame.picture.height) == even


def test_the_picture_given_keeps_its_own_time() -> None:
    picture = numbered_picture(0, 64, 48)
    picture.pts, picture.time_base = 77, H264Encoder(64, 48, 10).video.time_base
    H264Encoder(64, 48, 10).encode(picture, 3.0)
    assert picture.pts == 77


def test_a_size_that_cannot_be_encoded_is_a_sentence() -> None:
    with pytest.raises(MediaError, match="100000x100000"):
        H264Encoder(100_000, 100_000, 10)


def test_noise_cannot_fill_memory_and_disk() -> None:
    random = np.random.default_rng(1)
    encoder = H264Encoder(320, 240, 10)
    size_bytes = 0
    for index in range(60):
        noise = random.integers(0, 255, (360, 320), dtype=np.uint8)
        packets = encoder.encode(VideoFrame.from_ndarray(noise, format="yuv420p"), index / 10)
        size_bytes += sum(packet.size_bytes for packet in packets)
    wished, allowed = 60 * 320 * 240, MIN_MAX_BITS_S / 8 * 6
    assert size_bytes < 2 * allowed < wished
