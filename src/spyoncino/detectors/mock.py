"""A detector that says what it was told to: for tests and for examples without a model."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.object_config import refuse_unknown
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult, RawDetection
from spyoncino.errors import ConfigError, ModelError
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import Landmarks

_Item = tuple[RawDetection, Landmarks]


class MockDetector(FaceDetector):
    """Answers from a script, one entry for each picture, again from the start after the last.

    Args:
        config: ``script``: a list of answers, each a list of ``[label, score, [left, top, right,
            bottom]]``, empty by default; a face may have its five landmarks ``[[x, y], ...]`` as a
            fourth part, see ``geometry.faces``; ``delay_ms``: time that each answer takes;
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
        answer, metrics = self._answer(image)
        return [found for found, _ in answer], metrics

    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        """The next answer's boxes labelled ``face``, with their landmarks."""
        answer, metrics = self._answer(image)
        faces = [
            FaceDetectionResult(found.score, found.box, landmarks)
            for found, landmarks in answer
            if found.label == "face"
        ]
        return faces, metrics

    def _answer(self, image: Image) -> tuple[list[_Item], DetectionMetrics]:
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


def _script(raw: Sequence[Any]) -> tuple[tuple[_Item, ...], ...]:
    try:
        return tuple(tuple(_item(*item) for item in answer) for answer in raw)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "script must be a list of lists of [label, score, [left, top, right, bottom]], a face "
            f"perhaps with five [x, y] after that: {error}."
        ) from error


def _item(
    label: Any, score: Any, box: Sequence[Any], points: Sequence[Sequence[Any]] = ()
) -> _Item:
    landmarks = tuple((float(x), float(y)) for x, y in points)
    if len(landmarks) not in (0, 5):
        raise ValueError(f"{len(landmarks)} landmarks instead of five")
    return RawDetection(str(label), float(score), Box(*(float(edge) for edge in box))), landmarks


def _number(config: Mapping[str, Any], key: str) -> float:
    value = config.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ConfigError(f"{key} is {value!r}, but must be a number of at least 0.")
    return float(value)
