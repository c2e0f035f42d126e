"""Which stream is decoded, and that nobody behind it notices a change."""

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.clips import ClipPlan, number_of, write_clip

from spyoncino.media.decode import DecodedFrame
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.runtime.capture.analysed_stream import BLIND_S, AnalysedStream

Stream = tuple[VideoFormat, list[MediaPacket]]


def stream(path: Path, size: tuple[int, int], gop: int, role: str = "main") -> Stream:
    plan = ClipPlan(times=tuple(n / 10 for n in range(30)), size=size, gop=gop)
    with contextlib.closing(Demuxer(str(write_clip(path, plan)))) as demuxer:
        packets = list(demuxer.packets())
        if role == "sub":
            packets = [replace(packet, role="sub") for packet in packets]
        return demuxer.video, packets


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return stream(tmp_path_factory.mktemp("main") / "main.mkv", (128, 96), 10)


@pytest.fixture(scope="module")
def sub(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return stream(tmp_path_factory.mktemp("sub") / "sub.mkv", (64, 48), 10, "sub")


def shown(frames: list[DecodedFrame]) -> list[tuple[int, int, int]]:
    """Width, number in the picture, number of the frame."""
    return [(f.picture.width, number_of(f.picture), f.index) for f in frames]


def test_without_a_sub_stream_it_is_the_decoder_of_the_main_one(main: Stream) -> None:
    decoder = AnalysedStream(main[0])
    frames = [f for p in main[1] for f in decoder.decode(p)] + decoder.flush()
    assert shown(frames) == [(128, n, n) for n in range(30)]
    assert decoder.is_main
    assert decoder.sub is None
    assert (decoder.corrupt_count, decoder.changes) == (0, 0)


def test_with_a_sub_stream_the_main_one_is_never_decoded(main: Stream, sub: Stream) -> None:
    decoder = AnalysedStream(main[0], sub[0])
    assert not any(decoder.decode(packet) for packet in main[1])
    frames = [f for p in sub[1] for f in decoder.decode(p)] + decoder.flush()
    assert shown(frames) == [(64, n, n) for n in range(30)]
    assert not decoder.is_main


def test_the_sub_streams_last_group_of_pictures_is_at_hand(main: Stream, sub: Stream) -> None:
    decoder = AnalysedStream(main[0], sub[0])
    for packet in sub[1][:27]:
        decoder.decode(packet)
    assert decoder.sub is not None
    assert decoder.sub.video == sub[0]
    kept = decoder.sub.ring.since(0)
    assert [round(10 * packet.pts_s) for packet in kept] == list(range(20, 27))
    assert kept[0].is_key


def test_a_sub_stream_that_is_lost_and_found_leaves_a_line_of_pictures_that_only_rises(
    main: Stream, sub: Stream
) -> None:
    decoder = AnalysedStream(main[0], sub[0])
    frames: list[DecodedFrame] = []
    for number, (large, small) in enumerate(zip(main[1], sub[1], strict=True)):
        if number == 5:
            decoder.change_sub(None)
        if number == 20:
            decoder.change_sub(sub[0])
        frames += decoder.decode(large)
        if number < 5 or number >= 20:
            frames += decoder.decode(small)
    widths = [f.picture.width for f in frames]
    assert widths == [64] * 5 + [128] * 11 + [64] * 9, "main from its next key frame, at 10, to 20"
    assert [number_of(f.picture) for f in frames] == [*range(5), *range(10, 30)]
    assert [f.index for f in frames] == list(range(25))
    assert decoder.changes == 1


def test_pictures_from_before_the_main_stream_are_left_out(main: Stream, sub: Stream) -> None:
    decoder = AnalysedStream(main[0], sub[0])
    early = [replace(p, data=type(p.data)(bytes(p.data))) for p in sub[1][:5]]
    for packet, original in zip(early, sub[1], strict=False):
        packet.data.time_base = original.data.time_base
        packet.data.pts, packet.data.dts = original.data.pts, original.data.dts
    frames = [f for p in early for f in decoder.decode(p.moved(-0.25))]
    assert [round(f.pts_s, 2) for f in frames] == [0.05, 0.15]


def test_packets_that_give_no_picture_are_reported(main: Stream, sub: Stream) -> None:
    decoder = AnalysedStream(main[0], sub[0])
    reasons: list[str] = []
    decoder.on_blind = reasons.append
    rubbish = type(sub[1][0].data)(b"\0\0\1\x65 not a picture at all")
    for number in range(round(10 * BLIND_S) + 2):
        decoder.decode(MediaPacket("video", rubbish, number / 10, number / 10, True, 10, "sub"))
    assert len(reasons) == 1
    assert "No picture could be decoded from it for 8 s" in reasons[0]
    assert decoder.corrupt_count > 0
    before = decoder.corrupt_count
    decoder.change_sub(None)
    assert decoder.corrupt_count == before
    assert not decoder.decode(replace(sub[1][0])), "nobody wants it any more"


@settings(deadline=None, max_examples=40)
@given(plan=st.lists(st.sampled_from(["main", "both", "gone", "back"]), max_size=30))
def test_any_order_of_losses_gives_times_that_rise_and_numbers_without_a_hole(
    main: Stream, sub: Stream, plan: list[str]
) -> None:
    decoder = AnalysedStream(main[0], sub[0])
    frames: list[DecodedFrame] = []
    for number, step in enumerate(plan):
        if step == "gone":
            decoder.change_sub(None)
        if step == "back":
            decoder.change_sub(sub[0])
        frames += decoder.decode(main[1][number])
        if step != "main":
            frames += decoder.decode(sub[1][number])
    assert [f.index for f in frames] == list(range(len(frames)))
    assert all(b.pts_s > a.pts_s for a, b in itertools.pairwise(frames))
