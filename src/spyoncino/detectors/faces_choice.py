"""Face detectors ``cpu`` and ``gpu``: a network by default, dlib where ``model`` names one of its.

``hog`` and ``cnn`` are the specification's names and need the extra ``dlib``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from spyoncino.detectors.base import FaceDetector, Image
from spyoncino.detectors.faces_dlib import DLIB_KEYS, DlibFaceDetector
from spyoncino.detectors.faces_gpu import GpuNetworkDetector
from spyoncino.detectors.faces_model import ModelFaceDetector
from spyoncino.detectors.faces_onnx import OnnxFaceDetector
from spyoncino.detectors.results import DetectionMetrics, FaceDetectionResult, RawDetection
from spyoncino.errors import ModelError


class CpuFaceDetector(FaceDetector):
    """On the processor.

    Args:
        config: With ``model: hog`` or ``cnn`` see ``DlibConfig``; else see ``FaceDetectorConfig``,
            and what only dlib knows (like ``number_of_times_to_upsample``) changes nothing.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The model cannot be used; for ``hog`` and ``cnn`` also: dlib is not installed.
    """

    network: ClassVar[type[ModelFaceDetector]] = OnnxFaceDetector
    dlib_models: ClassVar[tuple[str, ...]] = ("hog", "cnn")

    def __init__(self, config: Mapping[str, Any]) -> None:
        model = config.get("model")
        self._inner: FaceDetector
        if isinstance(model, str) and model in self.dlib_models:
            self._inner = self._dlib(config)
        else:
            known = {key: value for key, value in config.items() if key not in DLIB_KEYS}
            self._inner = self.network(known)

    @classmethod
    def is_available(cls) -> bool:
        """Whether what runs the network is there."""
        return cls.network.is_available()

    @classmethod
    def fallback_config(cls, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``ModelFaceDetector.fallback_config``."""
        return cls.network.fallback_config(config)

    @property
    def name(self) -> str:
        """Of what really looks: ``cpu:centerface``, ``dlib:hog``."""
        return self._inner.name

    def detect_faces(self, image: Image) -> tuple[list[FaceDetectionResult], DetectionMetrics]:
        """See ``FaceDetector.detect_faces``."""
        return self._inner.detect_faces(image)

    def detect_batch(
        self, images: Sequence[Image]
    ) -> list[tuple[list[RawDetection], DetectionMetrics]]:
        """See ``BaseDetector.detect_batch``."""
        return self._inner.detect_batch(images)

    def close(self) -> None:
        """See ``BaseDetector.close``."""
        self._inner.close()

    def _dlib(self, config: Mapping[str, Any]) -> FaceDetector:
        return DlibFaceDetector(config)


class GpuFaceDetector(CpuFaceDetector):
    """On an NVIDIA card.

    Args:
        config: The same; also ``device``, see ``GpuNetworkDetector``.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The card or the model cannot be used; ``cnn`` needs a dlib built for cards.
    """

    never_run_on: ClassVar[str] = "an NVIDIA card"
    network: ClassVar[type[ModelFaceDetector]] = GpuNetworkDetector
    dlib_models: ClassVar[tuple[str, ...]] = ("cnn",)

    def _dlib(self, config: Mapping[str, Any]) -> FaceDetector:
        found = DlibFaceDetector({key: config[key] for key in config if key != "device"})
        if not found.uses_card:
            raise ModelError(
                "The face model 'cnn' on a card needs a dlib that was built with CUDA, and this "
                "one was not; leave model out, or take detector type cpu."
            )
        return found
