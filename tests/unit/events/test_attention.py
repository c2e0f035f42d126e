from spyoncino.events.attention import AttentionGate, AttentionSpec, Reason

SPEC = AttentionSpec(keep_looking_s=1.0, active_s=30.0, active_every_s=1.0, idle_every_s=10.0)


def looks(gate: AttentionGate, start_s: float, end_s: float, fps: int = 5) -> list[float]:
    """Times of the looks in a stretch in which nothing moves."""
    times = [start_s + n / fps for n in range(round((end_s - start_s) * fps))]
    return [round(t, 3) for t in times if gate.decide(t, is_moving=False).looks]


def test_the_first_frame_is_looked_at_and_then_nothing_for_a_while() -> None:
    gate = AttentionGate(SPEC)
    first = gate.decide(0.0, is_moving=False)
    assert (first.looks, first.reason) == (True, Reason.PERIODIC)
    second = gate.decide(0.2, is_moving=False)
    assert (second.looks, second.reason, second.every_s) == (False, Reason.QUIET, 10.0)
    assert abs(second.since_s - 0.2) < 1e-9


def test_an_idle_picture_is_looked_at_every_ten_seconds() -> None:
    assert looks(AttentionGate(SPEC), 0.0, 41.0) == [0.0, 10.0, 20.0, 30.0, 40.0]


def test_every_frame_with_motion_is_looked_at() -> None:
    gate = AttentionGate(SPEC)
    reasons = [gate.decide(n / 5, is_moving=True).reason for n in range(10)]
    assert set(reasons) == {Reason.MOTION}


def test_after_motion_every_frame_then_once_a_second_then_idle() -> None:
    gate = AttentionGate(SPEC)
    gate.decide(100.0, is_moving=True)
    times = looks(gate, 100.2, 152.0)
    assert times[:5] == [100.2, 100.4, 100.6, 100.8, 101.0]
    assert times[5:34] == [101.0 + n for n in range(1, 30)]
    assert times[34:] == [140.0, 150.0]


def test_without_a_motion_detector_every_frame_is_looked_at() -> None:
    attention = AttentionGate(SPEC).decide(3.0, is_moving=None)
    assert (attention.looks, attention.reason) == (True, Reason.NO_DETECTOR)


def test_a_press_has_every_frame_looked_at_for_a_while() -> None:
    gate = AttentionGate(SPEC)
    gate.decide(0.0, is_moving=False)
    gate.press(3.0)
    assert gate.decide(1.0, is_moving=False).reason is Reason.PRESS
    assert gate.decide(3.0, is_moving=False).reason is Reason.PRESS
    assert gate.decide(3.2, is_moving=False).reason is Reason.QUIET


def test_a_shorter_press_does_not_cut_a_longer_one() -> None:
    gate = AttentionGate(SPEC)
    gate.decide(0.0, is_moving=False)
    gate.press(9.0)
    gate.press(2.0)
    assert gate.decide(8.0, is_moving=False).looks


def test_a_source_that_begins_again_is_looked_at_at_once() -> None:
    gate = AttentionGate(SPEC)
    gate.decide(500.0, is_moving=False)
    gate.press(510.0)
    assert gate.decide(0.0, is_moving=False).reason is Reason.PERIODIC
    assert gate.decide(0.2, is_moving=False).reason is Reason.QUIET
