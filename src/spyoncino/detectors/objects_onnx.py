"""Objects with any ONNX model on ONNX Runtime's CPU back end; detector type ``cpu``."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import BaseDetector, Image
from spyoncino.detectors.letterbox import PAD_GREY, fill_planes, letterbox
from spyoncino.detectors.nms import suppress_doubles
from spyoncino.detectors.object_config import ObjectDetectorConfig, UserModel
from spyoncino.detectors.objects_head import Head, InputNorm
from spyoncino.detectors.objects_nanodet import NanoDetHead
from spyoncino.detectors.objects_yolo import YoloHead
from spyoncino.detectors.objects_yolox import YoloxHead
from spyoncino.detectors.onnx_session import OnnxSession, is_onnxruntime_installed
from spyoncino.detectors.results import DetectionMetrics, RawDetection
from spyoncino.detectors.store import ModelStore, read_verified
from spyoncino.errors import ConfigError, ModelError
from spyoncino.geometry.boxes import Box

HEADS: Final[Mapping[str, type[Head]]] = MappingProxyType(
    {"nanodet": NanoDetHead, "yolov8": YoloHead, "yolov11": YoloHead, "yolox": YoloxHead}
)
"""Model type to the head that decodes it."""

SIZE_MULTIPLE_PX: Final = 32
"""The coarsest stride of every family here: open input sizes must be multiples of it."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A verified model file and what is known about it."""

    name: str
    type: str
    content: bytes
    labels: tuple[str, ...]
    user: UserModel | None


class OnnxObjectDetector(BaseDetector):
    """Letterbox, model, head, suppression of doubles.

    A plug-in for another family derives from this class and adds to ``heads``.

    Args:
        config: See ``ObjectDetectorConfig``.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The model cannot be read, loaded or decoded.
    """

    heads: ClassVar[Mapping[str, type[Head]]] = HEADS

    def __init__(self, config: Mapping[str, Any], store: ModelStore | None = None) -> None:
        self.config = ObjectDetectorConfig.from_mapping(config)
        source = _find(self.config.model, store)
        head = self.heads.get(source.type)
        if head is None:
            raise ConfigError(
                f"model.type {source.type!r} is unknown; known are: {', '.join(self.heads)}."
            )
        self.labels = source.labels
        self._name = f"cpu:{source.name}"
        self._session = OnnxSession(source.content, source.name, self.config.threads)
        self._width_px, self._height_px = _input_size(self._session, source)
        self._head = head(len(source.labels), self._width_px, self._height_px)
        self._norm = _norm(head.norm, source.user)
        mean, std = (np.array(part, np.float32) for part in (self._norm.mean, self._norm.std))
        self._scale, self._shift = 1.0 / std, -mean / std
        self._check_outputs(source)

    @classmethod
    def is_available(cls) -> bool:
        """Whether ONNX Runtime is installed."""
        return is_onnxruntime_installed()

    @property
    def name(self) -> str:
        """``cpu:`` and the model."""
        return self._name

    @property
    def input_size_px(self) -> tuple[int, int]:
        """Width and height of the model's input."""
        return self._width_px, self._height_px

    def detect(self, image: Image) -> tuple[list[RawDetection], DetectionMetrics]:
        """Look at one picture; see ``BaseDetector.detect``."""
        began = time.perf_counter()
        fitted, placement = letterbox(
            image, self._width_px, self._height_px, centred=self._norm.centred
        )
        tensor = self._tensor(fitted)
        prepared = time.perf_counter()
        outputs = self._session.run(tensor)
        inferred = time.perf_counter()
        candidates = self._head.decode(outputs, self.config.score_floor)
        boxes = placement.to_picture(candidates.boxes_px)
        kept = suppress_doubles(boxes, candidates.scores.astype(np.float64), candidates.classes)
        detections = [
            RawDetection(self.labels[label], min(1.0, score), Box(*edges))
            for label, score, edges in zip(
                candidates.classes[kept].tolist(),
                candidates.scores[kept].tolist(),
                boxes[kept].tolist(),
                strict=True,
            )
            if edges[2] > edges[0] and edges[3] > edges[1]
        ]
        decoded = time.perf_counter()
        metrics = DetectionMetrics(
            detector=self._name,
            detection_count=len(detections),
            prepare_ms=1000 * (prepared - began),
            inference_ms=1000 * (inferred - prepared),
            decode_ms=1000 * (decoded - inferred),
        )
        return detections, metrics

    def _tensor(self, fitted: Image) -> NDArray[np.float32]:
        tensor = np.empty((1, 3, self._height_px, self._width_px), np.float32)
        is_rgb = self._norm.colour == "rgb"
        fill_planes(tensor[0], fitted, is_rgb=is_rgb, scale=self._scale, shift=self._shift)
        return tensor

    def _check_outputs(self, source: _Source) -> None:
        """Run the model once on a grey picture: what it really gives back must fit the head."""
        grey = np.full((self._height_px, self._width_px, 3), PAD_GREY, np.uint8)
        shapes = [output.shape for output in self._session.run(self._tensor(grey))]
        if not self._head.fits(shapes):
            found = ", ".join(" x ".join(str(size) for size in shape) for shape in shapes)
            raise ModelError(
                f"Model {source.name} does not look like {source.type} with "
                f"{len(source.labels)} labels: expected {self._head.expects}, found {found}; "
                "correct the type or the labels."
            )


def _find(model: str | UserModel, store: ModelStore | None) -> _Source:
    if isinstance(model, UserModel):
        content = read_verified(model.path, model.sha256)
        return _Source(model.path.stem, model.type, content, model.labels, model)
    store = store or ModelStore()
    entry = store.entry(model)
    return _Source(entry.name, entry.type, store.read(model), entry.labels, None)


def _norm(usual: InputNorm, user: UserModel | None) -> InputNorm:
    if user is None:
        return usual
    return replace(
        usual,
        colour=user.colour or usual.colour,
        mean=user.mean or usual.mean,
        std=user.std or usual.std,
    )


def _input_size(session: OnnxSession, source: _Source) -> tuple[int, int]:
    """Width and height of the input: the file's own, or the configuration's where it is open."""
    wanted = (
        (source.user.input_width_px, source.user.input_height_px) if source.user else (None,) * 2
    )
    sizes: list[int] = []
    for side, declared, configured in zip(
        ("width", "height"), reversed(session.input_shape[2:]), wanted, strict=True
    ):
        if declared is not None and configured not in (None, declared):
            raise ConfigError(
                f"model.input_{side}_px is {configured}, but the model {source.name} is fixed "
                f"to {declared}; leave the setting out."
            )
        size = declared or configured
        if size is None:
            raise ConfigError(
                f"model.input_{side}_px is missing: the model {source.name} leaves it open; "
                "usual is 640."
            )
        if declared is None and size % SIZE_MULTIPLE_PX:
            raise ConfigError(
                f"model.input_{side}_px is {size}, but must be a multiple of {SIZE_MULTIPLE_PX}."
            )
        sizes.append(size)
    return sizes[0], sizes[1]
