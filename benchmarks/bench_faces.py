"""What faces cost, and how well they are named.

Method: a 1920x1080 frame with the bundled visitor once and twice in it goes through the worker's
own task, in this process for the times and through pools of one and two workers for throughput,
memory (objects and faces loaded, as in a run) and start. Naming: two pictures of each known person
of ``SPYONCINO_TESTDATA`` are enrolled, all others identified, clean and degraded (40 px, noise,
JPEG 60), by the nearest reference and the figures of the model's manifest, which were chosen on
other pictures. ``--seconds`` is the length of each part; ``--no-names`` leaves the naming out.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from report import ROOT, Row, write_report

sys.path.insert(0, str(ROOT))

from tests.fixtures.face_protocol import (
    as_it_is,
    degraded,
    judge,
    plain,
    read_probes,
    wilson,
)

from spyoncino.clock import SystemClock
from spyoncino.detectors.embedders import likeness_of
from spyoncino.geometry.boxes import Box
from spyoncino.media.colour import bgr_to_i420
from spyoncino.runtime.face_look import FaceLook
from spyoncino.runtime.face_task import FaceTask, build_face_task
from spyoncino.runtime.frame_ring import FrameHandle, FrameRing
from spyoncino.runtime.jobs import Job, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.tasks import (
    FACES,
    OBJECTS,
    TASK_FACTORIES,
    FaceJob,
    FaceRegion,
    ObjectJob,
)

VISITOR: Final = ROOT / "src" / "spyoncino" / "assets" / "demo" / "visitor.png"
WIDTH_PX: Final = 1920
HEIGHT_PX: Final = 1080
LEFTS_PX: Final = (300, 1100)
TOP_PX: Final = 400
TASKS: Final = (
    TaskSpec(OBJECTS, TASK_FACTORIES[OBJECTS]),
    TaskSpec(FACES, TASK_FACTORIES[FACES]),
)


def scene() -> tuple[NDArray[np.uint8], tuple[FaceRegion, ...]]:
    """A frame with two visitors as I420, and where they stand."""
    visitor = np.asarray(cv2.imread(str(VISITOR)), np.uint8)
    height, width = visitor.shape[:2]
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), 120, np.uint8)
    regions: list[FaceRegion] = []
    for number, left in enumerate(LEFTS_PX):
        picture[TOP_PX : TOP_PX + height, left : left + width] = visitor
        edges = (left, TOP_PX, left + width, TOP_PX + height)
        scale = (WIDTH_PX, HEIGHT_PX) * 2
        box = Box(*(edge / side for edge, side in zip(edges, scale, strict=True)))
        regions.append(FaceRegion(box, number))
    return bgr_to_i420(picture), tuple(regions)


def timed_ms(task: FaceTask, job: FaceJob, seconds: float) -> tuple[float, float]:
    """Median and 95th percentile of the task's calls."""
    spent: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(spent) < 5:
        began = time.perf_counter()
        task(job)
        spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent), float(np.percentile(spent, 95))


def times(handle: FrameHandle, regions: tuple[FaceRegion, ...], seconds: float) -> list[Row]:
    """What single looks cost in one process."""
    task = build_face_task({})
    blind = tuple(FaceRegion(region.box, region.track_id, 1.0) for region in regions)
    one = timed_ms(task, FaceJob(handle, regions[:1]), seconds)
    two = timed_ms(task, FaceJob(handle, regions), seconds)
    found_only = timed_ms(task, FaceJob(handle, blind), seconds)
    whole = timed_ms(task, FaceJob(handle, whole=True), seconds)
    task.close()
    return [
        Row("one person's box, one face named: median", one[0], "ms", 200.0, "at most per face"),
        Row("one person's box, one face named: p95", one[1], "ms"),
        Row("two persons' boxes: median", two[0], "ms"),
        Row("two persons' boxes, nothing worth embedding: median", found_only[0], "ms"),
        Row("embedding and its mirror image, per face", (two[0] - found_only[0]) / 2, "ms"),
        Row("whole 1080p frame, two faces: median", whole[0], "ms"),
    ]


async def pooled(
    workers: int, handle: FrameHandle, regions: tuple[FaceRegion, ...], seconds: float
) -> tuple[float, float, float]:
    """Faces per second, PSS of the largest worker in bytes, and seconds to start the pool."""
    pool = WorkerPool(TASKS, workers, SystemClock())
    began = time.perf_counter()
    await pool.start()
    start_s = time.perf_counter() - began
    faces = 0
    until = time.perf_counter() + seconds

    async def lane() -> None:
        nonlocal faces
        while time.perf_counter() < until:
            result = await pool.submit(Job(FACES, FaceJob(handle, regions)))
            faces += len(result.faces)

    for _ in range(workers):
        await pool.submit(Job(OBJECTS, ObjectJob(handle)))
        await pool.submit(Job(FACES, FaceJob(handle, whole=True)))
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(lane() for _ in range(2 * workers)))
    spent_s = time.perf_counter() - began
    await asyncio.sleep(11.0)  # a worker reads its own memory with every tenth heartbeat
    pss = max(worker.pss_bytes for worker in pool.stats().workers)
    await pool.stop()
    return faces / spent_s, float(pss), start_s


def names(data: Path) -> list[Row]:
    """How the people of the test data are named."""
    task = build_face_task({})
    look: FaceLook = task.look
    references, ways = read_probes(look, data, [as_it_is, degraded])
    task.close()
    likeness = likeness_of({})
    rows: list[Row] = []
    for way, probes, least in (("clean", ways[0], 31.0), ("degraded", ways[1], 29.0)):
        score = judge(references, probes, plain(likeness.known_from, likeness.min_size_px))
        for what, hits, count, budget, direction in (
            ("nearest is right", score.rank_1, score.known, None, ""),
            ("known and right", score.right, score.known, least, "at least"),
            ("named wrongly", score.wrong, score.known, 0.0, "at most"),
            ("strangers named", score.strangers_named, score.unknown, 0.0, "at most"),
        ):
            low, high = wilson(hits, count)
            note = f"of {count}, 95 % {low:.3f}..{high:.3f} {direction}".rstrip()
            rows.append(Row(f"{way}: {what}", hits, "faces", budget, note))
    return rows


async def measure(seconds: float, data: Path | None) -> list[Row]:
    """Every figure."""
    i420, regions = scene()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        ring = FrameRing.create(Path(folder), "bench", 1, i420.size)
        slot = ring.claim()
        if slot is None:
            raise SystemExit("A new ring has no free slot.")
        ring.picture(slot, WIDTH_PX, HEIGHT_PX)[:] = i420
        handle = ring.publish(slot, WIDTH_PX, HEIGHT_PX)
        rows = await asyncio.to_thread(times, handle, regions, seconds)
        one = await pooled(1, handle, regions, seconds)
        two = await pooled(2, handle, regions, seconds)
        ring.close()
    rows += [
        Row("one worker", one[0], "faces/s"),
        Row("two workers", two[0], "faces/s"),
        Row("two workers against one", two[0] / one[0], "ratio", 1.8, "at least, on two cores"),
        Row("PSS of a worker, one", one[1] / 2**20, "MiB", 200.0, "at most; objects and faces"),
        Row("PSS of a worker, two", two[1] / 2**20, "MiB", 200.0, "at most; objects and faces"),
        Row("start of one worker with objects and faces", one[2], "s", 5.0, "at most"),
        Row("start of two workers with objects and faces", two[2], "s", 5.0, "at most"),
    ]
    if data is not None:
        rows += await asyncio.to_thread(names, data)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each part")
    parser.add_argument("--no-names", action="store_true", help="leave the naming out")
    chosen = parser.parse_args()
    folder = os.environ.get("SPYONCINO_TESTDATA")
    data = None if chosen.no_names or not folder else Path(folder)
    write_report("faces", asyncio.run(measure(chosen.seconds, data)))


if __name__ == "__main__":
    main()
