"""A detector that says what it was told to: for tests and for examples without a model."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.object_config import refuse_unknown
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult, RawDetection
from spyoncino.errors import ConfigError, ModelError
from spyoncino.geometry.boxes import Box


class MockDetector(FaceDetector):
    """Answers from a script, one entry for each picture, again from the start after the last.

    Args:
        config: ``script``: a list of answers, each a list of ``[label, score, [left, top, right,
            bottom]]``, empty by default; ``delay_ms``: time that each answer takes;
            ``fail_every``: every so many calls raise ``ModelError``, 0 never.

    Raises:
        ConfigError: A key is unknown or has a wrong value.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        refuse_unknown(config, ("script", "delay_ms", "fail_every"), "")
        self._script = _script(config.get("script", ()))
        self._delay_s = _number(config, "delay_ms") / 1000
        self._fail_every = int(_number(config, "fail_every"))
        self.calls = 0

    @classmethod
    def is_available(cls) -> bool:
        """Always."""
        return True

    @property
    def name(self) -> str:
        """``mock``."""
        return "mock"

    def detect(self, image: Image) -> tuple[list[RawDetection], DetectionMetrics]:
        """The next answer of the script, whatever is in the picture."""
        del image
        began = time.perf_counter()
        self.calls += 1
        if self._fail_every and self.calls % self._fail_every == 0:
            raise ModelError(f"The mock detector fails at call {self.calls}, as it was told to.")
        if self._delay_s:
            time.sleep(self._delay_s)
        answer = list(self._script[(self.calls - 1) % len(self._script)]) if self._script else []
        spent_ms = 1000 * (time.perf_counter() - began)
        return answer, DetectionMetrics("mock", 1, len(answer), inference_ms=spent_ms)

    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        """The next answer's boxes labelled ``face``."""
        detections, metrics = self.detect(image)
        faces = [
            FaceDetectionResult(found.score, found.box)
            for found in detections
            if found.label == "face"
        ]
        return faces, metrics


def _script(raw: Sequence[Any]) -> tuple[tuple[RawDetection, ...], ...]:
    try:
        return tuple(
            tuple(
                RawDetection(str(label), float(score), Box(*(float(edge) for edge in box)))
                for label, score, box in answer
            )
            for answer in raw
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "script must be a list of lists of [label, score, [left, top, right, bottom]]: "
            f"{error}."
        ) from error


def _number(config: Mapping[str, Any], key: str) -> float:
    value = config.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ConfigError(f"{key} is {value!r}, but must be a number of at least 0.")
    return float(value)
