"""The picture of scores: right figures, well-formed, with or without anything to draw."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.faces.plot import area_under, roc, score_plot


def test_the_curve_counts_what_a_limit_lets_through() -> None:
    assert roc([0.9, 0.5], [0.5, 0.1]) == [(0.9, 0.0, 0.5), (0.5, 0.5, 1.0), (0.1, 1.0, 1.0)]


def test_the_area_is_the_chance_that_one_person_scores_higher() -> None:
    assert area_under([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert area_under([0.5], [0.5]) == 0.5
    assert area_under([0.1], [0.9]) == 0.0


scores = st.lists(st.floats(-1, 1), max_size=20)


@given(scores, scores)
def test_the_picture_is_well_formed_whatever_the_scores(
    genuine: list[float], impostor: list[float]
) -> None:
    text = score_plot("People < & >", "of a house", genuine, impostor, {"known from": 0.5})
    ET.fromstring(text)  # noqa: S314  # our own text
    assert ("ROC" in text) == bool(genuine and impostor)


def test_limits_are_told_with_what_they_accept() -> None:
    text = score_plot("t", "s", [0.9, 0.4], [0.6, 0.1, 0.0, 0.2], {"known from": 0.5})
    assert "known from: 50 % of own, 25 % of others" in text
    assert "2 pairs of one person" in text
    assert text == score_plot("t", "s", [0.9, 0.4], [0.6, 0.1, 0.0, 0.2], {"known from": 0.5})
    assert pytest.approx(area_under([0.9, 0.4], [0.6, 0.1, 0.0, 0.2])) == 0.875
