"""The real tasks in real workers: pixels by shared memory, results back through the pool."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import spyoncino
from spyoncino.clock import SystemClock
from spyoncino.geometry.boxes import Box
from spyoncino.runtime.frame_ring import FrameRing
from spyoncino.runtime.jobs import Job, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.tasks import (
    FACES,
    OBJECTS,
    SNAPSHOT,
    TASK_FACTORIES,
    FaceJob,
    FaceRegion,
    ObjectJob,
    SnapshotJob,
)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

WIDTH, HEIGHT = 320, 240
VISITOR = Path(spyoncino.__file__).parent / "assets" / "demo" / "visitor.png"


async def test_frame_of_the_ring_is_looked_at_and_written_by_a_worker(tmp_path: Path) -> None:
    ring = FrameRing.create(tmp_path, "door", 1, WIDTH * HEIGHT * 3 // 2)
    slot = ring.claim()
    assert slot is not None
    grey = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    ring.picture(slot, WIDTH, HEIGHT)[:] = cv2.cvtColor(grey, cv2.COLOR_BGR2YUV_I420)
    handle = ring.publish(slot, WIDTH, HEIGHT)
    tasks = [TaskSpec(kind, TASK_FACTORIES[kind]) for kind in (OBJECTS, SNAPSHOT)]
    async with WorkerPool(tasks, 1, SystemClock()) as pool:
        result = await pool.submit(Job(OBJECTS, ObjectJob(handle, score_floor=0.5)))
        written = await pool.submit(Job(SNAPSHOT, SnapshotJob(handle, str(tmp_path / "a.jpg"))))
    ring.close()
    assert result.detector == "cpu:nanodet_416"
    assert result.detections == ()
    assert written.size_bytes == (tmp_path / "a.jpg").stat().st_size


async def test_face_in_a_frame_comes_back_from_a_worker_as_vector_and_crop(tmp_path: Path) -> None:
    width, height = 640, 512
    ring = FrameRing.create(tmp_path, "door", 1, width * height * 3 // 2)
    slot = ring.claim()
    assert slot is not None
    picture = np.full((height, width, 3), 120, np.uint8)
    picture[14:512, 200:578] = np.asarray(cv2.imread(str(VISITOR)), np.uint8)
    ring.picture(slot, width, height)[:] = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    handle = ring.publish(slot, width, height)
    region = FaceRegion(Box(200 / width, 14 / height, 578 / width, 1.0), 4)
    async with WorkerPool([TaskSpec(FACES, TASK_FACTORIES[FACES])], 1, SystemClock()) as pool:
        result = await pool.submit(Job(FACES, FaceJob(handle, (region,))))
    ring.close()
    (face,) = result.faces
    assert face.track_id == 4
    assert np.linalg.norm(np.frombuffer(face.vector, "<f4")) == pytest.approx(1.0, abs=1e-5)
    crop = cv2.imdecode(np.frombuffer(face.crop, np.uint8), cv2.IMREAD_COLOR)
    assert crop is not None
    assert crop.shape == (112, 112, 3)
