"""Sequence headers in packets as they come over RTSP."""

from pathlib import Path

import av
import pytest
from av.bitstream import BitStreamFilterContext
from tests.fixtures.clips import ClipPlan, write_clip

from spyoncino.media.parameter_sets import headers_in, sequence_headers


def first_packet(path: Path, codec: str, size: tuple[int, int]) -> "av.Packet[av.stream.Stream]":
    encoder = {"h264": "libx264", "hevc": "libx265"}[codec]
    options = {"x265-params": "log-level=none"} if codec == "hevc" else {"preset": "ultrafast"}
    write_clip(path, ClipPlan(codec=encoder, size=size, options=options, times=(0.0, 0.1)))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        to_annex_b = BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
        return to_annex_b.filter(next(container.demux(stream)))[0]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_headers_of_equal_streams_are_equal_and_of_another_size_others(
    tmp_path: Path, codec: str
) -> None:
    one, same, other = (
        sequence_headers(first_packet(tmp_path / f"{number}.mp4", codec, size), codec)
        for number, size in enumerate([(64, 48), (64, 48), (128, 96)])
    )
    assert one
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("data", "codec"),
    [
        (b"", "h264"),
        (b"\0\0\1\x65picture", "h264"),
        (b"\0\0\1\x67cut off", "h264"),
        (b"\0\0\1\0\0\1\0\0\1", "h264"),
        (b"\0\0\1\x67header\0\0\1\x65picture", "mjpeg"),
    ],
)
def test_nothing_is_found_where_nothing_is(data: bytes, codec: str) -> None:
    assert headers_in(data, codec) == b""


def test_the_zeros_before_the_next_start_code_do_not_belong_to_a_header() -> None:
    long = b"\0\0\0\1\x67header\0\0\0\1\x65picture"
    short = b"\0\0\1\x67header\0\0\1\x65picture"
    assert headers_in(long, "h264") == headers_in(short, "h264") == b"\x67header"
