from dataclasses import replace
from pathlib import Path

import pytest

from spyoncino.host.advice import Verdict
from spyoncino.host.face_advice import remarks_on_faces
from spyoncino.host.facts import MachineFacts, gather_facts


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> MachineFacts:
    folder = tmp_path_factory.mktemp("data")
    return gather_facts(folder, folder, Path("/nowhere"))


def test_back_ends_that_are_here_are_named(facts: MachineFacts) -> None:
    assert {"cpu", "mock"} <= set(facts.face_detectors)
    sentences = [remark.sentence for remark in remarks_on_faces(facts)]
    assert any(each.startswith("back ends for faces: cpu, ") for each in sentences)


def test_hardware_that_was_never_tried_is_said_where_the_back_end_is_here(
    facts: MachineFacts,
) -> None:
    assert {"edgetpu", "gpu"} <= set(facts.untried_face_detectors)
    here = replace(facts, face_detectors=("cpu", "gpu"))
    (note,) = [each for each in remarks_on_faces(here) if each.verdict is Verdict.NOTE]
    assert note.sentence == "the back end gpu was never run on an NVIDIA card by its authors"


def test_broken_plug_in_is_wrong(facts: MachineFacts) -> None:
    broken = replace(facts, broken_face_detectors={"npu": "ImportError: x"})
    assert remarks_on_faces(broken)[0].verdict is Verdict.WRONG
    assert "npu cannot be loaded: ImportError: x" in remarks_on_faces(broken)[0].sentence
