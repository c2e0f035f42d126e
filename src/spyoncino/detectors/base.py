"""What every detector is: pictures in, results and their cost out.

A detector knows no camera, no bus and no process; it is built once and used for many pictures.
"""

import resource
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult, RawDetection

Image = NDArray[np.uint8]
"""A picture as ``(height, width, 3)`` BGR, the order OpenCV uses."""


Task = Literal["objects", "faces"]
"""What a detector looks for."""


class DetectorUnavailableWarning(UserWarning):
    """A known detector cannot run on this machine; another one took its place."""


class BaseDetector(ABC):
    """Finds things in pictures.

    The constructor takes one mapping, the detector's own configuration; it raises ``ConfigError``
    for a wrong one (naming the key) and ``ModelError`` for a model that cannot be used.
    """

    never_run_on: ClassVar[str] = ""
    """Hardware that it is written for and was never tried on; empty when there is none."""

    @classmethod
    @abstractmethod
    def is_available(cls) -> bool:
        """Whether the hardware and the libraries that it needs are on this machine."""

    @classmethod
    def fallback_config(cls, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of its configuration ``cpu`` gets, which takes its place where it cannot run."""
        return config

    @property
    @abstractmethod
    def name(self) -> str:
        """Type and model, for example ``cpu:nanodet_416``."""

    @abstractmethod
    def __init__(self, config: Mapping[str, Any]) -> None:
        """Build the detector and everything that it needs; this may take a second."""

    @abstractmethod
    def detect(self, image: Image) -> tuple[list[RawDetection], DetectionMetrics]:
        """Look at one picture.

        Args:
            image: ``(height, width, 3)`` uint8 BGR, any size from 1x1.

        Returns:
            Detections, best score first, boxes normalised to the picture; and what it cost.

        Raises:
            ModelError: The model failed on this picture.
        """

    def detect_batch(
        self, images: Sequence[Image]
    ) -> list[tuple[list[RawDetection], DetectionMetrics]]:
        """Look at several pictures; one answer for each, in their order."""
        return [self.detect(image) for image in images]

    def health_check(self) -> dict[str, Any]:
        """Look at one grey picture; says whether that worked and how long it took.

        Returns:
            ``healthy``, ``detector`` and ``processing_time_ms``.

        Raises:
            ModelError: The model failed.
        """
        _, metrics = self.detect(np.full((64, 64, 3), 114, dtype=np.uint8))
        return {
            "healthy": True,
            "detector": self.name,
            "processing_time_ms": metrics.processing_time_ms,
        }

    def benchmark(self, test_images: Sequence[Image]) -> dict[str, Any]:
        """Look at every picture once and sum up; one look before that, to warm up, does not count.

        Args:
            test_images: At least one picture.

        Returns:
            ``detector``, ``image_count``, ``detection_count``, ``median_ms``, ``p95_ms``,
            ``p99_ms``, ``worst_ms``, ``images_per_second``, and ``peak_memory_bytes``: the most
            that this process, with all that is in it, has had in memory so far.

        Raises:
            ValueError: There is no picture.
            ModelError: The model failed.
        """
        if not test_images:
            raise ValueError("A benchmark needs at least one picture.")
        self.detect(test_images[0])
        spent_ms: list[float] = []
        found = 0
        for image in test_images:
            began_ns = time.perf_counter_ns()
            detections, _ = self.detect(image)
            spent_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
            found += len(detections)
        median_ms, p95_ms, p99_ms = (float(part) for part in np.percentile(spent_ms, (50, 95, 99)))
        return {
            "detector": self.name,
            "image_count": len(test_images),
            "detection_count": found,
            "median_ms": median_ms,
            "p95_ms": p95_ms,
            "p99_ms": p99_ms,
            "worst_ms": max(spent_ms),
            "images_per_second": 1000.0 * len(test_images) / max(sum(spent_ms), 1e-6),
            "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }

    def close(self) -> None:
        """Give back what it holds; the detector is not used afterwards."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class FaceDetector(BaseDetector):
    """A detector that finds faces; as an object detector it answers with boxes labelled face."""

    @abstractmethod
    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        """Find the faces of one picture.

        Args:
            image: ``(height, width, 3)`` uint8 BGR, any size from 1x1.

        Returns:
            Faces, best confidence first; and what it cost.

        Raises:
            ModelError: The model failed on this picture.
        """

    def detect(self, image: Image) -> tuple[list[RawDetection], DetectionMetrics]:
        """The faces as boxes labelled ``face``."""
        faces, metrics = self.detect_faces(image)
        return [RawDetection("face", face.confidence, face.box) for face in faces], metrics
