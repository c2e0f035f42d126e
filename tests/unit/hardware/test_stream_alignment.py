"""Two streams of one camera on one time, from when their packets arrive."""

import itertools
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.hardware.stream_alignment import (
    MAX_APART_S,
    SETTLE_S,
    QuickestArrival,
    StreamAlignment,
)


@dataclass(frozen=True)
class Stream:
    """A stream as a camera sends it; times are those of the scene.

    Args:
        begins_s: Moment of its first picture, which becomes its time 0.
        fps: Pictures a second.
        delay_s: Least time from a picture to its arrival.
        jitter_s: Mean of what comes on top.
        burst_until_s: What is older than this arrives at this moment, in one go.
        rate: Seconds on its clock in one second.
    """

    begins_s: float
    fps: float
    delay_s: float = 0.02
    jitter_s: float = 0.0
    burst_until_s: float = 0.0
    rate: float = 1.0

    def packets(self, until_s: float, chance: random.Random) -> list[tuple[float, float]]:
        """Arrival and own time of each packet, held back until the next one arrives."""
        moments = [
            self.begins_s + number / self.fps
            for number in range(int((until_s - self.begins_s) * self.fps))
        ]
        found, last_s = [], 0.0
        for moment_s in moments:
            late_s = self.delay_s + (chance.expovariate(1 / self.jitter_s) if self.jitter_s else 0)
            last_s = max(last_s, self.burst_until_s, moment_s + late_s)
            found.append((last_s, (moment_s - self.begins_s) * self.rate))
        return [(later[0], packet[1]) for packet, later in itertools.pairwise(found)]


def aligned(
    main: Stream, sub: Stream, seconds: float, seed: int = 1
) -> tuple[StreamAlignment, list[tuple[float, float]]]:
    """Run both streams; of each packet of the second one told: its moment, and what was told."""
    chance = random.Random(seed)  # noqa: S311 -- the network's moods, the same in each run
    arrivals = [(at, "main", pts) for at, pts in main.packets(seconds, chance)]
    arrivals += [(at, "sub", pts) for at, pts in sub.packets(seconds, chance)]
    alignment = StreamAlignment()
    held: list[float] = []
    told: list[tuple[float, float]] = []
    for at_s, role, pts_s in sorted(arrivals):
        is_key = pts_s == 0
        if role == "main":
            alignment.note_main(1000 + at_s, pts_s, is_key=is_key)
            continue
        alignment.note_sub(1000 + at_s, pts_s, is_key=is_key)
        held.append(pts_s)
        if alignment.is_settled:
            told += [
                (sub.begins_s + pts / sub.rate, pts + alignment.next_shift_s(pts)) for pts in held
            ]
            held.clear()
    return alignment, told


def errors_s(main: Stream, told: list[tuple[float, float]]) -> list[float]:
    """How far each time told lies from the main stream's own time of that moment."""
    return [time_s - (moment_s - main.begins_s) * main.rate for moment_s, time_s in told]


def test_a_perfect_network_gives_perfect_times_from_the_first_packet() -> None:
    main, sub = Stream(0.3, 25), Stream(1.1, 10)
    alignment, told = aligned(main, sub, 8)
    assert told[0][0] == pytest.approx(1.1)
    assert errors_s(main, told) == pytest.approx([0.0] * len(told), abs=1e-6)
    assert alignment.shift_s == pytest.approx(0.8)
    assert alignment.drift_s == pytest.approx(0, abs=1e-6)


@settings(deadline=None)
@given(
    begins_s=st.tuples(st.floats(0, 2), st.floats(0, 2)),
    fps=st.tuples(st.sampled_from([10, 15, 25, 30]), st.sampled_from([5, 7, 10, 15, 25])),
    delays_s=st.tuples(st.floats(0, 0.05), st.floats(0, 0.05)),
    jitter_s=st.floats(0, 0.08),
    burst_s=st.floats(0, 2),
    seed=st.integers(0, 1000),
)
def test_times_agree_within_a_tenth_of_a_second_whatever_the_network_does(
    begins_s: tuple[float, float],
    fps: tuple[int, int],
    delays_s: tuple[float, float],
    jitter_s: float,
    burst_s: float,
    seed: int,
) -> None:
    burst_until_s = max(begins_s) + burst_s
    main = Stream(begins_s[0], fps[0], delays_s[0], jitter_s, burst_until_s)
    sub = Stream(begins_s[1], fps[1], delays_s[1], jitter_s, burst_until_s)
    _, told = aligned(main, sub, burst_until_s + 25, seed)
    assert max(map(abs, errors_s(main, told)[-20:])) < 0.1
    times = [time_s for _, time_s in told]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


@settings(deadline=None, max_examples=30)
@given(drift_ppm=st.integers(-300, 300), seed=st.integers(0, 100))
def test_clocks_that_drift_are_followed_and_the_drift_is_counted(drift_ppm: int, seed: int) -> None:
    main, sub = Stream(0, 10), Stream(0.4, 5, jitter_s=0.03, rate=1 + drift_ppm / 1e6)
    alignment, told = aligned(main, sub, 240, seed)
    assert max(map(abs, errors_s(main, told))) < 0.1
    assert alignment.drift_s == pytest.approx(-drift_ppm * 240 / 1e6, abs=0.05)


def test_a_network_that_holds_up_one_stream_for_a_while_moves_nothing() -> None:
    alignment = StreamAlignment()
    late_s = 0.0
    for number in range(600):
        at_s = number / 10
        late_s = 3.0 if 20 < at_s < 30 else 0.0
        alignment.note_main(at_s, at_s, is_key=number == 0)
        alignment.note_sub(at_s + late_s, at_s, is_key=number == 0)
        alignment.next_shift_s(at_s)
    assert alignment.shift_s == pytest.approx(0, abs=1e-9)


def test_times_that_jump_are_seen_far_apart() -> None:
    alignment = StreamAlignment()
    for number in range(700):
        at_s = number / 10
        jump_s = 5.0 if at_s > 10 else 0.0
        alignment.note_main(at_s, at_s, is_key=number == 0)
        alignment.note_sub(at_s, at_s + jump_s, is_key=number == 0)
        alignment.next_shift_s(at_s + jump_s)
    assert abs(alignment.apart_s) > MAX_APART_S


def test_nothing_is_settled_before_both_have_arrived_for_a_while() -> None:
    alignment = StreamAlignment()
    alignment.note_sub(10.0, 0.0, is_key=True)
    alignment.note_sub(10.1 + SETTLE_S, 0.1, is_key=False)
    alignment.note_sub(10.2 + SETTLE_S, 0.2, is_key=False)
    settled = [alignment.is_settled]
    for number in range(3):
        alignment.note_main(10 + number / 10, number / 10, is_key=number == 0)
    settled.append(alignment.is_settled)
    assert alignment.apart_s == 0
    alignment.begin(is_held_back=False)
    settled.append(alignment.is_settled)
    assert settled == [False, True, False]


def test_a_stream_of_key_frames_only_is_timed_all_the_same() -> None:
    held, plain = QuickestArrival(is_held_back=True), QuickestArrival(is_held_back=False)
    assert held.zero_s is None
    for number in range(5):
        held.note(100 + (number + 1) / 10, number / 10, is_key=True)
        plain.note(100 + number / 10, number / 10, is_key=True)
    assert held.zero_s == pytest.approx(100)
    assert plain.zero_s == pytest.approx(100)
