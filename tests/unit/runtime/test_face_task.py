import pickle
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import spyoncino
from spyoncino.errors import ConfigError, StaleFrameError
from spyoncino.geometry.boxes import Box
from spyoncino.runtime.face_task import FaceTask, build_face_task
from spyoncino.runtime.frame_ring import FrameHandle, FrameRing, RingStates
from spyoncino.runtime.tasks import FACES, TASK_FACTORIES, CropsJob, FaceJob, FaceRegion

VISITOR = Path(spyoncino.__file__).parent / "assets" / "demo" / "visitor.png"
WIDTH, HEIGHT = 640, 512


@pytest.fixture(scope="module")
def task() -> Iterator[FaceTask]:
    built = build_face_task({})
    yield built
    built.close()


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[FrameRing]:
    ring = FrameRing.create(tmp_path, "door", 1, WIDTH * HEIGHT * 3 // 2)
    yield ring
    ring.close()


def put(ring: FrameRing) -> FrameHandle:
    visitor = np.asarray(cv2.imread(str(VISITOR)), np.uint8)
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    picture[14:512, 200:578] = visitor
    slot = ring.claim()
    assert slot is not None
    ring.picture(slot, WIDTH, HEIGHT)[:] = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    return ring.publish(slot, WIDTH, HEIGHT)


def test_face_of_a_frame_is_found_and_embedded(task: FaceTask, ring: FrameRing) -> None:
    region = FaceRegion(Box(200 / 640, 14 / 512, 578 / 640, 1.0), 3)
    result = task(FaceJob(put(ring), (region,)))
    assert [face.track_id for face in result.faces] == [3]
    face = result.faces[0]
    assert face.quality.score > 0.8
    assert len(face.vector) == 192 * 4
    assert face.landmarks[0][0] * WIDTH == pytest.approx(384, abs=6)
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - our own


def test_whole_frame_is_looked_at_on_demand(task: FaceTask, ring: FrameRing) -> None:
    result = task(FaceJob(put(ring), whole=True, embed_above=1.0))
    assert [(face.track_id, face.vector) for face in result.faces] == [(None, b"")]


def test_frame_that_was_written_again_is_an_error(
    task: FaceTask, ring: FrameRing, tmp_path: Path
) -> None:
    handle = put(ring)
    states = RingStates(str(next(tmp_path.glob("*door*"))))
    states.free(handle.slot)
    states.close()
    put(ring)
    with pytest.raises(StaleFrameError):
        task(FaceJob(handle, whole=True))


def test_kept_crops_are_embedded_like_the_faces_they_were(task: FaceTask, ring: FrameRing) -> None:
    (face,) = task(FaceJob(put(ring), whole=True)).faces
    wide = cv2.imencode(".png", np.zeros((112, 113, 3), np.uint8))[1].tobytes()
    result = task(CropsJob((b"no picture", face.crop, b"", wide)))
    assert result.embedder == "mobilefacenet"
    assert [bool(each) for each in result.vectors] == [False, True, False, False]
    again, first = (np.frombuffer(each, "<f4") for each in (result.vectors[1], face.vector))
    assert float(again @ first) > 0.99
    assert task(CropsJob()).embedder == "mobilefacenet"


def test_both_models_are_asked_for_their_health(task: FaceTask) -> None:
    health = task.health()
    assert health["healthy"] is True
    assert (health["detector"], health["embedder"]) == ("cpu:centerface", "mobilefacenet")


def test_embedder_can_be_left_out() -> None:
    task = build_face_task({"detector": "mock", "embedder": None})
    assert task.look.embedder is None
    assert "embedder" not in task.health()


def test_wrong_settings_are_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"faces\.embeder .* did you mean 'embedder'"):
        build_face_task({"embeder": {}})


def test_task_is_named_for_the_workers() -> None:
    assert TASK_FACTORIES[FACES] == "spyoncino.runtime.face_task:build_face_task"
