"""CPU of a capture process against decoding the same clip alone, with the same library.

A 1080p H.264 clip of a real scene (people walking, from SPYONCINO_TESTDATA) is made as a camera
would encode it: 4 Mbit/s, a key frame every two seconds, no B-frames. A real capture process reads
it as fast as it can: packet ring, decoder, analysis pictures of 1280x720 in shared memory, motion
detector, messages to main. Its processor time from the opened source to the end of the stream is
divided by that of PyAV decoding alone on one thread. Rounds alternate; the median counts, because
other work on the machine changes both.

Usage: bench_capture.py [--clip FILE] [--rounds N]
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.detectors.motion_spec import MotionSpec
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import EndOfStream, FrameReady, SourceOpened
from spyoncino.runtime.capture.spec import LOSSLESS_FPS, CaptureSpec
from spyoncino.runtime.captures import Captures

BUDGET = 1.25
DEFAULT_PLAN = "5 frames/s, with motion"
"""What ``run`` does by default, and what the budget is for; ``analyze`` takes up to 15 frames/s."""

CAMERA_OPTIONS = {"preset": "veryfast", "b": "4M", "maxrate": "4M", "bufsize": "4M", "bf": "0"}


@dataclass(frozen=True, slots=True)
class Load:
    """What one capture process used for one clip."""

    cpu_s: float
    pss_mb: float
    frames: int


def camera_clip(path: Path) -> Path:
    """The real scene at 1920x1080, encoded as a camera would."""
    source = Path(os.environ["SPYONCINO_TESTDATA"]) / "clips" / "people-walking.mp4"
    with av.open(str(source)) as taken, av.open(str(path), "w") as made:
        rate = taken.streams.video[0].average_rate or Fraction(30)
        stream = made.add_stream("libx264", rate=rate, options=CAMERA_OPTIONS)
        assert isinstance(stream, VideoStream)  # noqa: S101 -- for the type checker
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.codec_context.gop_size = round(2 * rate)
        for picture in taken.decode(video=0):
            made.mux(stream.encode(picture.reformat(1920, 1080)))
        made.mux(stream.encode(None))
    return path


def decode_alone(clip: Path) -> tuple[float, int]:
    """Processor seconds of decoding every frame on one thread, and the number of frames."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        began = time.process_time()
        frames = sum(1 for _ in container.decode(stream))
        return time.process_time() - began, frames


def cpu_s_of(pid: int) -> float:
    """Processor seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_mb_of(pid: int) -> float:
    """Proportional share of physical memory of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


async def capture(clip: Path, analysis_fps: float, motion: MotionSpec | None) -> Load:
    """Run one capture process over the clip; every frame is released at once."""
    captures = Captures(SystemClock())
    await captures.open()
    source = SourceSpec(kind="file", path=str(clip), realtime=False)
    spec = CaptureSpec("bench", source, analysis_fps, motion=motion, is_lossless=True)
    handle = captures.add(spec)
    await handle.start()
    before_s, frames = 0.0, 0
    try:
        async for message in handle.messages():
            pid = handle.stats().pid or 0
            if isinstance(message, SourceOpened):
                before_s = cpu_s_of(pid)
            elif isinstance(message, FrameReady):
                handle.release(message.handle)
                frames += 1
            elif isinstance(message, EndOfStream):
                return Load(cpu_s_of(pid) - before_s, pss_mb_of(pid), frames)
    finally:
        await captures.close()
    sys.exit("the capture process ended without a word")


def measure(clip: Path, rounds: int) -> list[Row]:
    """Ratios to decoding alone for the rates that are used, each with and without motion."""
    plans = [
        (DEFAULT_PLAN, 5.0, MotionSpec()),
        ("15 frames/s, with motion", LOSSLESS_FPS, MotionSpec()),
        ("15 frames/s, without motion", LOSSLESS_FPS, None),
    ]
    alone: list[float] = []
    count = 0
    loads: dict[str, list[Load]] = {name: [] for name, *_ in plans}
    for _ in range(rounds):
        for name, fps, motion in plans:
            cpu_s, count = decode_alone(clip)
            alone.append(cpu_s)
            loads[name].append(asyncio.run(capture(clip, fps, motion)))
    bare_s = statistics.median(alone)
    rows = [Row("decoding alone", 1000 * bare_s / count, "ms CPU/frame", None, f"{count} frames")]
    for name, runs in loads.items():
        cpu_s = statistics.median(run.cpu_s for run in runs)
        note = f"{runs[0].frames} analysed, {1000 * cpu_s / count:.2f} ms CPU/frame"
        budget = BUDGET if name == DEFAULT_PLAN else None
        rows.append(Row(f"capture, {name}", cpu_s / bare_s, "ratio", budget, note))
    pss_mb = max(run.pss_mb for runs in loads.values() for run in runs)
    rows.append(Row("memory of the capture process (PSS)", pss_mb, "MB", None, "at the end"))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clip", type=Path, help="use this clip instead of making one")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.clip is None and "SPYONCINO_TESTDATA" not in os.environ:
        sys.exit("Give a 1080p H.264 clip with --clip, or set SPYONCINO_TESTDATA.")
    with tempfile.TemporaryDirectory() as folder:
        clip = arguments.clip or camera_clip(Path(folder) / "camera.mp4")
        write_report("capture", measure(clip, arguments.rounds))
