"""How fast this computer is at what the program does all day, with the bundled or chosen model.

Short measurements for people; the budgets of the project are measured in ``benchmarks/``.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.detectors.motion_factory import build_motion_detector
from spyoncino.detectors.motion_spec import MotionSpec
from spyoncino.hardware.source_types import RawPicture
from spyoncino.hardware.sources import SourceSpec, build_source
from spyoncino.host.decoders import decode_costs, full_hd
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.encode import H264Encoder
from spyoncino.media.hardware_decode import DecoderKind
from spyoncino.media.packets import MediaPacket
from spyoncino.media.pictures import encode_jpeg, i420_size_bytes
from spyoncino.runtime.children import shared_memory_base
from spyoncino.runtime.frame_ring import FrameRing
from spyoncino.runtime.jobs import Job, TaskSpec
from spyoncino.runtime.pool import WorkerPool
from spyoncino.runtime.tasks import OBJECTS, TASK_FACTORIES, ObjectJob, ObjectResult
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.topics import DOORBELL_PRESSED

WIDTH_PX, HEIGHT_PX, FPS = 1280, 720, 15
"""What a doorbell camera sends."""

MIN_RUNS = 3
LANES_PER_WORKER = 2
"""Jobs open at a time for each worker, so that none ever waits for the next one."""

SCENE_FROM_S, SCENE_PICTURES = 6.0, 15
"""A second of the simulated front door with the visitor in it."""

NOISE_SIGMA, NOISE_SHIFT = 3.0, 7919
"""Grey levels; and a prime by which each picture's noise is moved on, so that none repeats."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Args:
        name: What was measured.
        value: The figure.
        unit: Its unit.
        note: How it was measured.
    """

    name: str
    value: float
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LookFigures:
    """Looking for objects through the worker pool.

    Args:
        detector: Back end and model.
        look_ms: Median of one look inside a worker.
        per_second: Looks a second, all workers together.
    """

    detector: str
    look_ms: float
    per_second: float


def scene() -> list[Picture]:
    """A second of the simulated front door as I420 ``(height * 3 / 2, width)``, visitor in view.

    With the noise of a real sensor at dusk, which is most of what a decoder works at.
    """
    noise = np.random.default_rng(1).normal(0.0, NOISE_SIGMA, (HEIGHT_PX, WIDTH_PX))
    source = build_source(
        SourceSpec(
            kind="sim",
            realtime=False,
            options={"width": WIDTH_PX, "height": HEIGHT_PX, "fps": FPS},
        )
    )
    pictures: list[Picture] = []
    source.open()
    try:
        while len(pictures) < SCENE_PICTURES:
            item = source.read()
            if isinstance(item, RawPicture) and item.pts_s >= SCENE_FROM_S:
                picture = item.i420.copy()
                shifted = np.roll(noise, NOISE_SHIFT * len(pictures))
                picture[:HEIGHT_PX] = np.clip(picture[:HEIGHT_PX] + shifted, 16, 235)
                pictures.append(picture)
    finally:
        source.close()
    return pictures


def motion_ms(pictures: Sequence[Picture], seconds: float) -> float:
    """Median milliseconds of motion in one picture, on the luma plane."""
    detector = build_motion_detector(MotionSpec())
    if detector is None:
        raise ValueError("motion is off by default")
    number = 0

    def measure() -> None:
        nonlocal number
        luma = pictures[number % len(pictures)][:HEIGHT_PX]
        detector.measure(luma, number / FPS)
        number += 1

    return median_ms(measure, seconds)


def encode_ms(pictures: Sequence[Picture], seconds: float) -> float:
    """Median milliseconds of encoding one picture to H.264."""
    frames = [VideoFrame.from_ndarray(picture, format="yuv420p") for picture in pictures]
    encoder = H264Encoder(WIDTH_PX, HEIGHT_PX, FPS)
    number = 0

    def encode() -> None:
        nonlocal number
        encoder.encode(frames[number % len(frames)], number / FPS)
        number += 1

    return median_ms(encode, seconds)


def decode_ms(pictures: Sequence[Picture], seconds: float) -> float:
    """Median milliseconds of decoding one picture of H.264."""
    encoder = H264Encoder(WIDTH_PX, HEIGHT_PX, FPS, gop_s=len(pictures) / FPS)
    packets: list[MediaPacket] = []
    for number, picture in enumerate(pictures):
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        packets += encoder.encode(frame, number / FPS)
    packets += encoder.flush()
    decoder = FrameDecoder(encoder.video)
    number = 0

    def decode() -> None:
        nonlocal number
        decoder.decode(packets[number % len(packets)])
        number += 1

    return median_ms(decode, seconds)


def jpeg_ms(pictures: Sequence[Picture], seconds: float) -> float:
    """Median milliseconds of one JPEG picture."""
    return median_ms(lambda: encode_jpeg(pictures[0]), seconds)


async def look(
    picture: Picture, workers: int, seconds: float, settings: Mapping[str, Any]
) -> LookFigures:
    """Look at one picture again and again, through shared memory and the real pool.

    Args:
        picture: I420.
        workers: Worker processes.
        seconds: How long.
        settings: Of the pool's task ``objects``; empty takes the defaults.

    Raises:
        SpyoncinoError: No worker could start, or the model failed: one sentence.
    """
    spent_ms: list[float] = []
    name = ""
    pool = WorkerPool(
        [TaskSpec(OBJECTS, TASK_FACTORIES[OBJECTS], settings)], workers, SystemClock()
    )
    with tempfile.TemporaryDirectory(
        prefix="spyoncino-bench-", dir=shared_memory_base(), ignore_cleanup_errors=True
    ) as folder:
        ring = FrameRing.create(Path(folder), "bench", 1, i420_size_bytes(WIDTH_PX, HEIGHT_PX))
        slot = ring.claim() or 0
        ring.picture(slot, WIDTH_PX, HEIGHT_PX)[:] = picture
        job = ObjectJob(ring.publish(slot, WIDTH_PX, HEIGHT_PX))
        try:
            async with pool:
                until = time.perf_counter() + seconds

                async def keep_busy() -> None:
                    nonlocal name
                    while time.perf_counter() < until or len(spent_ms) < MIN_RUNS:
                        result: ObjectResult = await pool.submit(Job(OBJECTS, job))
                        spent_ms.append(result.metrics.processing_time_ms)
                        name = result.detector

                began = time.perf_counter()
                lanes = (keep_busy() for _ in range(LANES_PER_WORKER * workers))
                await asyncio.gather(*lanes)
                took_s = time.perf_counter() - began
        finally:
            ring.close()
    return LookFigures(name, statistics.median(spent_ms), len(spent_ms) / took_s)


async def bus_per_second(seconds: float) -> float:
    """Messages a second through the bus to one subscriber."""
    heard = 0
    door = DOORBELL_PRESSED.of("door")

    async def hear(_message: Message) -> None:
        nonlocal heard
        heard += 1

    async with Bus(SystemClock()) as bus:
        bus.subscribe(DOORBELL_PRESSED, hear, name="bench", policy=Policy.BLOCK, capacity=256)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            await bus.publish(door, DoorbellEvent(doorbell="door", camera="door"))
        await bus.drain()
        return heard / (time.perf_counter() - began)


async def measure_all(
    seconds: float,
    settings: Mapping[str, Any],
    say: Callable[[str], None],
    hardware: Sequence[DecoderKind] = (),
) -> list[Figure]:
    """Every figure, one after the other, so that none disturbs another.

    Args:
        seconds: Length of each part.
        settings: Of the pool's task ``objects``.
        say: Told before each part what is measured.
        hardware: Decoders for which a device is here; software is measured in any case.
    """
    size = f"{WIDTH_PX}x{HEIGHT_PX}"
    pictures = await asyncio.to_thread(scene)
    figures: list[Figure] = []
    for workers in (1, 2):
        say(f"objects, {workers} {'worker' if workers == 1 else 'workers'}")
        looks = await look(pictures[-1], workers, seconds, settings)
        note = f"{looks.detector}, whole picture of {size}"
        if workers == 1:
            figures.append(Figure("objects: one look", looks.look_ms, "ms", f"median; {note}"))
        name = f"objects: {workers} {'worker' if workers == 1 else 'workers'}"
        figures.append(Figure(name, looks.per_second, "pictures/s", "through the pool"))
    parts: tuple[tuple[str, Callable[[Sequence[Picture], float], float], str], ...] = (
        ("motion", motion_ms, "luma plane, one thread"),
        ("decode H.264", decode_ms, "one thread"),
        ("encode H.264", encode_ms, "for cameras that send neither H.264 nor H.265"),
        ("JPEG", jpeg_ms, "a snapshot"),
    )
    for name, measure, note in parts:
        say(name)
        value = await asyncio.to_thread(measure, pictures, seconds)
        figures.append(Figure(name, value, "ms", f"median; {size}, {note}"))
    say("decode 1080p")
    costs = await asyncio.to_thread(lambda: decode_costs(full_hd(pictures, FPS), hardware, seconds))
    figures += [
        Figure(
            f"decode 1080p, {each.kind}",
            each.cpu_ms,
            "ms of CPU",
            each.note or f"mean, copied back; {each.wall_ms:.1f} ms until the next picture",
        )
        for each in costs
    ]
    say("bus")
    rate = await bus_per_second(seconds)
    figures.append(Figure("bus", rate, "messages/s", "one subscriber, typed payloads"))
    return figures


def median_ms(run: Callable[[], object], seconds: float) -> float:
    """Median milliseconds of a call, after one that does not count."""
    run()
    spent_ms: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(spent_ms) < MIN_RUNS:
        began = time.perf_counter()
        run()
        spent_ms.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent_ms)
