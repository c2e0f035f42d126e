"""Live, stalled, given up; sizes that change."""

import pytest
from av.packet import Packet
from av.video.frame import VideoFrame

from spyoncino.errors import SourceChangedError, SourceError
from spyoncino.media.decode import DecodedFrame
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture.stall import StallWatch


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def frame(width_px: int = 64, height_px: int = 48) -> DecodedFrame:
    return DecodedFrame(VideoFrame(width_px, height_px, "yuv420p"), 0.0, 0)


def states(watch: StallWatch, clock: Seconds, seconds: float, step_s: float = 0.5) -> list[str]:
    found: list[str] = []
    for _ in range(round(seconds / step_s)):
        clock.now_s += step_s
        if (change := watch.change()) is not None:
            found.append(change.state)
    return found


def test_silence_stalls_once_and_a_picture_makes_it_live_once() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock)
    assert states(watch, clock, 7.5) == []
    assert states(watch, clock, 4) == ["stalled"]
    watch.note([frame()])
    assert states(watch, clock, 2) == ["live"]


def test_twice_the_time_is_enough() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock)
    with pytest.raises(SourceError, match="No new picture came for 16 s"):
        states(watch, clock, 20)


def test_time_in_which_this_process_was_stopped_does_not_count() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock)
    watch.note([frame()])
    assert states(watch, clock, 600, step_s=600) == ["live"]


def test_packets_without_pictures_do_not_count() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock)
    clock.now_s += 1
    watch.note([])
    assert states(watch, clock, 7) == ["stalled"]


def test_another_size_is_told_with_both() -> None:
    watch = StallWatch(8)
    watch.note([frame(), frame()])
    with pytest.raises(SourceChangedError, match="from 64x48 to 128x96"):
        watch.note([frame(128, 96)])


def test_a_connection_without_a_picture_is_stalled_and_never_live() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock)
    assert states(watch, clock, 15) == ["stalled"]


def test_a_camera_asleep_has_not_stalled_while_its_packets_come() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock)
    for _ in range(20):
        assert states(watch, clock, 1) == []
        watch.note_asleep()
    assert states(watch, clock, 9) == ["stalled"]


def packet(kind: str = "video", headers: bytes = b"", *, is_key: bool = True) -> MediaPacket:
    data: Packet = Packet(headers + b"\0\0\1\x65picture")  # type: ignore[type-arg]
    return MediaPacket("audio" if kind == "audio" else "video", data, 0.0, 0.0, is_key, 10)


SMALL, LARGE = b"\0\0\1\x67small", b"\0\0\1\x67large"


def test_where_another_stream_is_decoded_packets_count_and_pictures_do_not() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock, packets_of="h264")
    clock.now_s += 1
    watch.note([frame()], [packet("audio")])
    assert states(watch, clock, 7) == ["stalled"]
    watch.note([], [packet()])
    assert states(watch, clock, 1) == ["live"]
    watch.note([frame(), frame(128, 96)])


def test_other_headers_of_packets_are_a_change_and_missing_ones_are_not() -> None:
    watch = StallWatch(8, packets_of="h264")
    for headers in (b"", SMALL, b"", SMALL):
        watch.note([], [packet(headers=headers)])
    watch.note([], [packet(headers=LARGE, is_key=False)])
    with pytest.raises(SourceChangedError, match="Size or coding of the main stream changed"):
        watch.note([], [packet(headers=LARGE)])


def test_trouble_of_a_live_source_is_told_once_and_again_after_a_stall() -> None:
    clock = Seconds()
    watch = StallWatch(8, clock)
    watch.note([frame()])
    assert states(watch, clock, 1) == ["live"]
    news = watch.note_trouble("No sub stream.")
    assert news is not None
    assert (news.state, news.detail) == ("live", "No sub stream.")
    assert watch.note_trouble("No sub stream.") is None
    assert states(watch, clock, 9) == ["stalled"]
    assert watch.note_trouble("Still none.") is None, "it is told when the source is live again"
    watch.note([frame()])
    change = watch.change()
    assert change is not None
    assert (change.state, change.detail) == ("live", "Still none.")
