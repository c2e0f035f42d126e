"""When a camera falls asleep, what wakes it, and what it never does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.runtime.capture.idle_gate import (
    MAX_GOP_S,
    IdleGate,
    IdleGateSpec,
    Verdict,
    WakeReason,
)

SPEC = IdleGateSpec(quiet_s=10, look_s=3)
FPS = 25


class Camera:
    """A stream of packets, each picture of which is measured as soon as it is decoded."""

    def __init__(self, gate: IdleGate, gop: int = 50) -> None:
        self.gate = gate
        self.gop = gop
        self.number = 0
        self.draw = np.random.default_rng(3)
        self.verdicts: list[Verdict] = []

    @property
    def now_s(self) -> float:
        return self.number / FPS

    def send(
        self, *, factor: float = 1.0, is_moving: bool = False, measures: bool = True
    ) -> Verdict:
        is_key = self.number % self.gop == 0
        size = 80_000 if is_key else round(5000 * factor * float(self.draw.lognormal(0, 0.1)))
        verdict = self.gate.take(self.now_s, size, is_key=is_key)
        if measures and verdict is not Verdict.SKIP:
            self.gate.note_motion(self.now_s, is_moving=is_moving)
        self.verdicts.append(verdict)
        self.number += 1
        return verdict

    def quiet(self, seconds: float, *, measures: bool = True) -> list[Verdict]:
        return [self.send(measures=measures) for _ in range(round(seconds * FPS))]


@pytest.fixture
def camera() -> Camera:
    return Camera(IdleGate(SPEC))


def asleep(camera: Camera) -> Camera:
    camera.quiet(20)
    assert camera.gate.is_asleep
    return camera


def test_after_quiet_only_key_frames_are_looked_at(camera: Camera) -> None:
    verdicts = camera.quiet(60)
    first = verdicts.index(Verdict.PROBE)
    assert SPEC.quiet_s <= first / FPS <= SPEC.quiet_s + 2
    assert first % camera.gop == 0
    assert set(verdicts[:first]) == {Verdict.DECODE}
    assert verdicts[first:].count(Verdict.PROBE) == 25
    assert set(verdicts[first:]) == {Verdict.PROBE, Verdict.SKIP}
    counters = camera.gate.counters
    assert counters.state == "asleep"
    assert counters.asleep_s == pytest.approx(60 - first / FPS, abs=0.1)
    assert counters.packets_skipped == verdicts.count(Verdict.SKIP)


def test_motion_keeps_it_awake(camera: Camera) -> None:
    for _ in range(60 * FPS):
        assert camera.send(is_moving=camera.number % (8 * FPS) == 0) is Verdict.DECODE
    assert camera.gate.counters.state == "awake"


def test_growing_packets_wake_it_and_without_motion_it_sleeps_again_soon(camera: Camera) -> None:
    asleep(camera)
    camera.quiet(0.4)
    woke = [camera.send(factor=3) for _ in range(5)]
    assert Verdict.WAKE in woke
    assert set(camera.quiet(SPEC.look_s - 1)) == {Verdict.DECODE}
    camera.quiet(3)
    assert camera.gate.is_asleep
    assert camera.gate.counters.wakes_sizes == 1


def test_motion_after_a_wake_keeps_it_awake_for_as_long_as_ever(camera: Camera) -> None:
    asleep(camera)
    while camera.send(factor=3) is not Verdict.WAKE:
        pass
    camera.send(factor=3, is_moving=True)
    assert set(camera.quiet(SPEC.quiet_s - 0.1)) == {Verdict.DECODE}
    camera.quiet(3)
    assert camera.gate.is_asleep


def test_a_changed_key_frame_wakes_it(camera: Camera) -> None:
    asleep(camera)
    camera.gate.wake(WakeReason.CHANGE)
    assert not camera.gate.is_asleep
    assert camera.send() is Verdict.DECODE
    assert camera.gate.counters.wakes_change == 1


def test_motion_measured_in_a_key_frame_wakes_it_with_the_next_packet(camera: Camera) -> None:
    asleep(camera)
    camera.gate.note_motion(camera.now_s, is_moving=True)
    camera.quiet(2)
    assert Verdict.WAKE in camera.verdicts
    assert camera.gate.counters.wakes_change == 1


def test_main_keeps_it_awake_and_wakes_it(camera: Camera) -> None:
    camera.send()
    assert not camera.gate.attend(25)
    camera.quiet(20)
    assert not camera.gate.is_asleep
    asleep(camera)
    assert camera.gate.attend(10)
    assert not camera.gate.is_asleep
    assert set(camera.quiet(9.5)) == {Verdict.DECODE}
    assert camera.gate.counters.wakes_asked == 1
    asleep(camera)


@pytest.mark.parametrize("gop", [1, round(FPS * (MAX_GOP_S + 1))])
def test_key_frames_too_rare_or_nothing_else_never_sleep(gop: int) -> None:
    camera = Camera(IdleGate(SPEC), gop)
    assert set(camera.quiet(60)) == {Verdict.DECODE}
    assert camera.gate.counters.state == "unfit"


def test_a_key_frame_that_does_not_come_wakes_it_until_they_are_regular_again(
    camera: Camera,
) -> None:
    asleep(camera)
    camera.gop = 10**6
    assert Verdict.WAKE in camera.quiet(MAX_GOP_S + 3)
    assert camera.gate.counters.wakes_fault == 1
    assert camera.gate.counters.state == "unfit"
    assert Verdict.PROBE not in camera.quiet(30)
    camera.gop = 50
    asleep(camera)


def test_what_nobody_measured_is_not_quiet(camera: Camera) -> None:
    assert set(camera.quiet(60, measures=False)) == {Verdict.DECODE}
    camera.send()
    camera.quiet(5, measures=False)
    camera.send()
    assert set(camera.quiet(SPEC.quiet_s - 0.1)) == {Verdict.DECODE}


def test_replayed_packets_are_not_counted_as_skipped(camera: Camera) -> None:
    asleep(camera)
    before = camera.gate.counters.packets_skipped
    camera.gate.note_replayed(7)
    assert camera.gate.counters.packets_skipped == before - 7
    assert camera.gate.counters.packets_replayed == 7


@pytest.mark.parametrize("times", [(0, 1), (1, 0), (-1, 1)])
def test_times_that_make_no_sense_are_refused(times: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must be more than 0 s"):
        IdleGateSpec(*times)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["still", "grow", "move", "attend", "blind"]), st.integers(1, 400)
        ),
        max_size=12,
    ),
    st.integers(1, 120),
)
def test_awake_it_skips_nothing_and_sleep_begins_with_a_key_frame(
    plan: list[tuple[str, int]], gop: int
) -> None:
    gate = IdleGate(IdleGateSpec(quiet_s=2, look_s=1))
    camera = Camera(gate, gop)
    for what, count in plan:
        for _ in range(count):
            was_asleep = gate.is_asleep
            is_key = camera.number % gop == 0
            if what == "attend" and camera.number % 100 == 0:
                gate.attend(1)
                was_asleep = False
            verdict = camera.send(
                factor=3 if what in ("grow", "move") else 1,
                is_moving=what == "move",
                measures=what != "blind",
            )
            if verdict is Verdict.SKIP:
                assert was_asleep
                assert not is_key
            if verdict is Verdict.PROBE:
                assert is_key
            assert (verdict is Verdict.WAKE) == (was_asleep and not gate.is_asleep)
            if not was_asleep:
                assert verdict is (Verdict.PROBE if gate.is_asleep else Verdict.DECODE)
    counters = gate.counters
    assert counters.packets_skipped >= 0
    assert counters.asleep_s <= camera.now_s
