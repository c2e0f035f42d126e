"""Faces with dlib, as the specification names them: ``hog`` and ``cnn``; face detector ``dlib``.

An extra: the library alone finds upright faces from about 80 pixels (40 after one enlargement).
The network of ``cnn`` and the landmarks need files that do not come with it; they are taken from
the package ``face_recognition_models`` where that is installed, or from paths that the user gives.
"""

import importlib.util
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import cv2
import numpy as np

from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.face_config import FaceDetectorConfig, whole_number
from spyoncino.detectors.letterbox import Placement, letterbox
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult, RawDetection
from spyoncino.errors import ConfigError, ModelError
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import Landmarks

MODELS: Final = ("hog", "cnn")
DLIB_KEYS: Final = (
    "number_of_times_to_upsample",
    "batch_size",
    "detector_path",
    "landmarks_path",
)
MAX_UPSAMPLE: Final = 3
MAX_BATCH: Final = 64
MODEL_PACKAGE: Final = "face_recognition_models"
CNN_FILE: Final = "mmod_human_face_detector.dat"
LANDMARKS_FILE: Final = "shape_predictor_68_face_landmarks.dat"
MARK_COUNT: Final = 68

MARKS: Final = (range(36, 42), range(42, 48), (30,), (48,), (54,))
"""Which of the 68 marks make our five landmarks (their mean): the six around each eye, the tip of
the nose, the outer corners of the mouth. The predictor with five marks has no mouth."""


@dataclass(frozen=True, slots=True)
class DlibConfig:
    """What the detector is built from.

    Args:
        model: ``hog`` or ``cnn``.
        upsample: How many times the picture is doubled before looking: smaller faces, four times
            the work each time.
        batch_size: Pictures that ``cnn`` looks at together, in ``detect_faces_batch``.
        detector_path: File of the network of ``cnn``.
        landmarks_path: File of the predictor of 68 marks; without one faces have no landmarks.
        score_floor: Weaker faces are never reported; see ``confidence_of``.
        max_input_px: Larger pictures are shrunk until their longer side is this long.
    """

    model: str
    upsample: int
    batch_size: int
    detector_path: Path | None
    landmarks_path: Path | None
    score_floor: float
    max_input_px: int

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """Read and check.

        Raises:
            ConfigError: A key is unknown or has a wrong value.
        """
        shared = FaceDetectorConfig.from_mapping(raw, more_keys=DLIB_KEYS, default_model=MODELS[0])
        if shared.model not in MODELS:
            raise ConfigError(f"model is {shared.model!r}, but dlib knows {' and '.join(MODELS)}.")
        return cls(
            str(shared.model),
            whole_number(raw, "number_of_times_to_upsample", 1, 0, MAX_UPSAMPLE),
            whole_number(raw, "batch_size", 1, 1, MAX_BATCH),
            _path(raw, "detector_path", CNN_FILE),
            _path(raw, "landmarks_path", LANDMARKS_FILE),
            shared.score_floor,
            shared.max_input_px,
        )


class DlibFaceDetector(FaceDetector):
    """Histograms of gradients (``hog``) or dlib's network (``cnn``).

    Args:
        config: ``model``, ``number_of_times_to_upsample``, ``batch_size``, ``detector_path``,
            ``landmarks_path``, ``score_floor``, ``max_input_px``; see ``DlibConfig``. ``threads``
            and ``min_input_px`` are accepted and change nothing.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: dlib or a file that it needs is missing or damaged.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = DlibConfig.from_mapping(config)
        try:
            import dlib  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ModelError(
                f"The face model {self.config.model!r} needs dlib, which cannot be loaded: "
                f"{error}. Install it with: pip install 'spyoncino[dlib]'; or leave model out."
            ) from error
        self._dlib: Any = dlib
        try:
            if self.config.model == "cnn":
                self._find: Any = dlib.cnn_face_detection_model_v1(str(self._network_file()))
            else:
                self._find = dlib.get_frontal_face_detector()
            marks = self.config.landmarks_path
            self._predictor: Any = dlib.shape_predictor(str(marks)) if marks else None
        except RuntimeError as error:
            raise ModelError(f"dlib cannot read a model file: {error}") from error
        self._check_predictor()

    @classmethod
    def is_available(cls) -> bool:
        """Whether dlib is installed."""
        return is_dlib_installed()

    @property
    def name(self) -> str:
        """``dlib:hog`` or ``dlib:cnn``."""
        return f"dlib:{self.config.model}"

    @property
    def uses_card(self) -> bool:
        """Whether this dlib was built for NVIDIA cards."""
        return bool(self._dlib.DLIB_USE_CUDA)

    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        """Look at one picture; see ``FaceDetector.detect_faces``."""
        return self.detect_faces_batch([image])[0]

    def detect_faces_batch(
        self, images: Sequence[Image]
    ) -> list[tuple[list[FaceDetectionResult], DetectionMetrics]]:
        """Look at several pictures of one size; ``cnn`` takes ``batch_size`` of them together.

        Raises:
            ModelError: dlib failed.
        """
        began = time.perf_counter()
        fitted = [self._fit(image) for image in images]
        pictures = [picture for picture, _ in fitted]
        prepared = time.perf_counter()
        try:
            found = self._run(pictures)
        except RuntimeError as error:
            raise ModelError(f"{self.name} failed: {error}") from error
        inferred = time.perf_counter()
        answers = [
            self._faces(picture, placement, faces)
            for (picture, placement), faces in zip(fitted, found, strict=True)
        ]
        decoded = time.perf_counter()
        count = max(1, len(images))
        spent = (prepared - began, inferred - prepared, decoded - inferred)
        shares = [1000 * part / count for part in spent]
        return [(faces, DetectionMetrics(self.name, 1, len(faces), *shares)) for faces in answers]

    def detect_batch(
        self, images: Sequence[Image]
    ) -> list[tuple[list[RawDetection], DetectionMetrics]]:
        """See ``BaseDetector.detect_batch``; pictures of different sizes go one by one."""
        if len({image.shape for image in images}) > 1:
            return super().detect_batch(images)
        return [
            ([RawDetection("face", face.confidence, face.box) for face in faces], metrics)
            for faces, metrics in self.detect_faces_batch(images)
        ]

    def _network_file(self) -> Path:
        if self.config.detector_path is None:
            raise ModelError(
                f"The face model 'cnn' needs dlib's file {CNN_FILE}; give its path as "
                f"detector_path, or install the package {MODEL_PACKAGE}."
            )
        return self.config.detector_path

    def _check_predictor(self) -> None:
        if self._predictor is None:
            return
        grey = np.full((32, 32, 3), 114, np.uint8)
        count = self._predictor(grey, self._dlib.rectangle(8, 8, 24, 24)).num_parts
        if count != MARK_COUNT:
            raise ModelError(
                f"The file {self.config.landmarks_path} predicts {count} marks; the corners of the "
                f"mouth need the one with {MARK_COUNT}, {LANDMARKS_FILE}."
            )

    def _fit(self, image: Image) -> tuple[Image, Placement]:
        height, width = image.shape[:2]
        scale = min(1.0, self.config.max_input_px / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        fitted, placement = letterbox(image, *size, centred=False)
        return np.asarray(cv2.cvtColor(fitted, cv2.COLOR_BGR2RGB), np.uint8), placement

    def _run(self, pictures: Sequence[Image]) -> list[list[tuple[Any, float]]]:
        """Rectangles with dlib's own scores."""
        upsample = self.config.upsample
        if self.config.model == "cnn":
            found = self._find(list(pictures), upsample, self.config.batch_size)
            return [[(face.rect, face.confidence) for face in faces] for faces in found]
        limit = _score_of(self.config.score_floor)
        runs = [self._find.run(picture, upsample, limit) for picture in pictures]
        return [list(zip(rectangles, scores, strict=True)) for rectangles, scores, _ in runs]

    def _faces(
        self, picture: Image, placement: Placement, found: Sequence[tuple[Any, float]]
    ) -> list[FaceDetectionResult]:
        faces: list[FaceDetectionResult] = []
        for rectangle, score in found:
            # dlib's right and bottom lie inside the rectangle.
            edges = (
                rectangle.left(),
                rectangle.top(),
                rectangle.right() + 1,
                rectangle.bottom() + 1,
            )
            box = Box(*placement.to_picture(np.array([edges], np.float32))[0].tolist())
            confidence = confidence_of(score)
            if box.area > 0 and confidence >= self.config.score_floor:
                marks = self._landmarks(picture, placement, rectangle)
                faces.append(FaceDetectionResult(confidence, box, marks))
        return sorted(faces, key=lambda face: -face.confidence)

    def _landmarks(self, picture: Image, placement: Placement, rectangle: Any) -> Landmarks:
        if self._predictor is None:
            return ()
        shape = self._predictor(picture, rectangle)
        points = np.array([(shape.part(n).x, shape.part(n).y) for n in range(MARK_COUNT)])
        five = np.array([points[list(group)].mean(axis=0) for group in MARKS], np.float32) + 0.5
        return tuple((x, y) for x, y in placement.points_to_picture(five).tolist())


def is_dlib_installed() -> bool:
    """Whether the library is there, without loading it."""
    return importlib.util.find_spec("dlib") is not None


def confidence_of(score: float) -> float:
    """The score of dlib, which has no upper limit, as 0..1: 0.5 is its own limit of a face."""
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def _score_of(confidence: float) -> float:
    """The way back; a floor of 0 is a score of -4, below which everything is a face."""
    share = min(max(confidence, confidence_of(-4.0)), 1 - 1e-9)
    return math.log(share / (1 - share))


def _path(raw: Mapping[str, Any], key: str, usual: str) -> Path | None:
    """The user's file, else that of the package with dlib's models, else none."""
    given = raw.get(key)
    if given is None:
        found = importlib.util.find_spec(MODEL_PACKAGE)
        folders = (found.submodule_search_locations or []) if found else []
        files = [Path(folder) / "models" / usual for folder in folders]
        return next((file for file in files if file.is_file()), None)
    if not isinstance(given, str | Path) or not Path(given).is_file():
        raise ConfigError(f"{key} is {str(given)!r}, but there is no such file.")
    return Path(given)
