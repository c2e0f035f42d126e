"""Strategies that need an extra or hardware: run for real where it is, else a sentence."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from spyoncino.detectors.base import DetectorUnavailableWarning, FaceDetector, Image
from spyoncino.detectors.faces_choice import CpuFaceDetector, GpuFaceDetector
from spyoncino.detectors.faces_dlib import DlibFaceDetector, confidence_of
from spyoncino.detectors.faces_edgetpu import LiteRtFaceDetector, dequantised, quantised
from spyoncino.detectors.faces_gpu import GpuNetworkDetector, has_card, provider_of
from spyoncino.detectors.faces_onnx import OnnxFaceDetector
from spyoncino.detectors.faces_openvino import OpenVinoFaceDetector
from spyoncino.detectors.factory import create_face_detector
from spyoncino.detectors.onnx_session import OnnxSession
from spyoncino.errors import ConfigError, ModelError

Check = Callable[..., None]

needs_openvino = pytest.mark.skipif(
    not OpenVinoFaceDetector.is_available(), reason="the extra openvino is not installed"
)
needs_litert = pytest.mark.skipif(
    not LiteRtFaceDetector.is_available(), reason="the extra litert is not installed"
)
needs_dlib = pytest.mark.skipif(
    not DlibFaceDetector.is_available(), reason="the extra dlib is not installed"
)


@needs_openvino
def test_openvino_gives_the_faces_of_cpu(
    visitor: Image,
    three_visitors: Image,
    centerface: OnnxFaceDetector,
    assert_is_the_visitor: Check,
) -> None:
    with OpenVinoFaceDetector({}) as detector:
        assert detector.name == "openvino:centerface"
        (face,), _ = detector.detect_faces(visitor)
        assert_is_the_visitor(face)
        for mine, theirs in zip(
            centerface.detect_faces(three_visitors)[0],
            detector.detect_faces(three_visitors)[0],
            strict=True,
        ):
            assert mine.box.iou(theirs.box) > 0.98
            assert np.allclose(mine.landmarks, theirs.landmarks, atol=0.002)


@needs_openvino
def test_openvino_without_the_device_is_a_sentence() -> None:
    with pytest.raises(ModelError, match="cannot run on OpenVINO's device TOASTER"):
        OpenVinoFaceDetector({"device": "TOASTER"})
    with pytest.raises(ConfigError, match="device is 3"):
        OpenVinoFaceDetector({"device": 3})


@needs_litert
def test_small_network_finds_the_visitor_on_the_processor(
    visitor: Image, assert_is_the_visitor: Check
) -> None:
    with LiteRtFaceDetector({"delegate": "cpu"}) as detector:
        assert detector.name == "edgetpu:blazeface_full_range@cpu"
        (face,), _ = detector.detect_faces(visitor)
    assert len(face.landmarks) == 5
    assert_is_the_visitor(face)


@needs_litert
def test_missing_edgetpu_is_said_and_the_processor_takes_over(visitor: Image) -> None:
    with pytest.warns(DetectorUnavailableWarning, match="delegate 'libnone.so' is not on this"):
        detector = LiteRtFaceDetector({"delegate": "libnone.so"})
    assert detector.name.endswith("@cpu")
    assert len(detector.detect_faces(visitor)[0]) == 1


@needs_litert
def test_file_that_is_no_tflite_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "own.tflite").write_bytes(b"dear diary")
    with pytest.raises(ModelError, match="own is not a TFLite file that can run here"):
        LiteRtFaceDetector({"model_path": str(tmp_path / "own.tflite"), "delegate": "cpu"})
    with pytest.raises(ConfigError, match="delegate is 5"):
        LiteRtFaceDetector({"delegate": 5})


def test_model_path_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none.tflite cannot be read"):
        LiteRtFaceDetector({"model_path": str(tmp_path / "none.tflite")})
    with pytest.raises(ConfigError, match="model_path is 7"):
        LiteRtFaceDetector({"model_path": 7})


def test_whole_numbers_of_a_small_model_stand_for_real_ones() -> None:
    tensor = {"dtype": np.uint8, "quantization": (1 / 128, 128)}
    stored = quantised(np.array([-1.0, 0.0, 0.5, 3.0], np.float32), tensor)
    assert stored.dtype == np.uint8
    assert stored.tolist() == [0, 128, 192, 255]
    assert dequantised(stored, tensor).tolist() == [-1.0, 0.0, 0.5, 127 / 128]
    real = np.array([0.3], np.float32)
    assert quantised(real, {"dtype": np.float32, "quantization": (0.0, 0)}) is real
    assert dequantised(real, {"dtype": np.float32, "quantization": (0.0, 0)}) is real


@needs_dlib
def test_hog_of_cpu_is_dlib(visitor: Image, assert_is_the_visitor: Check) -> None:
    config = {"model": "hog", "number_of_times_to_upsample": 1, "batch_size": 1}
    with CpuFaceDetector(config) as detector:
        assert detector.name == "dlib:hog"
        (answer,) = detector.detect_batch([visitor])
        assert [found.label for found in answer[0]] == ["face"]
        (face,), _ = detector.detect_faces(visitor)
    assert_is_the_visitor(face, iou_above=0.5, landmarks_within=0.03)


@needs_dlib
def test_dlib_needs_files_for_its_network_and_for_landmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visitor: Image
) -> None:
    monkeypatch.setattr("spyoncino.detectors.faces_dlib.MODEL_PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="'cnn' needs dlib's file mmod_human"):
        DlibFaceDetector({"model": "cnn"})
    with pytest.raises(ConfigError, match=r"landmarks_path is '.*none\.dat', but there is no such"):
        DlibFaceDetector({"landmarks_path": str(tmp_path / "none.dat")})
    (tmp_path / "own.dat").write_bytes(b"dear diary")
    with pytest.raises(ModelError, match="dlib cannot read a model file"):
        DlibFaceDetector({"landmarks_path": str(tmp_path / "own.dat")})
    (face,), _ = DlibFaceDetector({}).detect_faces(visitor)
    assert face.landmarks == ()


@needs_dlib
def test_dlib_looks_at_pictures_of_different_sizes_one_by_one(visitor: Image) -> None:
    detector = DlibFaceDetector({})
    counts = [len(found) for found, _ in detector.detect_batch([visitor, visitor[:300]])]
    assert counts == [1, 1]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model": "centerface"}, "model is 'centerface', but dlib knows hog and cnn"),
        ({"number_of_times_to_upsample": 9}, "number_of_times_to_upsample is 9, but must be 0..3"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_wrong_configuration_of_dlib_is_a_sentence(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DlibFaceDetector(config)


def test_score_of_dlib_is_a_share_around_its_own_limit() -> None:
    assert confidence_of(0.0) == 0.5
    assert 0 < confidence_of(-1000) < 0.1
    assert 0.9 < confidence_of(1000) <= 1


@pytest.mark.parametrize(
    ("library", "build", "sentence"),
    [
        ("dlib", lambda: CpuFaceDetector({"model": "hog"}), r"needs dlib.*spyoncino\[dlib\]"),
        ("openvino", lambda: OpenVinoFaceDetector({}), r"needs OpenVINO.*spyoncino\[openvino\]"),
    ],
)
def test_missing_library_is_a_sentence(
    library: str, build: Callable[[], FaceDetector], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModelError, match=f"(?s){sentence}"):
        build()


def test_missing_litert_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spyoncino.detectors.faces_edgetpu.INTERPRETERS", ("no_such.interpreter",))
    assert not LiteRtFaceDetector.is_available()
    with pytest.raises(ModelError, match=r"needs LiteRT.*spyoncino\[litert\]"):
        LiteRtFaceDetector({"delegate": "cpu"})


def test_keys_of_dlib_change_nothing_for_the_network(visitor: Image) -> None:
    config = {"number_of_times_to_upsample": 1, "batch_size": 4}
    with CpuFaceDetector(config) as detector:
        assert detector.name == "cpu:centerface"
        assert len(detector.detect_faces(visitor)[0]) == 1


def test_without_a_card_the_processor_takes_over_with_what_it_knows(
    monkeypatch: pytest.MonkeyPatch, visitor: Image
) -> None:
    monkeypatch.setattr(GpuNetworkDetector, "is_available", classmethod(lambda _: False))
    config = {"model": "cnn", "device": "cuda:0", "batch_size": 4, "score_floor": 0.4}
    with pytest.warns(DetectorUnavailableWarning, match="'gpu' is not available"):
        detector = create_face_detector("gpu", config)
    assert detector.name == "cpu:centerface"
    assert len(detector.detect_faces(visitor)[0]) == 1


@needs_dlib
def test_cnn_on_a_card_needs_a_dlib_for_cards() -> None:
    found = DlibFaceDetector({})
    if found.uses_card:
        pytest.skip("this dlib is built for cards")
    if found.config.detector_path is None:
        pytest.skip("dlib's network is not here")
    with pytest.raises(ModelError, match="needs a dlib that was built with CUDA"):
        GpuFaceDetector({"model": "cnn", "device": "cuda:0"})


def test_device_of_a_card_is_read(tmp_path: Path) -> None:
    assert provider_of("cuda") == ("CUDAExecutionProvider", {"device_id": 0})
    assert provider_of("tensorrt:2") == ("TensorrtExecutionProvider", {"device_id": 2})
    for wrong in ("cuda:x", 1, "gpu"):
        with pytest.raises(ConfigError, match="must be like cuda:0"):
            provider_of(wrong)
    assert not has_card(tmp_path)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    assert has_card(tmp_path)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_back_end_that_is_not_there_is_no_silent_processor(
    constant_model: Callable[..., Path],
) -> None:
    if GpuNetworkDetector.is_available():
        pytest.skip("a card is here")
    path = constant_model([np.zeros((1, 2), np.float32)], input_type=TensorProto.FLOAT)
    with pytest.raises(ModelError, match="cannot run on ONNX Runtime's CUDAExecutionProvider"):
        OnnxSession(path.read_bytes(), "tiny", 1, provider_of("cuda:0"))
