"""What the idle gate saves, and that it costs no event.

1. CPU. A real capture process reads 1080p H.264 clips made as a camera encodes (4 Mbit/s, a key
   frame every two seconds, no B-frames) as fast as it can, with and without the gate; its processor
   time is divided by that of decoding the same part alone on one thread. `idle`: the first picture
   of a real scene (people-walking) held still under fresh sensor noise. `busy`: the scene itself.
   The gate sleeps after 4 s here, and what is before second 12 is taken off, so that the figure is
   that of a camera asleep.
2. Events. Every clip of SPYONCINO_TESTDATA/clips, visitors too, is encoded in the same way behind
   51 s of its own first picture, held still under sensor noise: longer than the 30 s of quiet after
   which the gate sleeps, and the action begins in the middle between two key frames. The whole
   pipeline runs over it twice, 5 frames a second, with and without the gate. The runs are lossless
   (a picture waits for a free slot instead of being skipped): the gate goes by camera time alone,
   so its decisions are those of a live camera, and what differs between the runs is the gate's
   doing and not the load of the machine.

Usage: bench_idle_gate.py [--rounds N] [--only cpu|events]
"""

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from bench_capture import cpu_s_of, decode_alone
from report import Row, write_report
from spyoncino.app import Application, load_modules
from spyoncino.clock import SystemClock
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.detectors.motion_spec import MotionSpec
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.idle_gate import GateCounters, IdleGateSpec
from spyoncino.runtime.capture.messages import EndOfStream, FrameReady, SourceOpened
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.captures import Captures
from spyoncino.schemas import topics
from spyoncino.schemas.events import Event
from spyoncino.schemas.status import CameraState, CameraStatus

BUDGET = 0.35
START_BUDGET_S = 0.5
STILL_S = 51.0
NOISE_GREY = 2.5
"""Standard deviation of the sensor noise in grey levels: a room by daylight (a night has 8)."""
NOISE_FIELDS = 16
HEAD_S, IDLE_S = 12.0, 60.0
CPU_QUIET_S = 4.0
HEARTBEAT_S = 1.5
CAMERA = {"preset": "veryfast", "bf": "0", "x264-params": "scenecut=0"}
BITS_PER_PX_S = 2.0
LEAST_BITS_S = 500_000
"""4 Mbit/s for 1920x1080, as cameras are delivered; less for smaller pictures, but not little."""

Picture = np.ndarray[Any, np.dtype[np.uint8]]


# --- clips ---------------------------------------------------------------------------------------


def noisy(picture: Picture, frames: int) -> Iterator[Picture]:
    """One RGB picture again and again under fresh noise."""
    random = np.random.default_rng(1)
    shape = picture.shape[:2]
    fields = [
        np.rint(random.normal(0, NOISE_GREY, shape)).astype(np.int16) for _ in range(NOISE_FIELDS)
    ]
    wide = picture.astype(np.int16)
    ready = [np.clip(wide + each[..., None], 0, 255).astype(np.uint8) for each in fields]
    for _ in range(frames):
        yield ready[int(random.integers(NOISE_FIELDS))]


def write_clip(
    path: Path, pictures: Iterator[VideoFrame], rate: Fraction, size: tuple[int, int]
) -> None:
    """Encode as a camera does: a key frame every two seconds, no B-frames."""
    bits_s = str(round(max(LEAST_BITS_S, BITS_PER_PX_S * size[0] * size[1])))
    options = CAMERA | {"b": bits_s, "maxrate": bits_s, "bufsize": bits_s}
    with av.open(str(path), "w") as made:
        stream = made.add_stream("libx264", rate=rate, options=options)
        assert isinstance(stream, VideoStream)  # noqa: S101 -- for the type checker
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = round(2 * rate)
        for number, picture in enumerate(pictures):
            ready = picture.reformat(*size, format="yuv420p")
            ready.pict_type = PictureType.NONE
            ready.pts, ready.time_base = number, 1 / rate
            made.mux(stream.encode(ready))
        made.mux(stream.encode(None))


def decoded(path: Path) -> Iterator[VideoFrame]:
    """Every picture of a clip."""
    with av.open(str(path)) as taken:
        yield from taken.decode(video=0)


def facts_of(path: Path) -> tuple[Fraction, tuple[int, int]]:
    """Rate and even size of a clip."""
    with av.open(str(path)) as taken:
        video = taken.streams.video[0]
        return video.average_rate or Fraction(25), (video.width // 2 * 2, video.height // 2 * 2)


def still(
    path: Path, seconds: float, rate: Fraction, size: tuple[int, int]
) -> Iterator[VideoFrame]:
    """The first picture of a clip, held under noise."""
    first = next(decoded(path)).reformat(*size, format="rgb24").to_ndarray()
    for picture in noisy(np.asarray(first, np.uint8), round(seconds * rate)):
        yield VideoFrame.from_ndarray(picture, "rgb24")


# --- processor time ------------------------------------------------------------------------------


async def capture_cpu_s(clip: Path, gate: IdleGateSpec | None) -> tuple[float, GateCounters]:
    """Processor seconds of one capture process from the opened source to its end."""
    captures = Captures(SystemClock())
    await captures.open()
    source = SourceSpec(kind="file", path=str(clip), realtime=False)
    spec = CaptureSpec("bench", source, motion=MotionSpec(), idle_gate=gate, is_lossless=True)
    handle = captures.add(spec)
    await handle.start()
    before_s = 0.0
    try:
        async for message in handle.messages():
            pid = handle.stats().pid or 0
            if isinstance(message, SourceOpened):
                before_s = cpu_s_of(pid)
            elif isinstance(message, FrameReady):
                handle.release(message.handle)
            elif isinstance(message, EndOfStream):
                used_s = cpu_s_of(pid) - before_s
                await asyncio.sleep(HEARTBEAT_S)
                return used_s, handle.stats().counters.gate
    finally:
        await captures.close()
    sys.exit("the capture process ended without a word")


def cpu_rows(folder: Path, rounds: int) -> list[Row]:
    """Ratios to decoding alone, asleep and busy."""
    scene = Path(os.environ["SPYONCINO_TESTDATA"]) / "clips" / "people-walking.mp4"
    rate, size = Fraction(30), (1920, 1080)
    idle, head, busy = (folder / f"{name}.mp4" for name in ("idle", "head", "busy"))
    write_clip(idle, still(scene, IDLE_S, rate, size), rate, size)
    write_clip(head, still(scene, HEAD_S, rate, size), rate, size)
    write_clip(busy, decoded(scene), rate, size)
    gate = IdleGateSpec(quiet_s=CPU_QUIET_S)
    asleep: list[float] = []
    awake: list[float] = []
    working: list[float] = []
    for _ in range(rounds):
        alone_s = decode_alone(idle)[0] - decode_alone(head)[0]
        for spec, ratios in ((gate, asleep), (None, awake)):
            whole_s, counters = asyncio.run(capture_cpu_s(idle, spec))
            part_s, _ = asyncio.run(capture_cpu_s(head, spec))
            ratios.append((whole_s - part_s) / alone_s)
            if spec is not None:
                slept = counters
        working.append(asyncio.run(capture_cpu_s(busy, gate))[0] / decode_alone(busy)[0])
    note = f"asleep {slept.asleep_s:.0f} of {IDLE_S:.0f} s, false wakes {_wakes(slept)}"
    return [
        Row("idle 1080p, gate asleep", statistics.median(asleep), "ratio", BUDGET, note),
        Row("idle 1080p, without gate", statistics.median(awake), "ratio", None, "to decoding"),
        Row("busy 1080p, with gate", statistics.median(working), "ratio", 1.25, "never asleep"),
    ]


def _wakes(counters: GateCounters) -> str:
    names = ("sizes", "change", "asked", "fault")
    counts = [(name, getattr(counters, f"wakes_{name}")) for name in names]
    return ", ".join(f"{count} {name}" for name, count in counts if count) or "none"


# --- events --------------------------------------------------------------------------------------


class GatedApplication(Application):
    """The whole program, lossless, with the gate of a live camera or without."""

    gate: IdleGateSpec | None = None

    def _specs(self, loaded: LoadedConfig) -> dict[str, CaptureSpec]:
        specs = super()._specs(loaded)
        return {name: replace(spec, idle_gate=self.gate) for name, spec in specs.items()}


@dataclass(slots=True)
class Found:
    """What one run found."""

    events: list[Event] = field(default_factory=list)
    gates: dict[str, GateCounters] = field(default_factory=dict)


async def events_of(clips: dict[str, Path], out: Path, gate: IdleGateSpec | None) -> Found:
    """Run the whole pipeline over clips, one after the other."""
    found = Found()
    ended = asyncio.Queue[str]()

    async def on_completed(message: Message) -> None:
        found.events.append(message.payload.event)

    async def on_camera(message: Message) -> None:
        status: CameraStatus = message.payload
        if status.state is CameraState.ENDED:
            await ended.put(status.camera)

    registry = load_modules()
    cameras = {
        name: {"source": {"type": "file", "path": str(path), "realtime": False}}
        for name, path in clips.items()
    }
    overrides: dict[str, Any] = {
        "capture": {"at_once": 1},
        "console": {"show": "off"},
        "web": {"enabled": False},
        "cameras": cameras,
    }
    loaded = await asyncio.to_thread(load_config, registry, overrides=overrides)
    application = GatedApplication(loaded, registry, DataFolder(out), lossless=True)
    application.gate = gate
    bus = application.bus
    bus.subscribe(topics.EVENT_COMPLETED, on_completed, name="bench", policy=Policy.BLOCK)
    bus.subscribe(topics.STATUS_CAMERA, on_camera, name="bench", policy=Policy.BLOCK)
    async with application:
        for _ in clips:
            await ended.get()
        await asyncio.sleep(HEARTBEAT_S)
        for handle in application.captures:
            found.gates[handle.camera_id] = handle.stats().counters.gate
    return found


def event_rows(folder: Path) -> list[Row]:
    """A table clip by events without and with the gate, starts and share of packets decoded."""
    clips: dict[str, Path] = {}
    counts: dict[str, int] = {}
    root = Path(os.environ["SPYONCINO_TESTDATA"]) / "clips"
    for source in sorted(
        path for path in root.rglob("*") if path.suffix in (".mp4", ".avi", ".mkv")
    ):
        name = source.stem.lower()
        rate, size = facts_of(source)
        clips[name] = folder / f"{name}.mp4"
        pictures = itertools.chain(still(source, STILL_S, rate, size), decoded(source))
        write_clip(clips[name], pictures, rate, size)
        with av.open(str(clips[name])) as made:
            counts[name] = sum(1 for packet in made.demux(video=0) if packet.size)
    without = asyncio.run(events_of(clips, folder / "without", None))
    gated = asyncio.run(events_of(clips, folder / "with", IdleGateSpec()))
    rows: list[Row] = []
    for name in clips:
        before = _events(without, name)
        after = _events(gated, name)
        gate = gated.gates[name]
        share = 1 - gate.packets_skipped / counts[name]
        worst = _worst_start_s(before, after)
        note = (
            f"events {len(before)} without, {len(after)} with; {share:.0%} of packets decoded; "
            f"asleep {gate.asleep_s:.0f} s; wakes {_wakes(gate)}; "
            f"starts {[round(e.start_s, 2) for e in before]} / "
            f"{[round(e.start_s, 2) for e in after]}"
        )
        rows.append(Row(f"{name}, largest start difference", worst, "s", START_BUDGET_S, note))
    return rows


def _events(found: Found, camera: str) -> list[Event]:
    mine = [event for event in found.events if event.camera == camera]
    return sorted(mine, key=lambda event: (event.start_s, event.type))


def _worst_start_s(before: list[Event], after: list[Event]) -> float:
    """Largest difference; infinite where events or labels differ."""
    same = [sorted(e.labels) for e in before] == [sorted(e.labels) for e in after]
    if not same:
        return float("inf")
    pairs = zip(before, after, strict=True)
    return max((abs(one.start_s - other.start_s) for one, other in pairs), default=0.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["cpu", "events"])
    arguments = parser.parse_args()
    if "SPYONCINO_TESTDATA" not in os.environ:
        sys.exit("Set SPYONCINO_TESTDATA to the folder that holds clips/.")
    with tempfile.TemporaryDirectory() as name:
        if arguments.only != "events":
            write_report("idle-gate-cpu", cpu_rows(Path(name), arguments.rounds))
        if arguments.only != "cpu":
            write_report("idle-gate-events", event_rows(Path(name)))
