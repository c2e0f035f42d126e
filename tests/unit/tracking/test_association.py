import itertools

import numpy as np
import pytest

from spyoncino.tracking.association import (
    FORBIDDEN,
    NO_PAIRS,
    assign,
    assign_within,
    inflated,
    overlap_cost,
)


def test_the_cheapest_pairing_in_all_wins_over_the_cheapest_single_pair() -> None:
    pairs = assign(np.array([[0.1, 0.2], [0.15, 0.8]]), 0.9)
    assert pairs.rows.tolist() == [0, 1]
    assert pairs.columns.tolist() == [1, 0]


def test_pairs_above_the_limit_are_not_made() -> None:
    pairs = assign(np.array([[0.3, 0.95], [0.95, 0.95]]), 0.9)
    assert pairs.rows.tolist() == [0]
    assert pairs.columns.tolist() == [0]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_pairs_with_nothing(shape: tuple[int, int]) -> None:
    assert assign(np.empty(shape), 0.9) is NO_PAIRS


def test_a_matrix_of_forbidden_pairs_gives_none() -> None:
    assert assign(np.full((2, 2), FORBIDDEN), 0.9) is NO_PAIRS


def test_the_assignment_is_the_best_of_all_permutations() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        cost = rng.uniform(0, 0.8, (4, 4))
        pairs = assign(cost, 0.9)
        best = min(
            sum(cost[row, column] for row, column in enumerate(order))
            for order in itertools.permutations(range(4))
        )
        assert cost[pairs.rows, pairs.columns].sum() == pytest.approx(best)


def test_rows_and_columns_left_out_keep_their_numbers() -> None:
    cost = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 0.0]])
    may_row = np.array([False, True, False])
    may_column = np.array([False, True, True])
    pairs = assign_within(cost, 0.9, may_row, may_column)
    assert pairs.rows.tolist() == [1]
    assert pairs.columns.tolist() == [2]


def test_inflating_grows_each_side_by_its_share() -> None:
    grown = inflated(np.array([[0.2, 0.4, 0.4, 0.8]]), 0.5)
    assert grown == pytest.approx(np.array([[0.1, 0.2, 0.5, 1.0]]))


def test_of_two_boxes_that_fit_alike_the_surer_one_costs_less() -> None:
    track = np.array([[0.1, 0.1, 0.2, 0.3]])
    twice = np.repeat(track, 2, axis=0)
    cost = overlap_cost(track, twice, np.array([0.9, 0.4]), np.ones((1, 2), bool))
    assert cost[0, 0] == pytest.approx(0.05)
    assert cost[0, 1] == pytest.approx(0.3)


def test_labels_that_do_not_go_together_are_forbidden() -> None:
    track = np.array([[0.1, 0.1, 0.2, 0.3]])
    cost = overlap_cost(track, track, np.array([0.9]), np.zeros((1, 1), bool))
    assert cost[0, 0] == FORBIDDEN


def test_boxes_apart_meet_when_inflated() -> None:
    track, found = np.array([[0.1, 0.1, 0.2, 0.3]]), np.array([[0.25, 0.1, 0.35, 0.3]])
    allowed = np.ones((1, 1), bool)
    assert overlap_cost(track, found, np.ones(1), allowed)[0, 0] == 1.0
    assert overlap_cost(track, found, np.ones(1), allowed, 0.5)[0, 0] < 0.9
