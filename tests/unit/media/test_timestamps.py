"""Times of one stream, repaired."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from spyoncino.media.timestamps import TimestampRepair

TICKS = 1000.0
STEP = 40
maybe_ticks = st.none() | st.integers(-(10**12), 10**12)


def repaired(
    packets: list[tuple[int | None, int | None]], reorder_depth: int = 0
) -> list[tuple[int, int, bool]]:
    repair = TimestampRepair(TICKS, STEP, reorder_depth)
    times = [repair.apply(pts, dts, 0) for pts, dts in packets]
    return [(t.pts, t.dts, t.is_repaired) for t in times]


def test_good_times_stay_as_they_are() -> None:
    assert repaired([(0, 0), (40, 40), (85, 85)]) == [
        (0, 0, False),
        (40, 40, False),
        (85, 85, False),
    ]


def test_a_jump_back_goes_on_where_the_old_time_line_ended() -> None:
    times = repaired([(0, 0), (40, 40), (-5000, -5000), (-4960, -4960)])
    assert times[2:] == [(80, 80, True), (120, 120, False)]


def test_a_leap_of_more_than_a_minute_ahead_is_closed() -> None:
    assert repaired([(0, 0), (61_000, 61_000), (61_040, 61_040)]) == [
        (0, 0, False),
        (40, 40, True),
        (80, 80, False),
    ]


def test_a_pause_of_up_to_a_minute_is_kept() -> None:
    assert repaired([(0, 0), (60_000, 60_000)])[1] == (60_000, 60_000, False)


def test_a_repeated_time_moves_only_that_packet() -> None:
    assert repaired([(0, 0), (0, 0), (40, 40)]) == [(0, 0, False), (1, 1, True), (40, 40, False)]


def test_missing_decoding_times_at_the_start_leave_room_for_reordering() -> None:
    times = repaired([(40, None), (160, None), (80, 40), (120, 80)], reorder_depth=2)
    assert [dts for _, dts, _ in times] == [-40, 0, 40, 80]
    assert not any(is_repaired for _, _, is_repaired in times)


def test_packets_without_any_time_follow_at_the_nominal_rate() -> None:
    assert repaired([(None, None), (None, None)]) == [(0, 0, True), (40, 40, True)]


def test_a_known_duration_is_the_step_to_the_next_packet() -> None:
    repair = TimestampRepair(TICKS, STEP)
    repair.apply(0, 0, 25)
    assert repair.apply(None, None, 25).dts == 25


def test_a_picture_is_never_shown_before_it_is_decoded() -> None:
    assert repaired([(0, 0), (30, 50)])[1] == (50, 50, True)


@given(st.lists(st.tuples(maybe_ticks, maybe_ticks), min_size=1))
def test_whatever_comes_decoding_times_rise(packets: list[tuple[int | None, int | None]]) -> None:
    times = repaired(packets)
    decoded = [dts for _, dts, _ in times]
    assert all(first < second for first, second in pairwise(decoded))
    assert all(pts >= dts for pts, dts, _ in times)
