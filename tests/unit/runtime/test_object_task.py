import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spyoncino.detectors.base import BaseDetector, Image
from spyoncino.detectors.results import DetectionMetrics, RawDetection
from spyoncino.errors import ConfigError, StaleFrameError
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.runtime.frame_ring import FrameHandle, FrameRing, RingStates
from spyoncino.runtime.object_task import ObjectTask, build_object_task
from spyoncino.runtime.tasks import ObjectJob

WIDTH, HEIGHT = 64, 48
LEFT_HALF = Box(0.0, 0.0, 0.5, 1.0)
RIGHT_HALF = Box(0.5, 0.0, 1.0, 1.0)


class BrightSpots(BaseDetector):
    """Finds the bright pixels of a picture as one box, and keeps what it was shown."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        del config
        self.shown: list[Image] = []
        self.is_closed = False

    @classmethod
    def is_available(cls) -> bool:
        return True

    @property
    def name(self) -> str:
        return "bright"

    def detect(self, image: Image) -> tuple[list[RawDetection], DetectionMetrics]:
        self.shown.append(image)
        rows, columns = np.nonzero(image.min(axis=2) > 150)
        metrics = DetectionMetrics(self.name, 1, int(rows.size > 0), 0.5, 2.0, 0.25)
        if not rows.size:
            return [], metrics
        height, width = image.shape[:2]
        box = Box(
            columns.min() / width,
            rows.min() / height,
            (columns.max() + 1) / width,
            (rows.max() + 1) / height,
        )
        return [RawDetection("spot", 0.6, box)], metrics

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[FrameRing]:
    ring = FrameRing.create(tmp_path, "door", 2, WIDTH * HEIGHT * 3 // 2)
    yield ring
    ring.close()


def put(ring: FrameRing, bgr: NDArray[np.uint8]) -> FrameHandle:
    slot = ring.claim()
    assert slot is not None
    height, width = bgr.shape[:2]
    ring.picture(slot, width, height)[:] = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    return ring.publish(slot, width, height)


def spot(left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[top:bottom, left:right] = 255
    return picture


def test_whole_picture_is_looked_at(ring: FrameRing) -> None:
    handle = put(ring, spot(8, 12, 24, 36))
    result = ObjectTask(BrightSpots({}))(ObjectJob(handle))
    assert [item.label for item in result.detections] == ["spot"]
    assert result.detections[0].box == pytest.approx((0.125, 0.25, 0.375, 0.75), abs=0.02)
    assert result.looked_at == (FULL_PICTURE,)
    assert result.detector == "bright"


def test_detection_of_a_region_is_placed_in_the_picture(ring: FrameRing) -> None:
    handle = put(ring, spot(40, 12, 56, 36))
    result = ObjectTask(BrightSpots({}))(
        ObjectJob(handle, regions=(LEFT_HALF, RIGHT_HALF), whole=False)
    )
    assert [item.box for item in result.detections] == [
        pytest.approx((0.625, 0.25, 0.875, 0.75), abs=0.02)
    ]
    assert result.looked_at == (LEFT_HALF, RIGHT_HALF)


def test_whole_and_regions_report_a_thing_once(ring: FrameRing) -> None:
    handle = put(ring, spot(40, 12, 56, 36))
    result = ObjectTask(BrightSpots({}))(ObjectJob(handle, regions=(RIGHT_HALF,)))
    assert len(result.detections) == 1
    assert result.looked_at == (FULL_PICTURE, RIGHT_HALF)
    assert result.metrics.image_count == 2
    assert result.metrics.detection_count == 1
    assert result.metrics.inference_ms == 4.0
    assert result.metrics.prepare_ms > 1.0


def test_region_is_cut_out_in_whole_pixels_inside_the_picture(ring: FrameRing) -> None:
    detector = BrightSpots({})
    handle = put(ring, spot(0, 0, 2, 2))
    regions = (Box(0.51, 0.5, 0.9, 1.2), Box(0.999, 0.999, 1.0, 1.0), Box(-0.5, 0, 0.001, 0.5))
    ObjectTask(detector)(ObjectJob(handle, regions, whole=False))
    assert [image.shape[:2] for image in detector.shown] == [(24, 26), (1, 1), (24, 1)]


def test_weak_detections_stay_below_the_jobs_floor(ring: FrameRing) -> None:
    handle = put(ring, spot(8, 12, 24, 36))
    assert ObjectTask(BrightSpots({}))(ObjectJob(handle, score_floor=0.7)).detections == ()


def test_overwritten_frame_is_stale(ring: FrameRing) -> None:
    handle = put(ring, spot(8, 12, 24, 36))
    states = RingStates(handle.ring)
    states.free(handle.slot)
    put(ring, spot(0, 0, 2, 2))
    states.free(1 - handle.slot)
    put(ring, spot(0, 0, 2, 2))
    states.close()
    with pytest.raises(StaleFrameError):
        ObjectTask(BrightSpots({}))(ObjectJob(handle))


def test_job_and_result_travel_between_processes(ring: FrameRing) -> None:
    job = ObjectJob(put(ring, spot(8, 12, 24, 36)), (LEFT_HALF,))
    result = ObjectTask(BrightSpots({}))(pickle.loads(pickle.dumps(job)))  # noqa: S301 - our own
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - our own


def test_task_is_built_with_the_detector_of_the_settings(ring: FrameRing) -> None:
    script = [[["person", 0.9, [0.25, 0.25, 0.5, 0.5]]]]
    task = build_object_task({"detector": "mock", "config": {"script": script}})
    result = task(ObjectJob(put(ring, spot(0, 0, 2, 2))))
    assert result.detections[0].label == "person"
    assert task.health()["healthy"] is True


def test_default_task_runs_the_bundled_model(ring: FrameRing) -> None:
    task = build_object_task({})
    assert task.detector.name == "cpu:nanodet_416"
    assert task(ObjectJob(put(ring, spot(8, 12, 24, 36)))).metrics.inference_ms > 0


def test_wrong_settings_are_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"objects\.detecter .* did you mean 'detector'"):
        build_object_task({"detecter": "mock"})


def test_closing_the_task_closes_the_detector() -> None:
    detector = BrightSpots({})
    ObjectTask(detector).close()
    assert detector.is_closed
