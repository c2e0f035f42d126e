"""What the worker pool costs over the bare call, and what a second worker brings.

Method: the same function is called bare in this process and as a job, in turns of a few calls, one
at a time; the overhead is the difference of the quicker tenths, because whatever else the machine
does only ever adds. Throughput is the best of several rounds in which a pool of one worker, a pool
of two and as many bare processes run one after the other, twice as many jobs open as workers.
``--seconds`` is the length of each part.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pool_work import build_echo, build_model
from report import ROOT, Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.runtime.frame_ring import FrameRing
from spyoncino.runtime.jobs import Job, Task, TaskSpec
from spyoncino.runtime.pool import WorkerPool

MODEL: Final = ROOT / "src" / "spyoncino" / "assets" / "models" / "nanodet_416.onnx"
TURN: Final = 10
ROUNDS: Final = 4
BUSY_WINDOW_S: Final = 10.0
"""Over which the pool reports the busy share of a worker."""

WIDTH_PX: Final = 1280
HEIGHT_PX: Final = 720
TASKS: Final = (
    TaskSpec("echo", "pool_work:build_echo"),
    TaskSpec("model", "pool_work:build_model", {"path": str(MODEL)}),
)


async def overhead_ms(
    pool: WorkerPool, kind: str, bare: Task, payload: Any, seconds: float, *, bare_payload: Any
) -> tuple[float, float]:
    """The quicker tenth of the bare calls and of the jobs, in milliseconds."""
    alone: list[float] = []
    pooled: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for _ in range(TURN):
            began = time.perf_counter()
            bare(bare_payload)
            alone.append(1000 * (time.perf_counter() - began))
        for _ in range(TURN):
            began = time.perf_counter()
            await pool.submit(Job(kind, payload))
            pooled.append(1000 * (time.perf_counter() - began))
    return statistics.quantiles(alone, n=10)[0], statistics.quantiles(pooled, n=10)[0]


async def throughput(pool: WorkerPool, kind: str, seconds: float) -> float:
    """Jobs per second with every worker kept busy."""
    until = time.perf_counter() + seconds
    done = 0

    async def keep_busy() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await pool.submit(Job(kind))
            done += 1

    began = time.perf_counter()
    lanes = 2 * pool.stats().worker_count
    await asyncio.gather(*(keep_busy() for _ in range(lanes)))
    return done / (time.perf_counter() - began)


def bare_throughput(seconds: float, start: Any, counted: Any) -> None:
    """Runs the model in a loop; what a process does without any pool."""
    run = build_model({"path": str(MODEL)})
    run(None)
    start.wait()
    until = time.perf_counter() + seconds
    done = 0
    while time.perf_counter() < until:
        run(None)
        done += 1
    with counted.get_lock():
        counted.value += done


def bare_scaling(processes: int, seconds: float) -> float:
    """Runs per second of so many independent processes: the most this machine gives."""
    context = multiprocessing.get_context("spawn")
    start, counted = context.Barrier(processes), context.Value("i", 0)
    children = [
        context.Process(target=bare_throughput, args=(seconds, start, counted))
        for _ in range(processes)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return float(counted.value) / seconds


async def started(workers: int) -> tuple[WorkerPool, float]:
    """A started pool and the seconds that took."""
    pool = WorkerPool(TASKS, workers, SystemClock())
    began = time.perf_counter()
    await pool.start()
    return pool, time.perf_counter() - began


async def overheads(pool: WorkerPool, seconds: float) -> list[Row]:
    """One job at a time, against the bare call."""
    model = build_model({"path": str(MODEL)})
    echo_ms = await overhead_ms(pool, "echo", build_echo({}), 1, seconds, bare_payload=1)
    model_ms = await overhead_ms(pool, "model", model, None, seconds, bare_payload=None)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        slot_bytes = WIDTH_PX * HEIGHT_PX * 3 // 2
        ring = FrameRing.create(Path(folder), "bench", 4, slot_bytes)
        slot = ring.claim()
        if slot is None:
            raise SystemExit("A new ring has no free slot.")
        ring.picture(slot, WIDTH_PX, HEIGHT_PX)[:] = 114
        frame = ring.publish(slot, WIDTH_PX, HEIGHT_PX)
        frame_ms = await overhead_ms(pool, "model", model, frame, seconds, bare_payload=None)
        ring.close()
    return [
        Row("echo: overhead per job", 1000 * (echo_ms[1] - echo_ms[0]), "us"),
        Row("NanoDet, one thread: bare", model_ms[0], "ms"),
        Row("NanoDet: overhead per job", model_ms[1] - model_ms[0], "ms"),
        Row(
            "NanoDet on a frame from the ring: overhead",
            frame_ms[1] - frame_ms[0],
            "ms",
            2.0,
            "1280x720 I420 copied out of shared memory; at most",
        ),
    ]


@dataclass(slots=True)
class Best:
    """The best throughput of all rounds, in jobs per second."""

    one: float = 0.0
    two: float = 0.0
    bare_one: float = 0.0
    bare_two: float = 0.0


async def rounds(one: WorkerPool, two: WorkerPool, seconds: float) -> Best:
    """Every contender in turn, several times."""
    best = Best()
    for _ in range(ROUNDS):
        best.one = max(best.one, await throughput(one, "model", seconds))
        best.two = max(best.two, await throughput(two, "model", seconds))
        best.bare_one = max(best.bare_one, await asyncio.to_thread(bare_scaling, 1, seconds))
        best.bare_two = max(best.bare_two, await asyncio.to_thread(bare_scaling, 2, seconds))
    return best


async def cpu_of_main_us(pool: WorkerPool, seconds: float) -> float:
    """Processor time that main spends on one job."""
    began = time.process_time()
    per_second = await throughput(pool, "echo", seconds)
    return 1e6 * (time.process_time() - began) / (per_second * seconds)


async def measure(seconds: float) -> list[Row]:
    """Every figure."""
    one, start_one_s = await started(1)
    two, start_two_s = await started(2)
    rows = await overheads(one, seconds)
    cpu_us = await cpu_of_main_us(one, seconds)
    best = await rounds(one, two, seconds)
    await throughput(two, "model", BUSY_WINDOW_S)
    busy_share = min(worker.busy_share for worker in two.stats().workers)
    pss_bytes = max(worker.pss_bytes for worker in two.stats().workers)
    await one.stop()
    await two.stop()
    return [
        *rows,
        Row("echo: processor time of main per job", cpu_us, "us"),
        Row("one worker: NanoDet", best.one, "jobs/s"),
        Row("two workers: NanoDet", best.two, "jobs/s"),
        Row("two workers against one", best.two / best.one, "ratio", 1.8, "at least, on two cores"),
        Row("two bare processes against one", best.bare_two / best.bare_one, "ratio"),
        Row("one worker against one bare process", best.one / best.bare_one, "ratio"),
        Row("two workers against two bare processes", best.two / best.bare_two, "ratio"),
        Row("busy share, the lesser of two workers", busy_share, "ratio", 0.8, "at least"),
        Row("PSS of the larger worker", pss_bytes / 2**20, "MiB", 200.0, "at most"),
        Row("start of one worker with NanoDet", start_one_s, "s", 3.0, "at most"),
        Row("start of two workers with NanoDet", start_two_s, "s", 5.0, "at most"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each part")
    write_report("pool", asyncio.run(measure(parser.parse_args().seconds)))


if __name__ == "__main__":
    main()
