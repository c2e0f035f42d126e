"""When a camera's picture is bad enough to be told, and when it is not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.detectors.picture_facts import SKETCH_SHAPE, PictureFacts
from spyoncino.detectors.picture_judge import JudgeSpec, PictureFault, PictureJudge
from spyoncino.detectors.picture_memory import PictureMemory

LOOK_S = 15.0
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CELLS = SKETCH_SHAPE[0] * SKETCH_SHAPE[1]


def view(seed: int = 1, across: int = 0) -> PictureFacts:
    """A picture with something in it."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 200, (SKETCH_SHAPE[0], SKETCH_SHAPE[1] + 32), np.uint8)
    cells = cells[:, across : across + SKETCH_SHAPE[1]]
    return PictureFacts(110.0, 45.0, 9.0, 0.8, False, 0.0, cells.tobytes())


USUAL = view()
FLAT = PictureFacts(120.0, 4.0, 0.5, 0.0, False, 0.0, bytes([9]) * CELLS)
BLACK = PictureFacts(17.0, 1.0, 0.3, 0.0, True, None, bytes([5]) * CELLS)
INFRARED = replace(view(7), is_grey=True, sharpness_grey=4.0, structure=0.4)


class Watch:
    """A judge, and a clock that goes on with each look."""

    def __init__(self, spec: JudgeSpec | None = None, *, days: int = 8) -> None:
        self.judge = PictureJudge(spec or JudgeSpec())
        self.at_s = 0.0
        for hour in range(24 * days):
            then = NOON - timedelta(hours=24 * days - hour)
            self.judge.hours.note(then, LOOK_S, is_usable=True)
        self.show(USUAL, 300)
        assert self.judge.fault is None

    def show(self, facts: PictureFacts, for_s: float) -> float | None:
        """After how many seconds of it something was told, if anything."""
        for look in range(round(for_s / LOOK_S)):
            self.at_s += LOOK_S
            local = NOON + timedelta(seconds=self.at_s)
            if self.judge.take(facts, local, self.at_s) and look * LOOK_S < for_s:
                told_s = (look + 1) * LOOK_S
                self.show(facts, for_s - told_s)
                return told_s
        return None


@pytest.mark.parametrize(
    ("facts", "fault", "after_s"),
    [
        (FLAT, PictureFault.COVERED, 120),
        (replace(FLAT, brightness_grey=35.0), PictureFault.COVERED, 120),
        (view(across=20), PictureFault.MOVED, 180),
        (view(seed=2), PictureFault.MOVED, 1800),
        (replace(USUAL, same=1.0), PictureFault.FROZEN, 300),
        (BLACK, PictureFault.DARK, 600),
    ],
)
def test_a_fault_is_told_after_its_time_and_over_when_all_is_as_usual(
    facts: PictureFacts, fault: PictureFault, after_s: float
) -> None:
    watch = Watch()
    assert watch.show(facts, after_s + 60) == pytest.approx(after_s, abs=2 * LOOK_S)
    assert watch.judge.fault is fault
    assert watch.judge.why
    watch.show(USUAL, 15)
    assert watch.judge.fault is fault
    watch.show(USUAL, 30)
    assert watch.judge.fault is None


def test_a_short_cover_again_and_again_is_not_told() -> None:
    watch = Watch()
    for _ in range(8):
        assert watch.show(FLAT, 60) is None
        assert watch.show(USUAL, 60) is None


def test_what_fades_slowly_needs_hours() -> None:
    watch = Watch()
    for step in range(60):
        left = 0.93**step
        cells = np.frombuffer(USUAL.sketch, np.uint8) * left**0.5
        faded = replace(
            USUAL,
            sharpness_grey=9 * left,
            structure=0.8 * left,
            sketch=cells.astype(np.uint8).tobytes(),
        )
        assert watch.show(faded, 15) is None
    assert watch.show(FLAT, 1200) is None


def test_black_at_hours_that_nobody_knows_is_told_after_a_day_and_a_night() -> None:
    watch = Watch(days=0)
    watch.judge.spec = JudgeSpec()
    assert watch.show(BLACK, 3600) is None
    suspicion = watch.judge.suspicion
    assert suspicion is not None
    assert (suspicion.fault, suspicion.after_s) == (PictureFault.DARK, 86400)


def test_a_dim_flat_picture_at_an_unknown_hour_may_be_a_lamp_that_went_out() -> None:
    watch = Watch(days=0)
    assert watch.show(replace(FLAT, brightness_grey=40.0), 3600) is None


def test_the_first_infrared_night_is_learned_and_the_day_after_it_is_known() -> None:
    watch = Watch()
    for _ in range(2):
        assert watch.show(INFRARED, 300) is None
        assert watch.show(USUAL, 300) is None
    assert len(watch.judge.memory.views) == 2
    assert watch.show(replace(FLAT, is_grey=True), 200) == pytest.approx(120, abs=30)


def test_a_new_view_that_stays_becomes_usual_and_the_old_one_is_known_still() -> None:
    watch = Watch(JudgeSpec(moved_after_s=60, accept_after_s=1200))
    assert watch.show(view(seed=2), 1300) is not None
    assert watch.judge.fault is None
    assert watch.show(USUAL, 1200) is None


def test_a_cover_never_becomes_usual() -> None:
    watch = Watch(JudgeSpec(accept_after_s=600))
    watch.show(FLAT, 1800)
    assert watch.judge.fault is PictureFault.COVERED


def test_a_picture_that_was_never_alive_cannot_freeze() -> None:
    watch = Watch()
    watch.judge = PictureJudge(JudgeSpec())
    assert watch.show(replace(USUAL, same=1.0), 1200) is None


def test_a_camera_that_often_sends_the_same_needs_longer_to_be_frozen() -> None:
    watch = Watch()
    for _ in range(5):
        assert watch.show(replace(USUAL, same=1.0), 200) is None
        watch.show(USUAL, 60)
    assert watch.show(replace(USUAL, same=1.0), 900) == pytest.approx(600, abs=45)


def test_what_is_kept_goes_on_after_a_restart() -> None:
    watch = Watch()
    watch.show(view(across=20), 300)
    kept = json.loads(json.dumps(watch.judge.to_json()))
    watch.judge = PictureJudge.from_json(JudgeSpec(), kept)
    assert watch.judge.fault is PictureFault.MOVED
    watch.show(view(across=20), 60)
    assert watch.judge.fault is PictureFault.MOVED
    watch.show(USUAL, 60)
    assert watch.judge.fault is None


@pytest.mark.parametrize("broken", [{}, {"views": 3}, {"views": [], "hours": []}])
def test_what_cannot_be_read_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        PictureJudge.from_json(JudgeSpec(), broken)


def test_views_are_bounded_and_the_one_not_seen_for_longest_goes() -> None:
    memory = PictureMemory()
    for seed in range(1, 10):
        memory.try_new(view(seed), 5.0, float(seed))
        memory.accept_new()
    assert len(memory.views) == 6
    assert memory.like(USUAL).share < 0.3
    assert memory.like(view(9)).share == 1.0


@settings(max_examples=4, deadline=None)
@given(
    spells=st.lists(
        st.tuples(
            st.sampled_from([FLAT, BLACK, view(2), view(across=20), INFRARED, USUAL]),
            st.integers(1, 6),
        ),
        max_size=3,
    )
)
def test_nothing_that_is_over_before_its_time_is_told(
    spells: list[tuple[PictureFacts, int]],
) -> None:
    watch = Watch()
    for facts, looks in spells:
        assert watch.show(facts, looks * LOOK_S) is None
        assert watch.show(USUAL, looks * LOOK_S) is None
