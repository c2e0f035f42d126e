"""The real tasks in real workers: pixels by shared memory, results back through the pool."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from spyoncino.clock import SystemClock
from spyoncino.runtime.frame_ring import FrameRing
from spyoncino.runtime.jobs import Job, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.tasks import (
    OBJECTS,
    SNAPSHOT,
    TASK_FACTORIES,
    ObjectJob,
    SnapshotJob,
)

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

WIDTH, HEIGHT = 320, 240


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
