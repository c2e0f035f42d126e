"""Whether a picture is of a known view, and where that view went."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.detectors.picture_facts import SKETCH_SHAPE
from spyoncino.detectors.picture_views import (
    Match,
    Sketch,
    found_elsewhere,
    match,
    sketch_of,
)


def scene(seed: int, wider: int = 0) -> Sketch:
    """Cells with chance edges."""
    rng = np.random.default_rng(seed)
    rows, columns = SKETCH_SHAPE
    return rng.uniform(0, 200, (rows, columns + wider)).astype(np.float32)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    gain=st.floats(0.2, 1.2),
    offset=st.floats(0, 50),
    sway=st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
)
def test_light_and_sway_keep_a_view(
    seed: int, gain: float, offset: float, sway: tuple[int, int]
) -> None:
    view = scene(seed)
    now = (np.roll(view, sway, axis=(0, 1)) * gain + offset).astype(np.float32)
    assert match(view, now).alike >= 0.75


@settings(max_examples=8, deadline=None)
@given(seeds=st.tuples(st.integers(0, 10_000), st.integers(10_001, 20_000)))
def test_two_scenes_have_nothing_in_common(seeds: tuple[int, int]) -> None:
    view, now = scene(seeds[0]), scene(seeds[1])
    assert match(view, now).alike <= 0.15
    assert match(view, now).other >= 0.85
    assert found_elsewhere(view, now) is None


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), by=st.integers(7, 11).map(lambda half: 2 * half))
def test_a_view_that_moved_is_found_and_told_by_how_much(seed: int, by: int) -> None:
    columns = SKETCH_SHAPE[1]
    wide = scene(seed, wider=by)
    before, after = wide[:, by:], wide[:, :columns]  # the camera turned left: it moved right
    assert match(before, after).alike <= 0.2
    shift = found_elsewhere(before, after)
    assert shift is not None
    assert shift.across == pytest.approx(by / columns)
    assert shift.down == 0


def test_a_van_leaves_the_rest_of_a_view_and_a_cover_leaves_nothing() -> None:
    view = scene(3)
    van = view.copy()
    van[8:30, 14:] = 5
    assert match(view, van).alike >= 0.25
    assert match(view, van).lost < 0.8
    assert match(view, van).other == 0
    faded = match(view, view * 0.3)
    assert (faded.alike, faded.lost, faded.other) == (1, 1, 0)


def test_an_even_wall_cannot_be_compared() -> None:
    wall = np.full(SKETCH_SHAPE, 20, np.float32)
    assert match(wall, scene(1)) == Match(0, 0, 0)


def test_a_sketch_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        sketch_of(b"short")
