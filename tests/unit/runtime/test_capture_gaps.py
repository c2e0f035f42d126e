"""Times without pictures, as main counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.runtime.capture.messages import SourceState, SourceStateChanged
from spyoncino.runtime.capture_gaps import GapMeter

STALL_S = 8.0


def at(seconds: float) -> int:
    return round(seconds * 1e9)


def tell(meter: GapMeter, state: SourceState, seconds: float) -> SourceStateChanged:
    return meter.told(SourceStateChanged(state), at(seconds))


def test_a_gap_lasts_from_the_last_picture_until_the_camera_is_live_again() -> None:
    meter = GapMeter(STALL_S)
    tell(meter, "live", 1)
    meter.note_picture(at(10))
    tell(meter, "retrying", 11)
    tell(meter, "connecting", 12)
    assert (meter.count, meter.lost_s(at(20))) == (1, 10)
    live = tell(meter, "live", 33)
    assert live.gap_s == 23
    assert live.detail == "Pictures again after a gap of 23 s."
    assert (meter.count, meter.lost_s(at(99))) == (1, 23)


def test_a_stall_and_the_lost_connection_after_it_are_one_gap() -> None:
    meter = GapMeter(STALL_S)
    meter.note_picture(at(10))
    tell(meter, "stalled", 18.5)
    tell(meter, "retrying", 26.5)
    tell(meter, "retrying", 40)
    assert tell(meter, "live", 50.5).gap_s == 40
    assert meter.count == 1


def test_pictures_that_the_process_decoded_without_announcing_them_end_before_a_stall() -> None:
    meter = GapMeter(STALL_S)
    meter.note_picture(at(10))
    tell(meter, "stalled", 100)
    assert tell(meter, "live", 101).gap_s == STALL_S + 1


def test_what_comes_before_the_first_picture_is_no_gap() -> None:
    meter = GapMeter(STALL_S)
    tell(meter, "retrying", 1)
    assert tell(meter, "live", 9) == SourceStateChanged("live")
    assert (meter.count, meter.lost_s(at(9))) == (0, 0)


@pytest.mark.parametrize("state", ["ended", "off"])
def test_an_orderly_end_is_no_gap(state: SourceState) -> None:
    meter = GapMeter(STALL_S)
    meter.note_picture(at(1))
    assert tell(meter, state, 2) == SourceStateChanged(state)
    assert meter.count == 0


STATES: list[SourceState] = ["connecting", "live", "stalled", "retrying", "ended", "off"]


@given(st.lists(st.tuples(st.sampled_from([*STATES, "picture"]), st.floats(0.1, 60))))
def test_reported_gaps_add_up_to_the_seconds_lost_and_never_exceed_the_time(
    story: list[tuple[SourceState | str, float]],
) -> None:
    meter = GapMeter(STALL_S)
    now_s = 100.0
    reported_s = 0.0
    before_s = 0.0
    for what, after_s in story:
        now_s += after_s
        if what == "picture":
            meter.note_picture(at(now_s))
        else:
            reported_s += tell(meter, next(s for s in STATES if s == what), now_s).gap_s
        lost_s = meter.lost_s(at(now_s))
        assert reported_s - 1e-6 <= lost_s <= now_s - 100 + 2 * STALL_S * meter.count
        assert lost_s >= before_s - 1e-6
        before_s = lost_s
