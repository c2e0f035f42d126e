from hypothesis import given
from hypothesis import strategies as st

from spyoncino.core.overload import STAGES, OverloadPolicy, OverloadSpec
from spyoncino.schemas.status import LoadStage

SPEC = OverloadSpec(raise_after_s=4, lower_after_s=20, longest_lower_after_s=80)
HIGH, MIDDLE, LOW = 2.0, 0.7, 0.1


class Story:
    """A policy with a measurement every second, and when its stage changed."""

    def __init__(self, spec: OverloadSpec = SPEC) -> None:
        self.policy = OverloadPolicy(spec)
        self.now_s = 0.0
        self.changes: list[tuple[float, int]] = []

    def go(self, pressure: float, seconds: float, step_s: float = 1.0) -> LoadStage:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            before = STAGES.index(self.policy.stage)
            self.now_s += step_s
            after = STAGES.index(self.policy.update(self.now_s, pressure))
            if after != before:
                self.changes.append((self.now_s, after - before))
        return self.policy.stage


def test_lasting_pressure_goes_up_stage_by_stage_and_stays_at_the_last() -> None:
    story = Story()
    assert story.go(HIGH, 4) is LoadStage.NORMAL
    assert story.go(HIGH, 1) is LoadStage.FEWER_FRAMES
    assert story.go(HIGH, 4) is LoadStage.FEWER_REGIONS
    assert story.go(HIGH, 4) is LoadStage.NO_CONTINUOUS
    assert story.go(HIGH, 100) is LoadStage.NO_CONTINUOUS


def test_it_comes_back_by_itself_stage_by_stage() -> None:
    story = Story()
    story.go(HIGH, 20)
    assert story.go(LOW, 21) is LoadStage.FEWER_REGIONS
    assert story.go(LOW, 20) is LoadStage.FEWER_FRAMES
    assert story.go(LOW, 20) is LoadStage.NORMAL


def test_a_moment_of_pressure_and_bearable_pressure_change_nothing() -> None:
    story = Story()
    for _ in range(20):
        story.go(HIGH, 3)
        story.go(LOW, 1)
    assert story.changes == []
    story.go(HIGH, 5)
    story.go(MIDDLE, 1000)
    assert story.policy.stage is LoadStage.FEWER_FRAMES


def test_a_stage_that_was_left_too_soon_is_kept_longer_the_next_time() -> None:
    """A load for which one stage is just right: the next try comes later and later."""
    story = Story()
    for _ in range(600):
        is_normal = story.policy.stage is LoadStage.NORMAL
        story.go(HIGH if is_normal else LOW, 1)
    lowered = [at for at, step in story.changes if step < 0]
    raised = [at for at, step in story.changes if step > 0]
    kept = [low - high for high, low in zip(raised, lowered, strict=False)]
    assert kept[0] < 25
    assert kept == sorted(kept)
    assert kept[-1] > 75


def test_after_a_long_rest_it_is_quick_again() -> None:
    story = Story()
    for _ in range(200):
        story.go(HIGH if story.policy.stage is LoadStage.NORMAL else LOW, 1)
    story.go(LOW, 1000)
    story.go(HIGH, 6)
    assert story.policy.stage is not LoadStage.NORMAL
    assert story.go(LOW, 22) is LoadStage.NORMAL


@given(
    pressures=st.lists(
        st.tuples(st.floats(0, 5), st.floats(0.5, 60), st.sampled_from([0.5, 1.0, 2.5])),
        max_size=40,
    )
)
def test_whatever_the_pressure_it_moves_by_one_step_and_never_swings_quickly(
    pressures: list[tuple[float, float, float]],
) -> None:
    story = Story()
    for pressure, seconds, step_s in pressures:
        story.go(pressure, seconds, step_s)
    assert all(abs(step) == 1 for _, step in story.changes)
    for (first_s, first), (second_s, second) in zip(story.changes, story.changes[1:], strict=False):
        least_s = SPEC.raise_after_s if second > 0 else SPEC.lower_after_s
        assert second_s - first_s >= least_s - 1e-9, (first, second)
    assert story.go(LOW, 5 * SPEC.longest_lower_after_s) is LoadStage.NORMAL
