from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from spyoncino.detectors import factory as factory_file
from spyoncino.detectors.base import BaseDetector, DetectorUnavailableWarning
from spyoncino.detectors.faces_choice import CpuFaceDetector
from spyoncino.detectors.factory import (
    DetectorFactory,
    create_face_detector,
)
from spyoncino.detectors.mock import MockDetector
from spyoncino.detectors.objects_onnx import OnnxObjectDetector
from spyoncino.errors import ConfigError


class NeverHere(MockDetector):
    """A detector for hardware that this machine lacks."""

    @classmethod
    def is_available(cls) -> bool:
        return False


def announce(monkeypatch: pytest.MonkeyPatch, name: str, target: str) -> None:
    entry = EntryPoint(name, target, "spyoncino.detectors")
    monkeypatch.setattr(factory_file, "entry_points", lambda *, group: [entry] if group else [])


def test_built_in_detectors_are_there_from_the_start() -> None:
    assert DetectorFactory().list_available() == ["cpu", "mock"]
    assert DetectorFactory().get_detector_class("cpu") is OnnxObjectDetector


def test_detector_is_created_by_name() -> None:
    found, _ = (
        DetectorFactory()
        .create("mock", {"script": [[["person", 0.9, [0, 0, 1, 1]]]]})
        .detect(np.zeros((2, 2, 3), np.uint8))
    )
    assert found[0].label == "person"


def test_registered_class_is_found_and_a_name_can_be_taken_over() -> None:
    factory = DetectorFactory()
    factory.register("mine", MockDetector)
    factory.register("mock", NeverHere)
    assert factory.get_detector_class("mine") is MockDetector
    assert factory.list_available() == ["cpu", "mine"]


def test_two_factories_share_nothing() -> None:
    DetectorFactory().register("mine", MockDetector)
    with pytest.raises(ValueError, match="no detector 'mine'"):
        DetectorFactory().get_detector_class("mine")


def test_unknown_name_is_a_value_error_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"no detector 'mok'; did you mean 'mock'\?"):
        DetectorFactory().create("mok", {})


def test_unknown_name_is_a_configuration_error_too() -> None:
    with pytest.raises(ConfigError, match="Known are: cpu, mock"):
        DetectorFactory().get_detector_class("quantum")


def test_known_but_unavailable_falls_back_to_cpu_with_a_warning() -> None:
    factory = DetectorFactory()
    factory.register("edgetpu", NeverHere)
    with pytest.warns(DetectorUnavailableWarning, match="'edgetpu' is not available"):
        detector = factory.create("edgetpu", {})
    assert detector.name == "cpu:nanodet_416"


def test_wrong_configuration_is_refused_when_creating() -> None:
    with pytest.raises(ConfigError, match="threads"):
        DetectorFactory().create("cpu", {"threads": 0})


def test_only_detectors_can_be_registered() -> None:
    with pytest.raises(TypeError, match="subclass of BaseDetector"):
        DetectorFactory().register("dict", dict)  # type: ignore[arg-type] # the point of the test


def test_plug_in_of_an_entry_point_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, "theirs", "spyoncino.detectors.mock:MockDetector")
    factory = DetectorFactory()
    assert "theirs" in factory.list_available()
    assert factory.create("theirs", {}).name == "mock"


def test_plug_in_cannot_replace_a_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, "cpu", "spyoncino.detectors.mock:MockDetector")
    assert DetectorFactory().get_detector_class("cpu") is OnnxObjectDetector


def test_broken_plug_in_is_known_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, "broken", "spyoncino.no_such_module:Detector")
    factory = DetectorFactory()
    assert factory.list_available() == ["cpu", "mock"]
    assert "ModuleNotFoundError" in factory.failures["broken"]
    with pytest.raises(ConfigError, match="'broken' cannot be loaded: ModuleNotFoundError"):
        factory.get_detector_class("broken")
    with pytest.warns(DetectorUnavailableWarning, match="ModuleNotFoundError"):
        assert isinstance(factory.create("broken", {}), BaseDetector)


def test_registering_a_class_heals_a_broken_name(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, "broken", "spyoncino.no_such_module:Detector")
    factory = DetectorFactory()
    factory.list_available()
    factory.register("broken", MockDetector)
    assert factory.failures == {}
    config: Mapping[str, Any] = {}
    assert factory.create("broken", config).name == "mock"


def test_each_task_has_names_of_its_own() -> None:
    assert DetectorFactory(task="faces").get_detector_class("cpu") is CpuFaceDetector
    assert DetectorFactory(task="objects").get_detector_class("cpu") is OnnxObjectDetector


def test_detector_of_objects_cannot_be_registered_for_faces() -> None:
    with pytest.raises(TypeError, match="subclass of FaceDetector"):
        DetectorFactory(task="faces").register("mine", OnnxObjectDetector)


def test_face_plug_in_is_found_in_a_group_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("theirs", "spyoncino.detectors.mock:MockDetector", "any")
    monkeypatch.setattr(
        factory_file,
        "entry_points",
        lambda *, group: [entry] if group == "spyoncino.face_detectors" else [],
    )
    assert "theirs" in DetectorFactory(task="faces").list_available()
    assert "theirs" not in DetectorFactory().list_available()


def test_face_detector_is_created_by_name() -> None:
    script = [[["face", 0.9, [0, 0, 1, 1]]]]
    faces, _ = create_face_detector("mock", {"script": script}).detect_faces(
        np.zeros((2, 2, 3), np.uint8)
    )
    assert [face.confidence for face in faces] == [0.9]
