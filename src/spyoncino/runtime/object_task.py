"""The worker's task of kind ``objects``: pixels from the frame ring, detections out."""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spyoncino.detectors.base import BaseDetector
from spyoncino.detectors.factory import DetectorFactory
from spyoncino.detectors.object_config import refuse_unknown
from spyoncino.detectors.results import DetectionMetrics, RawDetection
from spyoncino.detectors.tiles import merge_tiles
from spyoncino.geometry.boxes import FULL_PICTURE, Box
from spyoncino.media.colour import i420_crop_to_bgr
from spyoncino.runtime.frame_ring import read_frame
from spyoncino.runtime.tasks import ObjectJob, ObjectResult


def build_object_task(settings: Mapping[str, Any]) -> "ObjectTask":
    """Build the detector once for this worker.

    Args:
        settings: ``detector``: a name that ``DetectorFactory`` knows, ``cpu`` when not given;
            ``config``: that detector's own configuration, see ``ObjectDetectorConfig``;
            ``choices`` and ``max_threads``: for the detector ``auto``, see ``DetectorFactory``.

    Raises:
        ConfigError: A setting is wrong.
        ModelError: The model cannot be used.
    """
    refuse_unknown(settings, ("detector", "config", "choices", "max_threads"), "objects.")
    choices = settings.get("choices")
    factory = DetectorFactory(
        None if choices is None else Path(choices), settings.get("max_threads", 1)
    )
    return ObjectTask(factory.create(settings.get("detector", "cpu"), settings.get("config", {})))


class ObjectTask:
    """Looks at one frame for each call."""

    def __init__(self, detector: BaseDetector) -> None:
        self.detector = detector

    def __call__(self, job: ObjectJob) -> ObjectResult:
        """Look at the parts of one frame that the job names.

        Raises:
            StaleFrameError: The frame's slot was written again.
            ModelError: The model failed.
        """
        tiles = (FULL_PICTURE, *job.regions) if job.whole else job.regions
        width, height = job.frame.width_px, job.frame.height_px
        cost = DetectionMetrics(self.detector.name, image_count=0)
        answers: list[tuple[Box, list[RawDetection]]] = []
        began = time.perf_counter()
        picture = read_frame(job.frame)
        for tile in tiles:
            pixels = _pixels(tile, width, height)
            image = i420_crop_to_bgr(picture, pixels)
            cost = replace(cost, prepare_ms=cost.prepare_ms + _ms_since(began))
            found, tile_cost = self.detector.detect(image)
            began = time.perf_counter()
            cost = cost.plus(tile_cost, 0)
            strong = [item for item in found if item.score >= job.score_floor]
            answers.append((_normalised(pixels, width, height), strong))
        detections = tuple(merge_tiles(answers))
        cost = replace(
            cost, detection_count=len(detections), decode_ms=cost.decode_ms + _ms_since(began)
        )
        return ObjectResult(detections, self.detector.name, tiles, cost)

    def health(self) -> dict[str, Any]:
        """See ``BaseDetector.health_check``."""
        return self.detector.health_check()

    def close(self) -> None:
        """Give the model back."""
        self.detector.close()


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


def _pixels(tile: Box, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """The tile in whole pixels, grown to the next ones; at least one pixel, inside the picture."""
    part = tile.clipped()
    left = min(math.floor(part.left * width_px), width_px - 1)
    top = min(math.floor(part.top * height_px), height_px - 1)
    right = max(left + 1, math.ceil(part.right * width_px))
    bottom = max(top + 1, math.ceil(part.bottom * height_px))
    return left, top, right, bottom


def _normalised(pixels: tuple[int, int, int, int], width_px: int, height_px: int) -> Box:
    left, top, right, bottom = pixels
    return Box(left / width_px, top / height_px, right / width_px, bottom / height_px)
