"""The simulated camera."""

import numpy as np
import pytest

from spyoncino.errors import SourceEndedError, SourceError
from spyoncino.hardware.camera_sim import SimCamera, SimOptions
from spyoncino.hardware.counter import read_counter
from spyoncino.hardware.pacing import Pacer
from spyoncino.hardware.source_types import Option, PressCue, RawPicture, SourceItem, SourceSpec

SMALL: dict[str, Option] = {"width": 128, "height": 72, "fps": 5, "duration_s": 12}


def opened(**options: Option) -> SimCamera:
    camera = SimCamera(SourceSpec("sim", realtime=False, options={**SMALL, **options}))
    camera.open()
    return camera


def everything(camera: SimCamera) -> list[SourceItem]:
    items: list[SourceItem] = []
    while True:
        try:
            item = camera.read()
        except SourceEndedError:
            return items
        assert item is not None
        items.append(item)


def test_it_says_what_it_delivers() -> None:
    facts = SimCamera(SourceSpec("sim")).open()
    assert (facts.video, facts.audio) == (None, None)
    assert (facts.width_px, facts.height_px, facts.fps) == (1280, 720, 15)


def test_pictures_come_at_their_rate_until_the_duration_is_over() -> None:
    items = everything(opened(press_at_s=-1))
    pictures = [item for item in items if isinstance(item, RawPicture)]
    assert len(items) == len(pictures) == 60
    assert [picture.pts_s for picture in pictures[:3]] == [0.0, 0.2, 0.4]
    assert pictures[0].i420.shape == (108, 128)


def test_the_press_follows_the_picture_that_reaches_its_time() -> None:
    items = everything(opened(doorbell="front"))
    at = next(index for index, item in enumerate(items) if isinstance(item, PressCue))
    assert items[at] == PressCue("front", 10.5)
    before = items[at - 1]
    assert isinstance(before, RawPicture)
    assert before.pts_s == pytest.approx(10.6)


def test_every_round_has_its_press() -> None:
    items = everything(opened(period_s=4, press_at_s=1.5, visitor_at_s=0))
    assert [item.pts_s for item in items if isinstance(item, PressCue)] == [1.5, 5.5, 9.5]


def test_two_runs_see_the_same_and_another_seed_does_not() -> None:
    def pictures(seed: int) -> list[bytes]:
        items = everything(opened(seed=seed, duration_s=6))
        return [item.i420.tobytes() for item in items if isinstance(item, RawPicture)]

    first = pictures(1)
    assert pictures(1) == first
    assert pictures(2) != first


def test_opening_again_begins_again() -> None:
    camera = opened()
    first = camera.read()
    camera.open()
    again = camera.read()
    assert isinstance(first, RawPicture)
    assert isinstance(again, RawPicture)
    np.testing.assert_array_equal(first.i420, again.i420)


def test_a_closed_simulator_cannot_be_read() -> None:
    camera = opened()
    camera.close()
    camera.close()
    with pytest.raises(SourceError, match="not open"):
        camera.read()


def test_nothing_is_given_before_it_is_due() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pacer = Pacer(is_realtime=True, now_s=lambda: now[0], sleep=sleep)
    camera = SimCamera(SourceSpec("sim", options=SMALL), pacer)
    camera.open()
    assert isinstance(camera.read(timeout_s=0.0), RawPicture)
    assert camera.read(timeout_s=0.05) is None
    assert isinstance(camera.read(), RawPicture)
    assert now[0] == pytest.approx(0.2)


@pytest.mark.parametrize(("counter", "first_ms"), [("pts", 0), ("wall", 1_700_000_000_250)])
def test_the_counter_shows_the_time_that_was_asked_for(counter: str, first_ms: int) -> None:
    options: dict[str, Option] = {"width": 320, "height": 180, "fps": 5, "counter": counter}
    now_s = iter([1_700_000_000.25, 1_700_000_000.45])
    camera = SimCamera(
        SourceSpec("sim", realtime=False, options=options), wall_s=lambda: next(now_s)
    )
    camera.open()
    pictures = [camera.read(), camera.read()]
    read = [read_counter(item.i420[:180]) for item in pictures if isinstance(item, RawPicture)]
    assert read == [first_ms % 2**32, (first_ms + 200) % 2**32]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"colour": 3}, "no option colour; it has cat_at_s"),
        ({"fps": "fast"}, "option fps must be a float"),
        ({"doorbell": 7}, "option doorbell must be a str"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"width": True}, "width must be a int"),
        ({"fps": 0}, "above 0 up to 60"),
        ({"fps": 61}, "above 0 up to 60"),
        ({"period_s": 0}, "period_s must be above 0"),
        ({"counter": "frames"}, "counter is pts, wall or empty"),
        (
            {"counter": "pts", "width": 128, "height": 72},
            "needs pictures from 160x96 on, not 128x72",
        ),
    ],
)
def test_wrong_options_are_a_sentence(options: dict[str, Option], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        SimCamera(SourceSpec("sim", options=options))


def test_numbers_are_taken_as_the_type_that_is_needed() -> None:
    options = SimOptions.of({"fps": 5, "width": 640.0})
    assert (options.fps, options.width) == (5.0, 640)


@pytest.mark.parametrize(("width", "height"), [(127, 72), (128, 71), (32, 32)])
def test_sizes_that_cannot_be_drawn_are_a_sentence(width: int, height: int) -> None:
    camera = SimCamera(SourceSpec("sim", options={"width": width, "height": height}))
    with pytest.raises(SourceError, match=f"{width}x{height}"):
        camera.open()
