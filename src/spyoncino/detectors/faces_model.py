"""Faces with a network, whatever runs it: fit the picture in, run, decode, remove doubles."""

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.face_config import COMMON_KEYS, DEFAULT_MODEL, FaceDetectorConfig
from spyoncino.detectors.faces_centerface import CenterFaceHead
from spyoncino.detectors.faces_head import FaceCandidates, FaceHead
from spyoncino.detectors.faces_scrfd import ScrfdHead
from spyoncino.detectors.faces_yunet import YuNetHead
from spyoncino.detectors.letterbox import PAD_GREY, Placement, fill_planes, letterbox
from spyoncino.detectors.nms import suppress_doubles
from spyoncino.detectors.object_config import UserModel
from spyoncino.detectors.objects_head import InputNorm
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult
from spyoncino.detectors.store import ModelStore, read_verified
from spyoncino.errors import ConfigError, ModelError
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import Landmarks

HEADS: Final[Mapping[str, type[FaceHead]]] = MappingProxyType(
    {"centerface": CenterFaceHead, "scrfd": ScrfdHead, "yunet": YuNetHead}
)
"""Model type to the head that decodes it."""


class Session(Protocol):
    """A loaded network."""

    input_shape: tuple[int | None, ...]
    """Of its one input; ``None`` where the network takes any size."""

    def run(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run the network once; ``ModelError`` when it fails."""
        ...


@dataclass(frozen=True, slots=True)
class FaceModel:
    """A verified model file and what is known about it."""

    name: str
    type: str
    content: bytes
    user: UserModel | None


class ModelFaceDetector(FaceDetector):
    """What every strategy with a network shares; a strategy says what runs it.

    Args:
        config: See ``FaceDetectorConfig``; ``more_keys`` of the strategy come on top.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The model cannot be read, loaded or decoded.
    """

    strategy: ClassVar[str]
    """The detector's type, first part of its name."""

    more_keys: ClassVar[tuple[str, ...]] = ()
    """Keys of its configuration that others do not have."""

    default_model: ClassVar[str] = DEFAULT_MODEL

    heads: ClassVar[Mapping[str, type[FaceHead]]] = HEADS

    def __init__(self, config: Mapping[str, Any], store: ModelStore | None = None) -> None:
        self.config = FaceDetectorConfig.from_mapping(
            config, more_keys=self.more_keys, default_model=self.default_model
        )
        model = self.find_model(config, store)
        if model.type not in self.heads:
            raise ConfigError(
                f"model.type {model.type!r} is not a face model that {self.strategy!r} can run; "
                f"known are: {', '.join(self.heads)}."
            )
        self._head = self.heads[model.type]()
        self._name = f"{self.strategy}:{model.name}"
        self._session = self.load(model, config)
        self._fixed = _fixed_size(self._session, model, self._head)
        self._norm = _norm(self._head.norm, model.user)
        mean, std = (np.array(part, np.float32) for part in (self._norm.mean, self._norm.std))
        self._scale, self._shift = 1.0 / std, -mean / std
        self._check_outputs(model)

    @classmethod
    def fallback_config(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """The keys that ``cpu`` knows; of models only one of the user's own goes with them."""
        shared = {key: value for key, value in config.items() if key in COMMON_KEYS}
        if isinstance(shared.get("model"), str):
            del shared["model"]
        return shared

    @abstractmethod
    def load(self, model: FaceModel, config: Mapping[str, Any]) -> Session:
        """Load the network.

        Raises:
            ConfigError: A key of the strategy's own has a wrong value.
            ModelError: It cannot be loaded here.
        """

    def find_model(self, config: Mapping[str, Any], store: ModelStore | None) -> FaceModel:
        """The file that the configuration means, verified.

        Raises:
            ModelError: There is no such model, or its file was altered.
        """
        del config
        chosen = self.config.model
        if isinstance(chosen, UserModel):
            content = read_verified(chosen.path, chosen.sha256)
            return FaceModel(chosen.path.stem, chosen.type, content, chosen)
        store = store or ModelStore()
        entry = store.entry(chosen)
        return FaceModel(entry.name, entry.type, store.read(chosen), None)

    @property
    def name(self) -> str:
        """Strategy and model."""
        return self._name

    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        """Look at one picture; see ``FaceDetector.detect_faces``."""
        began = time.perf_counter()
        fitted, placement = self._fit(image)
        height, width = fitted.shape[:2]
        tensor = self._tensor(fitted)
        prepared = time.perf_counter()
        outputs = self._session.run(tensor)
        inferred = time.perf_counter()
        candidates = self._head.decode(outputs, width, height, self.config.score_floor)
        faces = _placed(_without_doubles(candidates, self._head.same_face_iou), placement)
        decoded = time.perf_counter()
        metrics = DetectionMetrics(
            detector=self._name,
            detection_count=len(faces),
            prepare_ms=1000 * (prepared - began),
            inference_ms=1000 * (inferred - prepared),
            decode_ms=1000 * (decoded - inferred),
        )
        return faces, metrics

    def _fit(self, image: Image) -> tuple[Image, Placement]:
        width, height = self._fixed or self.input_size_px(image.shape[1], image.shape[0])
        return letterbox(image, width, height, centred=self._norm.centred)

    def input_size_px(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Width and height of the input for a picture of this size."""
        if self._fixed:
            return self._fixed
        longer = max(width_px, height_px)
        wanted = min(max(longer, self.config.min_input_px), self.config.max_input_px)
        step = self._head.size_multiple_px
        width, height = (
            max(step, step * -(-round(side * wanted / longer) // step))
            for side in (width_px, height_px)
        )
        return width, height

    def _tensor(self, fitted: Image) -> NDArray[np.float32]:
        height, width = fitted.shape[:2]
        if self._head.is_channels_last:
            tensor = np.empty((1, height, width, 3), np.float32)
            planes = np.moveaxis(tensor[0], 2, 0)
        else:
            tensor = np.empty((1, 3, height, width), np.float32)
            planes = tensor[0]
        is_rgb = self._norm.colour == "rgb"
        fill_planes(planes, fitted, is_rgb=is_rgb, scale=self._scale, shift=self._shift)
        return tensor

    def _check_outputs(self, model: FaceModel) -> None:
        """Run the model once on a grey picture: what it really gives back must fit the head."""
        step = 2 * self._head.size_multiple_px
        width, height = self._fixed or (step, step)
        grey = np.full((height, width, 3), PAD_GREY, np.uint8)
        shapes = [output.shape for output in self._session.run(self._tensor(grey))]
        if not self._head.fits(shapes, width, height):
            found = ", ".join(" x ".join(str(size) for size in shape) for shape in shapes)
            raise ModelError(
                f"Model {model.name} does not look like {model.type}: expected "
                f"{self._head.expects}, found {found}; correct the type."
            )


def _without_doubles(candidates: FaceCandidates, same_face_iou: float) -> FaceCandidates:
    return candidates.chosen(
        suppress_doubles(
            candidates.boxes_px.astype(np.float64),
            candidates.scores.astype(np.float64),
            np.zeros(len(candidates.scores), np.int64),
            same_face_iou,
        )
    )


def _placed(candidates: FaceCandidates, placement: Placement) -> list[FaceDetectionResult]:
    boxes = placement.to_picture(candidates.boxes_px)
    points = placement.points_to_picture(candidates.points_px)
    return [
        FaceDetectionResult(min(1.0, score), Box(*edges), _landmarks(marks))
        for score, edges, marks in zip(
            candidates.scores.tolist(), boxes.tolist(), points.tolist(), strict=True
        )
        if edges[2] > edges[0] and edges[3] > edges[1]
    ]


def _landmarks(points: Sequence[Sequence[float]]) -> Landmarks:
    return tuple((x, y) for x, y in points)


def _norm(usual: InputNorm, user: UserModel | None) -> InputNorm:
    if user is None:
        return usual
    return replace(
        usual,
        colour=user.colour or usual.colour,
        mean=user.mean or usual.mean,
        std=user.std or usual.std,
    )


def _fixed_size(session: Session, model: FaceModel, head: FaceHead) -> tuple[int, int] | None:
    """Width and height of the input where the file or the user fixes them; ``None``: any size."""
    shape = session.input_shape
    height, width = shape[1:3] if head.is_channels_last else shape[2:4]
    user = model.user
    wanted = (user.input_width_px, user.input_height_px) if user else (None, None)
    for side, declared, configured in zip(
        ("width", "height"), (width, height), wanted, strict=True
    ):
        if declared is not None and configured not in (None, declared):
            raise ConfigError(
                f"model.input_{side}_px is {configured}, but the model {model.name} is fixed to "
                f"{declared}; leave the setting out."
            )
        if declared is None and configured is not None and configured % head.size_multiple_px:
            raise ConfigError(
                f"model.input_{side}_px is {configured}, but must be a multiple of "
                f"{head.size_multiple_px}."
            )
    width, height = width or wanted[0], height or wanted[1]
    return None if width is None or height is None else (width, height)
