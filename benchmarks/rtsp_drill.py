"""Kills and freezes a real RTSP server under a running camera and times how it comes back.

Needs GStreamer's RTSP server (``make services``). Run from the repository root::

    python benchmarks/rtsp_drill.py --kills 20 --away-s 20 --freezes 10 --frozen-s 12
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import FrameReady, SourceStateChanged
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.captures import Captures

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fixtures.rtsp_camera import RtspCamera, camera_clip, is_there

BACK_WITHIN_S = 120.0
SETTLE_S = 12.0
"""Frames for so long before the next accident: longer than what makes the pauses short again."""


@dataclass
class Watcher:
    """What the camera said."""

    captures: Captures
    frames: int = 0
    last_frame_s: float = 0.0
    longest_gap_s: float = 0.0
    states: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        """Take every message until the camera is stopped."""
        async for message in self.captures["door"].messages():
            if isinstance(message, FrameReady):
                now_s = time.monotonic()
                if self.frames:
                    self.longest_gap_s = max(self.longest_gap_s, now_s - self.last_frame_s)
                self.frames, self.last_frame_s = self.frames + 1, now_s
                self.captures.release(message.handle)
            elif isinstance(message, SourceStateChanged):
                self.states.append(message.state)

    async def frame_after(self, moment_s: float) -> float:
        """Seconds from a moment to the next frame.

        Raises:
            TimeoutError: None came.
        """
        while self.last_frame_s <= moment_s:
            if time.monotonic() - moment_s > BACK_WITHIN_S:
                raise TimeoutError(f"no frame within {BACK_WITHIN_S:g} s: {self.states[-6:]}")
            await asyncio.sleep(0.02)
        return self.last_frame_s - moment_s


@dataclass(frozen=True)
class Footprint:
    """What the capture process holds."""

    pid: int
    rss_mb: float
    threads: int
    descriptors: int
    rings: int


def footprint(captures: Captures, shared: Path) -> Footprint:
    """Measure the capture process now."""
    pid = captures["door"].stats().pid or os.getpid()
    child = psutil.Process(pid)
    rss_mb = child.memory_info().rss / 1e6
    rings = len(list(shared.rglob("*.ring")))
    return Footprint(pid, round(rss_mb, 1), child.num_threads(), child.num_fds(), rings)


async def drill(wanted: argparse.Namespace, folder: Path) -> list[Row]:
    """Do it all and say what came of it."""
    camera = RtspCamera(camera_clip(folder, seconds=600))
    captures = Captures(SystemClock(), base=folder)
    await captures.open()
    source = SourceSpec("rtsp", camera.url, options={"transport": wanted.transport})
    handle = captures.add(CaptureSpec("door", source, analysis_fps=5))
    watcher = Watcher(captures)
    rows = []
    with camera:
        await handle.start()
        watching = asyncio.create_task(watcher.watch())
        print(f"first frame after {await watcher.frame_after(time.monotonic()):.1f} s")
        await asyncio.sleep(SETTLE_S)
        before = footprint(captures, folder)
        for name, count in (("kill", wanted.kills), ("freeze", wanted.freezes)):
            back_s = [await accident(name, camera, watcher, wanted) for _ in range(count)]
            if back_s:
                rows += rows_of(name, back_s)
        after = footprint(captures, folder)
        print(f"before {before}\nafter  {after}\nlongest gap {watcher.longest_gap_s:.1f} s")
    await captures.close()
    await watching
    rows.append(Row("same process", float(before.pid == after.pid), "of 1", 1.0, "at least"))
    rows.append(Row("memory grown by", after.rss_mb - before.rss_mb, "MB"))
    rows.append(Row("threads grown by", after.threads - before.threads, "threads"))
    rows.append(Row("descriptors grown by", after.descriptors - before.descriptors, "files"))
    rows.append(Row("rings left behind", after.rings - before.rings, "files"))
    return rows


async def accident(
    name: str, camera: RtspCamera, watcher: Watcher, wanted: argparse.Namespace
) -> float:
    """One accident; seconds from its end to the next frame."""
    if name == "kill":
        await asyncio.to_thread(camera.kill)
        await asyncio.sleep(wanted.away_s)
        await asyncio.to_thread(camera.start)
    else:
        camera.freeze()
        await asyncio.sleep(wanted.frozen_s)
        camera.thaw()
    back_s = await watcher.frame_after(time.monotonic())
    print(f"{name}: frames again after {back_s:.1f} s", flush=True)
    await asyncio.sleep(SETTLE_S)
    return back_s


def rows_of(name: str, back_s: list[float]) -> list[Row]:
    """The seconds of one kind of accident."""
    return [
        Row(f"{name}: recoveries", float(len(back_s)), "times"),
        Row(f"{name}: back after, median", median(back_s), "s"),
        Row(f"{name}: back after, longest", max(back_s), "s"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--away-s", type=float, default=20.0)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--frozen-s", type=float, default=12.0)
    parser.add_argument("--transport", choices=["tcp", "udp"], default="tcp")
    wanted = parser.parse_args()
    if not is_there():
        raise SystemExit("GStreamer's RTSP server is missing; `make services` installs it")
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(drill(wanted, Path(folder)))
    print(write_report(f"rtsp-drill-{wanted.transport}", rows))


if __name__ == "__main__":
    main()
