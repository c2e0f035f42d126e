"""What a gallery says about itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.faces.calibration import self_test, suggest_known_from, useful_view
from spyoncino.faces.gallery import Gallery, Reference
from spyoncino.faces.limits import Limits
from spyoncino.geometry.faces import FaceQuality

LIMITS = Limits()
GOOD = FaceQuality(0.6, 60, 0.8, 0.8, 0.8, 1)


def around(axis: int, noise: float, seed: int) -> NDArray[np.float32]:
    """A picture of the person on this axis."""
    vector = np.eye(32)[axis] + noise * np.random.default_rng(seed).standard_normal(32)
    unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def gallery(*pictures: tuple[str, NDArray[np.float32]]) -> Gallery:
    return Gallery(
        "m",
        [Reference(f"f{n:03d}", who, "known", vector) for n, (who, vector) in enumerate(pictures)],
    )


def house(people: int = 4, pictures: int = 3) -> list[tuple[str, NDArray[np.float32]]]:
    return [
        (f"p{person}", around(person, 0.08, 10 * person + picture))
        for person in range(people)
        for picture in range(pictures)
    ]


def test_every_reference_is_compared_with_all_but_itself() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((600, 32)).astype(np.float32)
    pictures = [(f"p{number % 200:03d}", vector) for number, vector in enumerate(vectors)]
    people = gallery(*pictures)
    report = self_test(people, LIMITS)
    assert len(report.tests) == len(report.genuine) == len(report.impostor) == 600
    for test in report.tests[::97]:
        vector = people.vector(test.face_id)
        people.remove(test.face_id)
        own = people.similarities(test.person_id, vector)[0]
        assert test.own == pytest.approx(own, abs=1e-6)
        found = people.search(vector)[0]
        nearest_other = found.runner_up if found.person_id == test.person_id else found.similarity
        assert test.other == pytest.approx(nearest_other, abs=1e-6)
        people.add(Reference(test.face_id, test.person_id, "known", vector))


def test_a_tidy_house_has_nobody_at_risk_and_keeps_the_models_limit_or_more() -> None:
    report = self_test(gallery(*house()), LIMITS)
    assert report.at_risk == ()
    assert report.suspects == ()
    assert report.missed == 0.0
    assert report.suggested_known_from >= LIMITS.known_from
    assert report.closest[0].similarity == max(report.impostor)
    assert [pair.similarity for pair in report.closest] == sorted(
        (pair.similarity for pair in report.closest), reverse=True
    )


def test_people_who_look_alike_are_named_as_a_risk() -> None:
    twin = around(0, 0.02, 1) + around(1, 0.02, 2)
    report = self_test(gallery(*house(), ("twin", twin)), LIMITS)
    pairs = {pair.person_ids for pair in report.at_risk}
    assert {("p0", "twin"), ("p1", "twin")} <= pairs
    assert report.suggested_known_from > LIMITS.known_from


def test_a_picture_under_the_wrong_name_is_a_suspect() -> None:
    report = self_test(gallery(*house(), ("p0", around(3, 0.08, 99))), LIMITS)
    assert [test.face_id for test in report.suspects] == ["f012"]
    assert report.suspects[0].other_person_id == "p3"


def test_of_two_unlike_pictures_both_are_told() -> None:
    report = self_test(gallery(("ann", around(0, 0.05, 1)), ("ann", around(1, 0.05, 2))), LIMITS)
    assert len(report.suspects) == 2


def test_a_lonely_picture_has_nothing_to_be_compared_with() -> None:
    report = self_test(gallery(("ann", around(0, 0.05, 1))), LIMITS)
    assert (report.genuine, report.impostor, report.suspects) == ((), (), ())
    assert "without anybody with two pictures" in report.suggestion
    assert self_test(Gallery("m"), LIMITS).suggestion == "nobody is enrolled"


def test_the_limit_lies_half_way_where_there_is_a_way() -> None:
    limit, why, missed = suggest_known_from([0.8] * 30, [0.1, 0.6], 0.5)
    assert limit == pytest.approx(0.7)
    assert why == "half-way between the nearest two people (0.60) and own faces (0.80)"
    assert missed == 0.0


def test_the_limit_lies_just_above_others_where_they_overlap() -> None:
    limit, why, missed = suggest_known_from([0.5, 0.6, 0.9, 0.9], [0.62], 0.5)
    assert limit == pytest.approx(0.64)
    assert "overlap with own faces" in why
    assert missed == 0.5


score = st.floats(-0.2, 1.0)


@given(st.lists(score, max_size=30), st.lists(score, max_size=30), st.floats(0.3, 0.6))
@settings(max_examples=60)
def test_the_limit_is_never_below_the_models_own(
    genuine: list[float], impostor: list[float], floor: float
) -> None:
    limit, why, missed = suggest_known_from(genuine, impostor, floor)
    assert floor <= limit <= 1.0
    assert why
    assert 0.0 <= missed <= 1.0


@pytest.mark.parametrize(
    ("own", "rival", "is_useful", "word"),
    [
        (0.50, 0.1, True, "a new view"),
        (0.80, 0.1, False, "recognised already"),
        (0.20, 0.1, False, "too unlike the others"),
        (0.50, 0.48, False, "blur the two"),
        (0.50, 0.60, False, "blur the two"),
    ],
)
def test_only_a_picture_that_adds_something_is_suggested(
    own: float, rival: float, is_useful: bool, word: str
) -> None:
    axes = np.eye(3, dtype=np.float32)
    people = gallery(("ann", axes[0]), ("bob", axes[1]))
    rest = np.sqrt(1 - own**2 - rival**2)
    view = useful_view([own, rival, rest], GOOD, "ann", people, LIMITS)
    assert view.is_useful is is_useful
    assert word in view.reason


def test_the_first_picture_is_useful_and_a_poor_one_never() -> None:
    people = gallery(("ann", np.eye(3, dtype=np.float32)[0]))
    assert useful_view([0, 0, 1.0], GOOD, "bob", people, LIMITS).is_useful
    poor = FaceQuality(0.01, 60, 0.1, 0.1, 0.1, 1)
    small = FaceQuality(0.6, 20, 0.8, 0.8, 0.8, 1)
    assert not useful_view([0.5, 0.0, 0.5], poor, "ann", people, LIMITS).is_useful
    assert not useful_view([0.5, 0.0, 0.5], small, "ann", people, LIMITS).is_useful
