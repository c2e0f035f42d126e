"""CPU of a capture process that analyses a 640x360 sub stream, against one that has 1080p alone.

One real scene (people walking, from SPYONCINO_TESTDATA) is served twice as a camera would: main
1920x1080 at 25 pictures a second with 4 Mbit/s, sub 640x360 with 0.5 Mbit/s at half that rate, from
GStreamer's RTSP server in processes of their own. A real capture process keeps the main stream's
packets and analyses 5 pictures a second, with motion. Its processor time over the same seconds is
compared, without and with the sub stream; rounds alternate and the median counts. It is in real
time, so idle waiting costs nothing, and the servers' processor time is not counted.

Needs GStreamer's RTSP server (``make services``). Usage: bench_sub_stream.py [--rounds N]
"""

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from bench_capture import cpu_s_of, pss_mb_of
from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import FrameReady
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.captures import Captures
from spyoncino.runtime.frame_ring import FrameHandle, read_frame

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fixtures.rtsp_camera import is_there
from tests.fixtures.rtsp_live_camera import LiveRtspCamera

BUDGET = 0.35
"""The sub stream has 0.11 of the pixels at half the rate; packets are kept as before."""

RATE = Fraction(25)
"""What cameras send by default; the scene was filmed slower, and runs faster here."""

PICTURES = 250
"""Of the scene, then again from its beginning; a whole number of GOPs of both streams."""

WARM_S = 4.0
MEASURED_S = 20.0
SAMPLES = 6


def stream_clip(source: Path, path: Path, size: tuple[int, int], bits: str, every: int) -> Path:
    """The scene as a camera would encode it, every so many pictures of it."""
    options = {"preset": "veryfast", "b": bits, "maxrate": bits, "bufsize": bits, "bf": "0"}
    with av.open(str(source)) as taken, av.open(str(path), "w") as made:
        rate = RATE / every
        stream = made.add_stream("libx264", rate=rate, options=options)
        assert isinstance(stream, VideoStream)  # noqa: S101 -- for the type checker
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = round(2 * rate)
        # A whole number of sub pictures, so that both streams go round at the same moment.
        pictures = itertools.islice(taken.decode(video=0), 0, PICTURES, every)
        for number, picture in enumerate(pictures):
            scaled = picture.reformat(*size)
            scaled.pts, scaled.time_base = number, 1 / rate
            made.mux(stream.encode(scaled))
        made.mux(stream.encode(None))
    return path


class Run:
    """One capture process for some seconds."""

    def __init__(self) -> None:
        self.cpu_s = self.pss_mb = 0.0
        self.frames = 0
        self.drift_s = 0.0
        self.apart_ms: list[float] = []

    async def measure(self, source: SourceSpec) -> "Run":
        """Watch it, and at the end look whether full-size pictures show the same moment."""
        captures = Captures(SystemClock())
        await captures.open()
        handle = captures.add(CaptureSpec("bench", source))
        await handle.start()
        began_s: float | None = None
        used_s = 0.0
        try:
            async for message in handle.messages():
                if not isinstance(message, FrameReady):
                    continue
                now_s, pid = time.monotonic(), handle.stats().pid or 0
                began_s = now_s if began_s is None else began_s
                if now_s - began_s < WARM_S:
                    used_s = cpu_s_of(pid)
                elif now_s - began_s < WARM_S + MEASURED_S:
                    self.frames += 1
                    self.cpu_s = cpu_s_of(pid) - used_s
                    self.pss_mb = pss_mb_of(pid) if self.frames % 20 == 0 else self.pss_mb
                elif source.sub is not None and time.monotonic_ns() - message.monotonic_ns < 5e8:
                    small = thumbnail(message.handle)
                    self.apart_ms.append(await nearest_ms(captures, message.pts_s, small))
                handle.release(message.handle)
                is_over = now_s - began_s >= WARM_S + MEASURED_S
                if is_over and (source.sub is None or len(self.apart_ms) >= SAMPLES):
                    self.drift_s = handle.stats().counters.sub_drift_s
                    return self
        finally:
            await captures.close()
        sys.exit("the capture process ended without a word")


def thumbnail(handle: FrameHandle) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """The brightness of a picture in blocks of 80x45, without its mean."""
    luma = read_frame(handle)[: handle.height_px].astype(np.float64)
    rows, columns = handle.height_px // 45, handle.width_px // 80
    blocks = luma[: rows * 45, : columns * 80].reshape(45, rows, 80, columns).mean((1, 3))
    return np.asarray(blocks - blocks.mean())


async def nearest_ms(
    captures: Captures, pts_s: float, small: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"
) -> float:
    """How far the full-size picture that is most like an analysed one lies from its time."""
    await asyncio.sleep(0.4)
    best = (float("inf"), 0.0)
    for step in range(-5, 6):
        full = await captures["bench"].frame_at(pts_s + step / float(RATE))
        difference = float(np.abs(thumbnail(full) - small).mean())
        captures.release(full)
        best = min(best, (difference, abs(step) / float(RATE)))
    return 1000 * best[1]


def measure(folder: Path, rounds: int) -> list[Row]:
    """Both ways, alternating."""
    scene = Path(os.environ["SPYONCINO_TESTDATA"]) / "clips" / "people-walking.mp4"
    main_clip = stream_clip(scene, folder / "main.mkv", (1920, 1080), "4M", 1)
    sub_clip = stream_clip(scene, folder / "sub.mkv", (640, 360), "500k", 2)
    epoch_s = time.monotonic()
    alone: list[Run] = []
    both: list[Run] = []
    with (
        LiveRtspCamera(main_clip, epoch_s=epoch_s) as main,
        LiveRtspCamera(sub_clip, epoch_s=epoch_s) as sub,
    ):
        plain = SourceSpec("rtsp", main.url)
        double = SourceSpec("rtsp", main.url, sub=SourceSpec("rtsp", sub.url))
        for _ in range(rounds):
            alone.append(asyncio.run(Run().measure(plain)))
            both.append(asyncio.run(Run().measure(double)))
    used_s = [statistics.median(run.cpu_s for run in runs) for runs in (alone, both)]
    cpu = [100 * cpu_s / MEASURED_S for cpu_s in used_s]
    memory = [f"PSS {runs[0].pss_mb:.0f} MB" for runs in (alone, both)]
    frames = f"{alone[0].frames} and {both[0].frames} pictures analysed in {MEASURED_S:g} s"
    apart = [ms for run in both for ms in run.apart_ms]
    return [
        Row("1080p alone", cpu[0], "% of a core", None, memory[0]),
        Row(
            "1080p kept, 640x360 analysed",
            cpu[1],
            "% of a core",
            None,
            f"PSS {both[0].pss_mb:.0f} MB",
        ),
        Row("CPU with sub stream to without", cpu[1] / cpu[0], "ratio", BUDGET, frames),
        Row("sub to main, same moment, median", statistics.median(apart), "ms", 100, "by content"),
        Row("sub to main, same moment, worst", max(apart), "ms", None, f"of {len(apart)} pictures"),
        Row("drift corrected", 1000 * max(abs(run.drift_s) for run in both), "ms"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if "SPYONCINO_TESTDATA" not in os.environ or not is_there():
        sys.exit("Set SPYONCINO_TESTDATA, and install GStreamer's RTSP server: `make services`.")
    with tempfile.TemporaryDirectory() as made_in:
        write_report("sub-stream", measure(Path(made_in), arguments.rounds))
