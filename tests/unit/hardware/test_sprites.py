"""Cut-outs laid over a picture."""

import numpy as np
import pytest

from spyoncino.errors import SourceError
from spyoncino.hardware.figures import WALK_POSES, cat_poses, visitor_poses
from spyoncino.hardware.sprites import Placement, Sprite, demo_picture


def disc(side: int = 100) -> Sprite:
    """A red disc on nothing."""
    rows, columns = np.mgrid[:side, :side] - side / 2
    picture = np.zeros((side, side, 4), np.uint8)
    picture[:, :, 2] = 200
    picture[:, :, 3] = np.where(rows**2 + columns**2 < (side / 2) ** 2, 255, 0)
    return Sprite(picture)


def grey() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((120, 160, 3), 90, np.uint8)


def test_a_sprite_covers_its_place_and_nothing_else() -> None:
    canvas = grey()
    assert disc().lay(canvas, Placement(80, 100, 40)) == (60, 60, 100, 100)
    assert tuple(canvas[80, 80]) == (0, 0, 200)
    assert tuple(canvas[61, 61]) == (90, 90, 90)
    outside = canvas.copy()
    outside[60:100, 60:100] = 90
    assert (outside == 90).all()


@pytest.mark.parametrize(
    ("place", "box"),
    [
        (Placement(0, 60, 40), (0, 20, 20, 60)),
        (Placement(160, 130, 40), (140, 90, 160, 120)),
        (Placement(80, 10, 40), (60, 0, 100, 10)),
    ],
)
def test_over_the_edge_only_the_inside_is_drawn(
    place: Placement, box: tuple[int, int, int, int]
) -> None:
    assert disc().lay(grey(), place) == box


def test_all_outside_nothing_is_drawn() -> None:
    canvas = grey()
    assert disc().lay(canvas, Placement(-50, 60, 40)) is None
    assert (canvas == 90).all()


@pytest.mark.parametrize("height", [2, 7, 33, 64, 100, 150])
def test_every_size_keeps_its_colour(height: int) -> None:
    canvas = np.full((200, 200, 3), 90, np.uint8)
    disc().lay(canvas, Placement(100, 180, height))
    red = canvas[180 - height : 180, 100 - height // 2 : 100 + height // 2, 2].astype(int)
    assert red.max() <= 201
    assert red.mean() > 150


def test_visitor_and_cat_have_all_their_poses() -> None:
    for poses in (visitor_poses(), cat_poses()):
        assert len(poses) == WALK_POSES
        assert len({pose.tobytes() for pose in poses}) == 3, "a stride passes the standing pose"
        for pose in poses:
            assert pose.shape[2] == 4
            assert 0.2 < (pose[:, :, 3] > 128).mean() < 0.9


def test_a_missing_picture_is_a_sentence() -> None:
    with pytest.raises(SourceError, match=r"dog\.png of the simulator is missing"):
        demo_picture("dog.png")
