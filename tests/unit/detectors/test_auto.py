"""Choosing a detector: among what, when the reference stays, and that a choice is kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spyoncino.detectors import auto
from spyoncino.detectors.auto import Candidate, agreement, choose, measure, pick, read_choices
from spyoncino.detectors.base import BaseDetector, Image
from spyoncino.detectors.faces_onnx import OnnxFaceDetector
from spyoncino.detectors.factory import DetectorFactory
from spyoncino.detectors.mock import MockDetector
from spyoncino.detectors.results import RawDetection
from spyoncino.errors import ModelError
from spyoncino.geometry.boxes import Box

PICTURE = np.zeros((8, 8, 3), np.uint8)
BOX = [0.1, 0.1, 0.5, 0.9]
MOVED = [0.3, 0.1, 0.7, 0.9]

SLOW = {"script": [[["person", 0.9, BOX]]], "delay_ms": 40}
FAST = {"script": [[["person", 0.8, BOX]]]}
FAST_BUT_WRONG = {"script": [[["person", 0.9, MOVED]]]}


def sees(*things: list[Any]) -> list[RawDetection]:
    return [RawDetection(label, score, Box(*box)) for label, score, box in things]


class Workshop:
    """Builds mock detectors under the names of real ones, and notes which."""

    def __init__(self, **scripts: Any) -> None:
        self.scripts = scripts
        self.built: list[tuple[str, int]] = []

    def build(self, name: str, config: Mapping[str, Any]) -> BaseDetector:
        self.built.append((name, config["threads"]))
        what = self.scripts[name]
        if isinstance(what, ModelError):
            raise what
        return MockDetector(what)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    def pictures() -> list[Image]:
        return [PICTURE]

    monkeypatch.setattr(auto, "is_too_busy", lambda: False)
    monkeypatch.setattr(auto, "front_door_pictures", pictures)


def own_model(path: Path, content: bytes) -> dict[str, Any]:
    path.write_bytes(content)
    return {"model": {"type": "yolov8", "path": str(path), "labels": ["person"]}}


def test_the_fastest_that_finds_the_same_is_chosen(tmp_path: Path) -> None:
    shop = Workshop(cpu=SLOW, gpu=FAST, wild=FAST_BUT_WRONG, gone=ModelError("no driver"))

    choice = choose(
        ["cpu", "gone", "gpu", "wild"], shop.build, {}, max_threads=1, cache=tmp_path / "c.json"
    )

    assert choice.chosen.detector == "gpu"
    by_name = {each.detector: each for each in choice.candidates}
    assert by_name["wild"].agreement == 0
    assert by_name["gone"].refused == "no driver"
    assert "gpu with 1" in choice.sentence
    assert "no driver" in choice.sentence


def test_a_choice_is_measured_once_for_a_model_and_again_when_its_file_is_damaged(
    tmp_path: Path,
) -> None:
    shop = Workshop(cpu=SLOW, gpu=FAST)
    cache = tmp_path / "choices.json"
    own = own_model(tmp_path / "own.onnx", b"another model")

    def ask(config: Mapping[str, Any]) -> int:
        shop.built.clear()
        choose(["cpu", "gpu"], shop.build, config, max_threads=1, cache=cache)
        return len(shop.built)

    assert [ask({}), ask({}), ask({"threads": 2})] == [2, 0, 0]
    assert [ask(own), ask(own), ask({})] == [2, 0, 0]
    assert len(read_choices(cache)) == 2
    cache.write_text("no JSON")
    assert ask({}) == 2
    assert [each.chosen.detector for each in read_choices(cache)] == ["gpu"]


def test_only_the_newest_choices_are_kept(tmp_path: Path) -> None:
    shop = Workshop(cpu=FAST, gpu=FAST)
    for number in range(auto.CHOICES_KEPT + 2):
        own = own_model(tmp_path / f"{number}.onnx", bytes([number]))
        choose(["cpu", "gpu"], shop.build, own, max_threads=1, cache=tmp_path / "c.json")

    assert len(read_choices(tmp_path / "c.json")) == auto.CHOICES_KEPT


def test_without_an_alternative_nothing_is_measured_and_nothing_written(tmp_path: Path) -> None:
    choice = choose(["cpu", "mock"], Workshop().build, {}, max_threads=1, cache=tmp_path / "c.json")

    assert (choice.chosen.detector, choice.chosen.threads) == ("cpu", 1)
    assert "nothing else" in choice.sentence
    assert not (tmp_path / "c.json").exists()
    assert read_choices(tmp_path / "c.json") == []


def test_a_busy_machine_takes_the_reference_and_forgets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "is_too_busy", lambda: True)

    choice = choose(["cpu", "gpu"], Workshop().build, {}, max_threads=4, cache=tmp_path / "c.json")

    assert choice.chosen == Candidate("cpu", 1)
    assert read_choices(tmp_path / "c.json") == []


def test_what_is_not_clearly_faster_does_not_replace_the_reference() -> None:
    reference = Candidate("cpu", 1, median_ms=10.0)

    assert pick([reference, Candidate("cpu", 4, median_ms=9.0)]).chosen is reference
    assert pick([reference, Candidate("cpu", 4, median_ms=5.0)]).chosen.threads == 4


def test_threads_of_the_reference_are_candidates_too(tmp_path: Path) -> None:
    shop = Workshop(cpu=FAST)

    choose(["cpu"], shop.build, {}, max_threads=4, cache=tmp_path / "c.json")

    assert shop.built == [("cpu", 1), ("cpu", 4)]


def test_a_reference_that_fails_is_an_error() -> None:
    shop = Workshop(cpu=ModelError("damaged"))

    with pytest.raises(ModelError, match="damaged"):
        measure([Candidate("cpu", 1)], shop.build, {}, [PICTURE])


@pytest.mark.parametrize(
    ("found", "share"),
    [
        (sees(["person", 0.9, BOX]), 1.0),
        (sees(["person", 0.4, BOX]), 1.0),
        (sees(["cat", 0.9, BOX]), 0.0),
        (sees(["person", 0.9, MOVED]), 0.0),
        (sees(["person", 0.9, BOX], ["cat", 0.9, MOVED]), 2 / 3),
        (sees(), 0.0),
    ],
)
def test_agreement_is_the_share_of_sure_boxes_that_both_have(
    found: list[RawDetection], share: float
) -> None:
    assert agreement([sees(["person", 0.8, BOX], ["dog", 0.3, MOVED])], [found]) == share


def test_two_that_find_nothing_agree() -> None:
    assert agreement([[]], [[]]) == 1


def test_the_factory_builds_what_was_chosen(tmp_path: Path) -> None:
    class Quick(MockDetector):
        def __init__(self, config: Mapping[str, Any]) -> None:
            del config
            super().__init__(FAST)

    class Slow(MockDetector):
        def __init__(self, config: Mapping[str, Any]) -> None:
            del config
            super().__init__(SLOW)

    factory = DetectorFactory(tmp_path / "c.json")
    factory.register("cpu", Slow)
    factory.register("quick", Quick)

    assert isinstance(factory.create("auto", {"threads": 3}), Quick)


def test_without_a_place_for_choices_auto_is_the_reference() -> None:
    with DetectorFactory().create("auto", {}) as detector:
        assert detector.name == "cpu:nanodet_416"


class TwinOfCpu(OnnxFaceDetector):
    """The same network under another name."""

    strategy = "twin"


class NeverHereFaces(MockDetector):
    """A strategy for hardware that this machine lacks."""

    @classmethod
    def is_available(cls) -> bool:
        return False


def test_faces_are_compared_with_the_faces_of_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visitor: Image
) -> None:
    monkeypatch.setattr(auto, "front_door_pictures", lambda: [visitor])
    factory = DetectorFactory(tmp_path / "c.json", task="faces")
    for name in ("openvino", "edgetpu", "gpu"):
        factory.register(name, NeverHereFaces)
    factory.register("twin", TwinOfCpu)
    with factory.create("auto", {"score_floor": 0.6}) as detector:
        assert detector.name in ("cpu:centerface", "twin:centerface")
    (choice,) = read_choices(tmp_path / "c.json")
    assert [each.detector for each in choice.candidates] == ["cpu", "twin"]
    assert choice.candidates[1].agreement == 1.0


def test_choice_of_objects_says_nothing_about_faces(tmp_path: Path) -> None:
    shop = Workshop(cpu=SLOW, gpu=FAST)
    cache = tmp_path / "c.json"
    for _ in range(2):
        choose(["cpu", "gpu"], shop.build, {}, max_threads=1, cache=cache, task="objects")
        choose(["cpu", "gpu"], shop.build, {}, max_threads=1, cache=cache, task="faces")
    assert len(read_choices(cache)) == 2
    assert len(shop.built) == 4
