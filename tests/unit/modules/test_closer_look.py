import pytest
from tests.fixtures.payloads import STILL, frame, motion

from spyoncino.detectors.results import DetectionMetrics, RawDetection
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.modules.closer_look import closer_tiles, joined, only
from spyoncino.runtime.tasks import ObjectResult

SMALL = Box(0.1, 0.4, 0.14, 0.5)
TILE = Box(0.0, 0.1, 0.5, 0.9)
METRICS = DetectionMetrics("mock")


def result(*found: RawDetection) -> ObjectResult:
    return ObjectResult(found, "mock", (FULL_PICTURE,), METRICS)


def test_only_wanted_labels_are_kept_and_no_list_keeps_all() -> None:
    both = result(RawDetection("person", 0.9, SMALL), RawDetection("chair", 0.8, SMALL))
    assert [each.label for each in only(both, ("person",)).detections] == ["person"]
    assert only(both, ()) is both


def test_small_motion_that_was_not_found_is_looked_at_closer() -> None:
    (tile,) = closer_tiles(frame(motion=motion(SMALL)), result(), 1)
    assert tile.left <= SMALL.left
    assert tile.right >= SMALL.right


@pytest.mark.parametrize(("measured", "max_regions"), [(None, 1), (STILL, 1), (motion(SMALL), 0)])
def test_without_motion_or_when_switched_off_there_is_no_closer_look(
    measured: object, max_regions: int
) -> None:
    looked = frame().model_copy(update={"motion": measured})
    assert closer_tiles(looked, result(), max_regions) == ()


def test_motion_that_was_found_needs_no_closer_look() -> None:
    found = result(RawDetection("person", 0.9, SMALL))
    assert closer_tiles(frame(motion=motion(SMALL)), found, 1) == ()


def test_both_looks_are_joined_without_doubles() -> None:
    first = result(RawDetection("person", 0.5, SMALL))
    closer = result(
        RawDetection("person", 0.9, SMALL), RawDetection("cat", 0.7, Box(0.2, 0.5, 0.3, 0.6))
    )
    both = joined(first, [(TILE, closer)])
    assert [(each.label, each.score) for each in both.detections] == [("person", 0.9), ("cat", 0.7)]
    assert both.detections[0].box == pytest.approx(SMALL)
    assert both.looked_at == (FULL_PICTURE, TILE)


def test_what_a_square_cuts_gives_way_to_the_whole_thing() -> None:
    whole = RawDetection("person", 0.6, Box(0.4, 0.3, 0.6, 0.8))
    cut = RawDetection("person", 0.9, Box(0.4, 0.3, 0.5, 0.8))
    assert joined(result(whole), [(TILE, result(cut))]).detections == (whole,)


def test_without_a_closer_look_the_first_one_stays() -> None:
    first = result(RawDetection("person", 0.5, SMALL))
    assert joined(first, []) is first
