"""The one packet rule: H.264 stays as it is, everything else is encoded once."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.capture_clips import grey_of, index_of, write_clip

from spyoncino.hardware.source_types import RawPicture, SourceFormat
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture.feed import SourceFeed


def opened(path: Path) -> tuple[SourceFormat, list[MediaPacket]]:
    with contextlib.closing(Demuxer(str(path))) as demuxer:
        video = demuxer.video
        source = SourceFormat(video, video.width_px, video.height_px, video.fps, demuxer.audio)
        return source, list(demuxer.packets())


def all_of(feed: SourceFeed, items: list[MediaPacket]) -> tuple[list[MediaPacket], list[int]]:
    packets: list[MediaPacket] = []
    shown: list[int] = []
    for taken in (*(feed.take(item) for item in items), feed.flush()):
        packets += taken[0]
        shown += [index_of(f.picture.to_ndarray()[:96].mean()) for f in taken[1]]
    return packets, shown


def test_h264_packets_are_kept_as_they_are_and_decoded(tmp_path: Path) -> None:
    source, items = opened(write_clip(tmp_path / "a.mp4"))
    feed = SourceFeed(source)

    packets, shown = all_of(feed, items)

    assert packets == items
    assert shown == list(range(30))
    assert not feed.is_encoded
    assert (feed.codec, feed.video, feed.corrupt_packets) == ("h264", source.video, 0)


def test_other_codecs_are_encoded_once_to_h264_with_the_same_times(tmp_path: Path) -> None:
    source, items = opened(write_clip(tmp_path / "a.avi", codec="mpeg4"))
    feed = SourceFeed(source)

    packets, shown = all_of(feed, items)

    assert shown == list(range(30))
    assert feed.is_encoded
    assert (feed.codec, feed.video.codec) == ("mpeg4", "h264")
    assert [round(p.pts_s, 2) for p in packets] == [round(n / 10, 2) for n in range(30)]
    decoder = FrameDecoder(feed.video)
    frames = [f for p in packets for f in decoder.decode(p)] + decoder.flush()
    assert [index_of(f.picture.to_ndarray()[:96].mean()) for f in frames] == list(range(30))


def test_raw_pictures_are_encoded_and_passed_on_without_decoding() -> None:
    feed = SourceFeed(SourceFormat(None, 64, 48, 10.0, None))
    i420 = np.full((72, 64), 128, np.uint8)
    i420[:48] = grey_of(7)

    packets, frames = feed.take(RawPicture(i420, 0.0))
    more_packets, more_frames = feed.take(RawPicture(i420, 0.1))

    assert (feed.codec, feed.is_encoded, feed.corrupt_packets) == ("raw", True, 0)
    assert [f.index for f in (*frames, *more_frames)] == [0, 1]
    assert index_of(frames[0].picture.to_ndarray()[:48].mean()) == 7
    assert packets[0].is_key
    assert [p.pts_s for p in (*packets, *more_packets, *feed.flush()[0])] == pytest.approx([0, 0.1])


def test_sound_is_kept_and_never_decoded_as_video(tmp_path: Path) -> None:
    source, items = opened(write_clip(tmp_path / "a.mp4"))
    first = items[0]
    sound = MediaPacket("audio", first.data, 0.0, 0.0, is_key=True, size_bytes=first.size_bytes)

    assert SourceFeed(source).take(sound) == ([sound], [])
