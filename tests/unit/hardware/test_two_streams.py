"""Two made-up streams as one source: what comes, what is missing, and how it comes back."""

import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction

import pytest
from av.packet import Packet

from spyoncino.errors import SourceError, SourceRefusedError
from spyoncino.hardware import two_streams
from spyoncino.hardware.backoff import Backoff
from spyoncino.hardware.source_types import SourceFormat, SourceItem, SourceSpec, SubStreamChanged
from spyoncino.hardware.sources import build_source
from spyoncino.hardware.two_streams import TwoStreams
from spyoncino.media.packets import MediaPacket, VideoFormat

TICKS = Fraction(1, 90_000)
STALL_S = 4.0


def format_of(width_px: int, height_px: int, codec: str = "h264") -> VideoFormat:
    return VideoFormat(codec, width_px, height_px, 10.0, TICKS, b"", "yuv420p")


def packet(
    pts_s: float, arrival_s: float, *, is_key: bool = False, kind: str = "video"
) -> MediaPacket:
    data: Packet = Packet(10)  # type: ignore[type-arg]
    data.time_base = TICKS
    data.pts = data.dts = round(pts_s / TICKS)
    return MediaPacket(
        "audio" if kind == "audio" else "video",
        data,
        pts_s,
        pts_s,
        is_key,
        10,
        arrival_ns=round(arrival_s * 1e9),
    )


class Stream:
    """A stream that a test feeds."""

    def __init__(self, video: VideoFormat, error: Exception | None = None) -> None:
        self.video = video
        self.error = error
        self.items: deque[MediaPacket | SourceError] = deque()
        self.on_news: Callable[[], None] = lambda: None
        self.is_closed = False
        self.may_open = threading.Event()
        self.may_open.set()
        self.count = 0

    def open(self) -> SourceFormat:
        self.may_open.wait(10)
        if self.error:
            raise self.error
        return SourceFormat(self.video, self.video.width_px, self.video.height_px, 10.0, None)

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        assert timeout_s == 0
        if self.items and isinstance(self.items[0], SourceError):
            raise self.items[0]
        item = self.items.popleft() if self.items else None
        assert not isinstance(item, SourceError)
        return item

    def close(self) -> None:
        self.is_closed = True

    def shows(self, arrival_s: float, pts_s: float) -> None:
        """A packet arrives, held back for a tenth of a second as by a parser."""
        self.items.append(packet(pts_s, arrival_s + 0.1, is_key=self.count == 0))
        self.count += 1
        self.on_news()


class House:
    """A camera with two streams, on a clock that the test moves."""

    def __init__(self, codec: str = "h264") -> None:
        self.main = Stream(format_of(1920, 1080, codec))
        self.subs: list[Stream] = []
        self.next_error: Exception | None = None
        self.may_open = True
        self.now_s = 1000.0
        self.seen: list[SourceItem] = []
        self.source = TwoStreams(
            self.main, self._sub, STALL_S, Backoff(chance=lambda: 0.5), lambda: self.now_s
        )

    def _sub(self) -> Stream:
        sub = Stream(format_of(640, 360), self.next_error)
        if not self.may_open:
            sub.may_open.clear()
        self.subs.append(sub)
        return sub

    def drain(self) -> list[SourceItem]:
        """Everything that the source has to say now."""
        found = []
        while (item := self.source.read(0)) is not None:
            found.append(item)
        self.seen += found
        return found

    def run(self, seconds: float, *, is_sub_there: bool = True) -> list[SourceItem]:
        """Let time pass at ten pictures a second; the second stream began 0.25 s later."""
        found: list[SourceItem] = []
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            self.main.shows(self.now_s, self.now_s - 1000)
            if is_sub_there and self.subs:
                self.subs[-1].shows(self.now_s + 0.05, self.now_s + 0.05 - 1000.25)
            found += self.drain()
        return found

    def until_tried(self, count: int) -> None:
        """Wait for the threads that connect."""
        deadline = time.monotonic() + 10
        while len(self.subs) < count or self.source._attempt is not None:
            assert time.monotonic() < deadline
            self.drain()
            time.sleep(0.002)


def changes(items: list[SourceItem]) -> list[SubStreamChanged]:
    return [item for item in items if isinstance(item, SubStreamChanged)]


def packets(items: list[SourceItem], role: str) -> list[MediaPacket]:
    return [item for item in items if isinstance(item, MediaPacket) and item.role == role]


def test_both_streams_come_on_one_time_and_no_packet_of_the_main_one_waits() -> None:
    house = House()
    opened = house.source.open()
    assert (opened.width_px, opened.sub) == (1920, house.subs[0].video)
    seen = house.run(3)
    (change,) = changes(seen)
    assert (change.video, change.detail) == (house.subs[0].video, "")
    assert len(packets(seen, "main")) == 30
    subs = packets(seen, "sub")
    assert len(subs) == 30, "what was held until the times were known is not lost"
    assert [p.pts_s for p in subs] == pytest.approx([0.15 + n / 10 for n in range(30)], abs=1e-4)
    assert all((p.data.pts or 0) * TICKS == pytest.approx(p.pts_s, abs=1e-4) for p in subs)
    assert house.source.sub_facts.shift_s == pytest.approx(0.25)


def test_a_sub_stream_that_breaks_is_told_and_comes_back() -> None:
    house = House()
    house.source.open()
    house.run(12)
    house.subs[0].items.append(SourceError("The cable is cut."))
    lost = changes(house.run(0.5, is_sub_there=False))
    assert [change.video for change in lost] == [None]
    assert "The sub stream is missing (The cable is cut); the main stream" in lost[0].detail
    assert house.subs[0].is_closed
    assert house.source.sub_facts.losses == 1
    house.run(1, is_sub_there=False)
    house.until_tried(2)
    seen = house.run(2)
    (back,) = changes(seen)
    assert (back.video, back.detail) == (house.subs[1].video, "")
    assert len(packets(house.seen, "main")) == 155, "the main stream never noticed"
    times = [p.pts_s for p in packets(house.seen, "sub")]
    assert times == sorted(times)


def test_a_sub_stream_that_cannot_be_opened_is_told_once_and_tried_rarely() -> None:
    house = House()
    house.next_error = SourceError("No stream at this path.")
    assert house.source.open().sub is None
    seen = house.run(1)
    house.until_tried(2)
    seen += house.run(2.5)
    house.until_tried(3)
    seen += house.run(1)
    assert [change.video for change in changes(seen)] == [None]
    house.next_error = SourceRefusedError("Wrong password.")
    seen = house.run(4.5)
    house.until_tried(4)
    assert "Wrong password" in changes(house.drain() or house.seen)[-1].detail
    house.run(50)
    assert len(house.subs) == 4, "accounts get locked"


def test_silence_of_the_sub_stream_alone_makes_it_lost() -> None:
    house = House()
    house.source.open()
    house.run(2)
    assert not changes(house.run(STALL_S - 0.2, is_sub_there=False))
    (lost,) = changes(house.run(0.5, is_sub_there=False))
    assert "fell silent while the main stream went on" in lost.detail


def test_a_sub_stream_whose_times_jump_is_connected_anew() -> None:
    house = House()
    house.source.open()
    house.run(2)
    seen: list[SourceItem] = []
    for _ in range(320):
        house.now_s += 0.1
        house.main.shows(house.now_s, house.now_s - 1000)
        if not house.subs[0].is_closed:
            house.subs[0].shows(house.now_s + 0.05, house.now_s + 5 - 1000.25)
        seen += house.drain()
    assert "times jumped" in changes(seen)[0].detail


def test_a_sub_stream_that_gives_no_pictures_is_given_up_by_who_decodes() -> None:
    house = House()
    house.source.open()
    house.source.give_up_sub("Not open yet, so not lost.")
    house.run(2)
    house.source.give_up_sub("No picture.")
    (lost,) = changes(house.drain())
    assert "(No picture)" in lost.detail
    house.source.give_up_sub("Again.")
    assert not changes(house.drain())


def test_a_main_stream_that_is_encoded_anyway_is_used_alone() -> None:
    house = House("mjpeg")
    assert house.source.open().sub is None
    seen = house.run(2)
    (change,) = changes(seen)
    assert change.video is None
    assert "mjpeg, which is decoded and encoded anyway" in change.detail
    assert not packets(seen, "sub")
    assert len(house.subs) == 1


def test_faults_of_the_main_stream_are_those_of_the_source() -> None:
    house = House()
    house.source.open()
    house.run(1)
    house.main.items.append(SourceError("Off."))
    with pytest.raises(SourceError, match=r"Off\."):
        house.source.read(1)
    house.source.close()
    assert house.main.is_closed
    assert house.subs[0].is_closed
    other = House()
    other.main.error = SourceError("Never on.")
    with pytest.raises(SourceError, match="Never on"):
        other.source.open()
    assert other.main.is_closed


def test_opening_does_not_wait_long_for_the_sub_stream_and_closing_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(two_streams, "SUB_GRACE_S", 0.01)
    house = House()
    house.may_open = False
    assert house.source.open().sub is None
    assert not changes(house.run(1))
    house.source.close()
    house.subs[0].may_open.set()
    deadline = time.monotonic() + 10
    while not house.subs[0].is_closed:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_sound_of_the_sub_stream_is_left_out_and_that_of_the_main_stream_kept() -> None:
    house = House()
    house.source.open()
    house.run(1)
    house.main.items.append(packet(1.0, house.now_s, kind="audio"))
    house.subs[0].items.append(packet(1.0, house.now_s, kind="audio"))
    assert [p.kind for p in packets(house.drain(), "main")] == ["audio"]
    assert not packets(house.seen[-1:], "sub")


def test_reading_waits_for_news_of_either_stream() -> None:
    house = House()
    house.source.open()
    timer = threading.Timer(0.05, lambda: house.main.shows(1000, 0))
    timer.start()
    item = house.source.read()
    assert isinstance(item, MediaPacket)
    assert house.source.read(0.01) is None


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (SourceSpec("usb", "0", sub=SourceSpec("rtsp", "rtsp://cam/2")), "may have a sub stream"),
        (SourceSpec("rtsp", "rtsp://cam", sub=SourceSpec("file", "a.mp4")), "may have a sub"),
        (SourceSpec("rtsp", "rtsp://cam", sub=SourceSpec("rtsp", "nowhere")), "camera's address"),
    ],
)
def test_what_cannot_have_a_sub_stream_is_refused_at_once(spec: SourceSpec, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        build_source(spec)


def test_an_address_of_both_builds_both() -> None:
    spec = SourceSpec("rtsp", "rtsp://cam/1", sub=SourceSpec("http", "http://cam/2"))
    assert isinstance(build_source(spec), TwoStreams)
