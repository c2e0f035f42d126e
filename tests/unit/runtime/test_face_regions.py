import pytest

from spyoncino.detectors.results import FaceDetectionResult
from spyoncino.geometry.boxes import Box
from spyoncino.runtime.face_regions import assign, head_part, without_doubles


def test_upright_person_is_looked_into_above_only() -> None:
    part = head_part(Box(0.4, 0.2, 0.6, 1.0), 1000, 1000)
    assert part.bottom == pytest.approx(0.2 + 0.6 * 0.8)
    assert part.left < 0.4
    assert part.right > 0.6
    assert part.top < 0.2


def test_close_up_is_looked_into_as_a_whole() -> None:
    assert head_part(Box(0.2, 0.3, 0.8, 1.0), 1000, 1000).bottom == 1.0


def test_upright_is_judged_in_pixels() -> None:
    box = Box(0.4, 0.2, 0.6, 0.6)
    assert head_part(box, 1000, 1000).bottom < 0.6
    assert head_part(box, 2000, 1000).bottom == 0.6


def test_part_to_look_into_stays_inside_the_picture() -> None:
    assert head_part(Box(0.0, 0.0, 1.0, 1.0), 640, 480) == Box(0.0, 0.0, 1.0, 1.0)


def test_face_found_twice_is_kept_once_by_confidence() -> None:
    sure = FaceDetectionResult(0.9, Box(0.1, 0.1, 0.2, 0.2))
    again = FaceDetectionResult(0.7, Box(0.11, 0.1, 0.21, 0.2))
    other = FaceDetectionResult(0.6, Box(0.5, 0.1, 0.6, 0.2))
    assert without_doubles([again, other, sure]) == [sure, other]


def test_face_belongs_to_the_person_at_whose_head_it_is() -> None:
    front = Box(0.3, 0.1, 0.6, 1.0)
    behind = Box(0.5, 0.3, 0.8, 1.0)
    faces = [Box(0.40, 0.15, 0.50, 0.30), Box(0.60, 0.34, 0.68, 0.46)]
    assert assign(faces, [front, behind]) == [0, 1]
    assert assign(faces, [behind, front]) == [1, 0]


def test_face_inside_two_persons_goes_to_the_one_whose_head_it_is() -> None:
    tall, small = Box(0.3, 0.0, 0.7, 1.0), Box(0.4, 0.5, 0.6, 1.0)
    assert assign([Box(0.46, 0.52, 0.54, 0.62)], [tall, small]) == [1]


def test_second_face_in_one_person_is_nobodys() -> None:
    person = Box(0.3, 0.1, 0.6, 1.0)
    head, shirt = Box(0.40, 0.14, 0.50, 0.28), Box(0.42, 0.5, 0.48, 0.58)
    assert assign([shirt, head], [person]) == [None, 0]


def test_face_outside_of_all_persons_is_nobodys() -> None:
    assert assign([Box(0.0, 0.0, 0.1, 0.1)], [Box(0.5, 0.1, 0.9, 1.0)]) == [None]
    assert assign([Box(0.1, 0.1, 0.1, 0.1)], [Box(0.0, 0.0, 1.0, 1.0)]) == [None]
    assert assign([], [Box(0.5, 0.1, 0.9, 1.0)]) == []


def test_face_that_sticks_out_of_its_box_above_still_belongs_to_it() -> None:
    assert assign([Box(0.40, 0.08, 0.50, 0.20)], [Box(0.3, 0.12, 0.6, 1.0)]) == [0]
