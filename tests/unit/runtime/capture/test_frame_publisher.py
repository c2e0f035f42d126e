"""Which frames are analysed, and how they reach the ring."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.detectors.motion_spec import MotionFacts
from spyoncino.media.decode import DecodedFrame
from spyoncino.media.pictures import picture_from_i420
from spyoncino.runtime.capture.frame_publisher import EvenPace, FramePublisher
from spyoncino.runtime.capture.messages import FrameReady
from spyoncino.runtime.frame_ring import FrameRing, RingStates, read_frame

SIZE = (64, 48)


class SeenLuma:
    """A motion detector that remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, tuple[int, ...], float]] = []

    def measure(self, luma: NDArray[np.uint8], pts_s: float) -> MotionFacts:
        self.seen.append((pts_s, luma.shape, float(luma.mean())))
        return MotionFacts(score=0.25)

    def glance(self, luma: NDArray[np.uint8]) -> bool:
        return bool(luma.any())


def frame(index: int, grey: int = 90) -> DecodedFrame:
    plane = np.full((96 * 3 // 2, 128), 128, np.uint8)
    plane[:96] = grey
    return DecodedFrame(picture_from_i420(plane), index / 10, index)


@pytest.mark.parametrize(
    ("source_fps", "wished_fps", "every"),
    [(25, 15, 2), (30, 15, 2), (29.97, 15, 2), (15, 15, 1), (12, 15, 1), (25, 5, 5), (10, 5, 2)],
)
def test_frames_are_chosen_evenly_and_never_faster_than_asked(
    source_fps: float, wished_fps: float, every: int
) -> None:
    pace = EvenPace(wished_fps)

    chosen = [n for n in range(100) if pace.chooses(n / source_fps)]

    assert chosen == list(range(0, 100, every))


def test_times_rounded_to_milliseconds_do_not_make_the_pace_limp() -> None:
    pace = EvenPace(15)

    chosen = [n for n in range(90) if pace.chooses(round(n / 30, 3))]

    assert chosen == list(range(0, 90, 2))


@given(st.lists(st.floats(0.001, 0.4), max_size=200), st.floats(1, 30))
def test_chosen_frames_are_at_least_an_interval_apart_whatever_the_source_does(
    steps: list[float], fps: float
) -> None:
    pace = EvenPace(fps)
    times = np.cumsum(steps)

    chosen = [float(t) for t in times if pace.chooses(float(t))]

    assert all(b - a >= 0.97 / fps for a, b in itertools.pairwise(chosen))


def test_a_jump_back_in_time_begins_anew() -> None:
    pace = EvenPace(1)
    assert pace.chooses(100.0)

    assert pace.chooses(3.0)
    assert not pace.chooses(3.5)


def test_a_published_frame_is_scaled_measured_and_announced(tmp_path: Path) -> None:
    told: list[FrameReady] = []
    motion = SeenLuma()
    ring = FrameRing.create(tmp_path, "door", 2, 64 * 48 * 3 // 2)
    publisher = FramePublisher(ring, SIZE, EvenPace(5), motion, told.append)

    assert publisher.chooses(frame(0))
    assert publisher.publish(frame(0), 111, utc_origin_s=1000.0)
    assert not publisher.chooses(frame(1))
    assert publisher.chooses(frame(2))
    assert publisher.publish(frame(2, grey=120), 222, utc_origin_s=1000.0)

    first, second = told
    assert (first.frame_index, first.sequence, first.pts_s) == (0, 0, 0.0)
    assert (second.frame_index, second.sequence, second.pts_s) == (2, 1, 0.2)
    assert second.utc_epoch_s == pytest.approx(1000.2)
    assert (first.monotonic_ns, second.monotonic_ns) == (111, 222)
    assert second.motion == MotionFacts(score=0.25)
    assert motion.seen == [(0.0, (48, 64), 90.0), (0.2, (48, 64), 120.0)]
    assert (read_frame(second.handle)[:48] == 120).all()
    assert (publisher.decoded, publisher.published, publisher.last_pts_s) == (3, 2, 0.2)


def test_without_a_free_slot_nothing_is_announced_until_main_frees_one(tmp_path: Path) -> None:
    told: list[FrameReady] = []
    ring = FrameRing.create(tmp_path, "door", 2, 64 * 48 * 3 // 2)
    publisher = FramePublisher(ring, SIZE, EvenPace(10), None, told.append)
    for index in range(2):
        assert publisher.publish(frame(index), 0, 0.0)

    assert not publisher.publish(frame(2), 0, 0.0)
    publisher.skip()
    assert publisher.skipped == 1
    RingStates(ring.path).free(0)
    assert publisher.publish(frame(3), 0, 0.0)

    assert [message.frame_index for message in told] == [0, 1, 3]
    assert [message.sequence for message in told] == [0, 1, 2]
    assert told[-1].motion is None
