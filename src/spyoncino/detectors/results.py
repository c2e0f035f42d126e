"""What detectors give back: plain values that cross process borders and know no bus."""

from dataclasses import dataclass
from typing import Any

from numpy import uint8
from numpy.typing import NDArray

from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import Landmarks


@dataclass(frozen=True, slots=True)
class RawDetection:
    """One labelled box in one picture.

    Args:
        label: Class name, for example ``person``.
        score: The model's own confidence, 0..1.
        box: Normalised to the picture that was looked at.
    """

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class FaceDetectionResult:
    """One face in one picture.

    Args:
        confidence: The model's own confidence, 0..1.
        box: Normalised to the picture that was looked at.
        landmarks: Five points, see ``geometry.faces``; empty where the detector finds none.
        face_image: The face cut out, ``(h, w, 3)`` BGR, where it was asked for.
    """

    confidence: float
    box: Box
    landmarks: Landmarks = ()
    face_image: NDArray[uint8] | None = None


@dataclass(frozen=True, slots=True)
class DetectionMetrics:
    """What one call cost.

    Args:
        detector: Type and model, for example ``cpu:nanodet_416``.
        image_count: Pictures or tiles that went through the model.
        detection_count: Detections given back.
        prepare_ms: Scaling, padding, normalising.
        inference_ms: The model alone.
        decode_ms: Outputs to boxes, suppression of doubles.
    """

    detector: str
    image_count: int = 1
    detection_count: int = 0
    prepare_ms: float = 0.0
    inference_ms: float = 0.0
    decode_ms: float = 0.0

    @property
    def processing_time_ms(self) -> float:
        """Everything together."""
        return self.prepare_ms + self.inference_ms + self.decode_ms

    def plus(self, other: "DetectionMetrics", detection_count: int) -> "DetectionMetrics":
        """Both calls as one that gave back ``detection_count`` detections."""
        return DetectionMetrics(
            detector=self.detector,
            image_count=self.image_count + other.image_count,
            detection_count=detection_count,
            prepare_ms=self.prepare_ms + other.prepare_ms,
            inference_ms=self.inference_ms + other.inference_ms,
            decode_ms=self.decode_ms + other.decode_ms,
        )

    def as_dict(self) -> dict[str, Any]:
        """For logs and metadata."""
        return {
            "detector": self.detector,
            "image_count": self.image_count,
            "detection_count": self.detection_count,
            "prepare_ms": self.prepare_ms,
            "inference_ms": self.inference_ms,
            "decode_ms": self.decode_ms,
            "processing_time_ms": self.processing_time_ms,
        }
