"""Making up for what was slept through: in turns, at main's pace, for a bounded time."""

from dataclasses import dataclass, field
from typing import Any, cast

from av.video.frame import VideoFrame

from spyoncino.media.decode import DecodedFrame
from spyoncino.runtime.capture.catch_up import MIN_PACKETS, PATIENCE, TURN_S, CatchUp


class Seconds:
    """A clock that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Backlog:
    """A gated decoder with one picture in each of its packets; each takes its time."""

    clock: Seconds
    packet_s: float
    waiting: list[float] = field(default_factory=list)

    @property
    def is_behind(self) -> bool:
        return bool(self.waiting)

    def catch_up(self) -> list[DecodedFrame]:
        self.clock.now_s += self.packet_s
        return [DecodedFrame(VideoFrame(64, 48, "yuv420p"), self.waiting.pop(0), 0)]


@dataclass
class Ring:
    held: int = 0


@dataclass
class Publisher:
    ring: Ring = field(default_factory=Ring)
    interval_s: float = 0.2


def stage(packet_s: float, count: int) -> tuple[CatchUp, Backlog, Publisher, Seconds]:
    clock, publisher = Seconds(), Publisher()
    backlog = Backlog(clock, packet_s, [number / 10 for number in range(count)])
    catch_up = CatchUp(cast("Any", backlog), cast("Any", publisher), clock)
    return catch_up, backlog, publisher, clock


def test_a_turn_ends_soon_but_makes_headway() -> None:
    catch_up, backlog, _, _ = stage(0.3 * TURN_S, 50)
    assert len(list(catch_up.frames(0, is_all=False))) == 4
    backlog.packet_s = 10 * TURN_S
    assert len(list(catch_up.frames(0, is_all=False))) == MIN_PACKETS
    assert len(list(catch_up.frames(0, is_all=True))) == 50 - 4 - MIN_PACKETS
    assert list(catch_up.frames(0, is_all=False)) == []


def test_pictures_tell_when_their_packets_came_not_when_they_were_decoded() -> None:
    catch_up, _, _, _ = stage(0.0, 5)
    catch_up.newest_s = 0.3
    told = list(catch_up.frames(7_000_000_000, is_all=True))
    assert [ns for _, ns in told] == [
        6_700_000_000,
        6_800_000_000,
        6_900_000_000,
        7_000_000_000,
        7_000_000_000,
    ]


def test_a_picture_waits_while_main_has_enough_in_hand_but_not_for_ever() -> None:
    catch_up, _, publisher, clock = stage(0.0, 5)
    frames = catch_up.frames(0, is_all=True)
    waits = []
    next(frames)
    waits.append(catch_up.must_wait)
    publisher.ring.held = 2
    waits.append(catch_up.must_wait)
    clock.now_s += PATIENCE * publisher.interval_s
    waits.append(catch_up.must_wait)
    next(frames)
    waits.append(catch_up.must_wait)
    assert waits == [False, True, False, True]
