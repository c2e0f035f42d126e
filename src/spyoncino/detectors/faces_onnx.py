"""Faces with ONNX Runtime's CPU back end; face detector type ``cpu``."""

from collections.abc import Mapping
from typing import Any, ClassVar

from spyoncino.detectors.faces_model import FaceModel, ModelFaceDetector, Session
from spyoncino.detectors.onnx_session import OnnxSession, is_onnxruntime_installed


class OnnxFaceDetector(ModelFaceDetector):
    """CenterFace, or the user's own model, on the processor.

    Args:
        config: See ``FaceDetectorConfig``.
        store: The bundled models; the package's own when not given.

    Raises:
        ConfigError: The configuration is wrong.
        ModelError: The model cannot be read, loaded or decoded.
    """

    strategy: ClassVar[str] = "cpu"

    @classmethod
    def is_available(cls) -> bool:
        """Whether ONNX Runtime is installed."""
        return is_onnxruntime_installed()

    def load(self, model: FaceModel, config: Mapping[str, Any]) -> Session:
        """See ``ModelFaceDetector.load``."""
        del config
        return OnnxSession(model.content, model.name, self.config.threads)
