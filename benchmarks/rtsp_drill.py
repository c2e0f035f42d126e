"""Real RTSP cameras lose their server, their cable and their power; seconds until they are back.

Eight cameras at the same time, TCP and UDP × H.264 and H.265 × with and without password, are
served by one GStreamer process (``make services``) in a network namespace of its own. Accidents:

- **kill**: the server dies (its connections are reset) and comes back after a while;
- **freeze**: the server stops and goes on, its connections open;
- **cut**: every packet vanishes for a while, both ways, and nobody is told;
- **power**: the cable is cut, the server dies in the dark, comes back, and the cable too: what a
  camera does that loses its power.

"Back" counts from the moment at which the camera could be seen again to its first new picture in
main. Between two accidents pictures flow for longer than what makes the pauses between tries short
again. Without root there is no namespace: the server listens on this machine, nothing is cut.

    SPYONCINO_TESTDATA=... python benchmarks/rtsp_drill.py --kills 20 --freezes 10 --cuts 5
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from footprint import Footprint
from report import Row, write_report
from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import FrameReady, SourceStateChanged
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.captures import Captures
from spyoncino.runtime.children import shared_memory_base

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.fixtures.rtsp_camera import RtspServer, RtspStream, is_there
from tests.fixtures.rtsp_clips import FPS, looping_clip, real_clip
from tests.fixtures.rtsp_network import CameraNetwork, why_no_network

BACK_WITHIN_S = 120.0
SETTLE_S = 12.0
"""Pictures for so long before the next accident: longer than what makes the pauses short again."""

WARM_UP_S = 45.0
"""Until memory is compared: the packet rings hold 30 s."""

ACCOUNT = ("anna", "s3cr3t@/1")
AIM_S = 5.0
"""Back so long after the camera is, by the median; at most twice as long."""


@dataclass
class Watcher:
    """What one camera said; times are monotonic seconds."""

    camera: str
    frames_at_s: list[float] = field(default_factory=list)
    states: list[tuple[float, SourceStateChanged]] = field(default_factory=list)

    async def watch(self, captures: Captures) -> None:
        """Take every message until the camera is stopped."""
        async for message in captures[self.camera].messages():
            if isinstance(message, FrameReady):
                self.frames_at_s.append(time.monotonic())
                captures.release(message.handle)
            elif isinstance(message, SourceStateChanged):
                self.states.append((time.monotonic(), message))

    async def back_after(self, moment_s: float) -> float | None:
        """Seconds from a moment to the next picture; ``None`` when none came."""
        while not self.frames_at_s or self.frames_at_s[-1] <= moment_s:
            if time.monotonic() - moment_s > BACK_WITHIN_S:
                return None
            await asyncio.sleep(0.02)
        return next(at for at in self.frames_at_s if at > moment_s) - moment_s


@dataclass(frozen=True)
class Accident:
    """What one accident did to one camera.

    Args:
        kind: Of accident.
        camera: Name of the camera.
        back_s: From its end to the next picture; ``None``: never.
        noticed_s: From its beginning until the camera's state said so; ``None``: it never did.
        gap_s: Between the pictures before and after.
        reported_s: Length of the gaps that were reported; ``None``: none was.
    """

    kind: str
    camera: str
    back_s: float | None
    noticed_s: float | None
    gap_s: float
    reported_s: float | None


class Drill:
    """Eight cameras and everything that happens to them.

    Args:
        folder: For clips and shared memory.
        wanted: The command line.
    """

    def __init__(self, folder: Path, wanted: argparse.Namespace) -> None:
        self._folder = folder
        self._wanted = wanted
        self._shared = folder / "shared"
        self._shared.mkdir()
        self._captures = Captures(SystemClock(), base=self._shared)
        self._watchers: list[Watcher] = []
        self._counted: dict[str, tuple[int, float]] = {}
        self.shown = ""
        self.accidents: list[Accident] = []

    async def run(self) -> list[Row]:
        """Do it all and say what came of it."""
        with ExitStack() as stack:
            refusal = why_no_network()
            self._network = None if refusal else stack.enter_context(CameraNetwork())
            if refusal:
                print(f"No cable to cut: {refusal}; kills and freezes only.")
            self._server, urls = RtspServer.of_streams(
                await asyncio.to_thread(self._streams), self._folder, self._network
            )
            stack.enter_context(self._server)
            await self._captures.open()
            try:
                watching = await self._start(urls)
                before = await self._after_warm_up()
                for kind in self._plan():
                    await self._suffer(kind)
                after = await self._after_warm_up()
                for handle in self._captures:
                    stats = handle.stats()
                    self._counted[handle.camera_id] = (stats.gaps, stats.lost_s)
            finally:
                await self._captures.close()
            await asyncio.gather(*watching)
        left = sum(1 for _ in self._shared.rglob("*.ring"))
        return [*self._rows(), *before.rows_until(after), Row("rings left", left, "files", 0)]

    def _plan(self) -> list[str]:
        """Every kind as often as wanted, spread over the time."""
        counts = {"kill": self._wanted.kills, "freeze": self._wanted.freezes}
        if self._network:
            counts |= {"cut": self._wanted.cuts, "power": self._wanted.powers}
        due = [((n + 0.5) / count, kind) for kind, count in counts.items() for n in range(count)]
        return [kind for _, kind in sorted(due)]

    def _streams(self) -> list[RtspStream]:
        recording = real_clip()
        self.shown = (
            recording.name if recording else "grey pictures (SPYONCINO_TESTDATA is not set)"
        )
        clips = {
            codec: looping_clip(self._folder / f"clip.{codec}", codec, recording)
            for codec in ("h264", "hevc")
        }
        return [
            RtspStream(f"{transport}-{codec}-{entry}", clips[codec], codec, FPS, account)
            for transport, codec, (entry, account) in itertools.product(
                ("tcp", "udp"), ("h264", "hevc"), (("open", ()), ("password", ACCOUNT))
            )
        ]

    async def _start(self, urls: dict[str, str]) -> list["asyncio.Task[None]"]:
        tasks = []
        began_s = time.monotonic()
        for name, url in urls.items():
            transport, _, entry = name.split("-")
            secrets = dict(zip(("username", "password"), ACCOUNT, strict=True))
            source = SourceSpec(
                "rtsp",
                url,
                options={"transport": transport},
                secrets=secrets if entry == "password" else {},
            )
            handle = self._captures.add(CaptureSpec(name, source))
            watcher = Watcher(name)
            self._watchers.append(watcher)
            await handle.start()
            tasks.append(asyncio.create_task(watcher.watch(self._captures)))
        first = [await watcher.back_after(began_s) for watcher in self._watchers]
        print(
            "first pictures after", *(f"{seconds or -1:.1f}" for seconds in first), "s", flush=True
        )
        return tasks

    async def _after_warm_up(self) -> Footprint:
        await asyncio.sleep(self._wanted.warm_up_s)
        found = self._footprint()
        print(found, flush=True)
        return found

    def _footprint(self) -> Footprint:
        """This process and those of the cameras, without the server."""
        captures = {handle.stats().pid for handle in self._captures}
        this = psutil.Process()
        mine = [child for child in this.children(recursive=True) if child.pid in captures]
        return Footprint.of([this, *mine], self._shared)

    async def _suffer(self, kind: str) -> None:
        """One accident, for all cameras at once."""
        began_s = time.monotonic()
        if kind == "freeze":
            self._server.freeze()
            await asyncio.sleep(self._wanted.frozen_s)
            self._server.thaw()
        else:
            await self._go_dark(kind)
        ended_s = time.monotonic()
        back = await asyncio.gather(*(w.back_after(ended_s) for w in self._watchers))
        await asyncio.sleep(SETTLE_S)
        found = [
            _account(kind, watcher, began_s, ended_s, back_s)
            for watcher, back_s in zip(self._watchers, back, strict=True)
        ]
        self.accidents += found
        words = " ".join("never" if one.back_s is None else f"{one.back_s:.1f}" for one in found)
        memory_mb = self._footprint().memory_mb
        print(f"{kind:<7} back after {words} s; {memory_mb:.0f} MB", flush=True)
        for watcher, one in zip(self._watchers, found, strict=True):
            if one.back_s is None or one.back_s > 2 * AIM_S:
                _tell_late(watcher, began_s, ended_s)

    async def _go_dark(self, kind: str) -> None:
        network = self._network if kind in ("cut", "power") else None
        if network:
            network.cut()
        if kind in ("kill", "power"):
            await asyncio.to_thread(self._server.kill)
        await asyncio.sleep(self._wanted.away_s)
        if kind in ("kill", "power"):
            await asyncio.to_thread(self._server.start)
        if network:
            network.mend()

    def _rows(self) -> list[Row]:
        rows: list[Row] = []
        for kind in dict.fromkeys(accident.kind for accident in self.accidents):
            rows += _rows_of(kind, [one for one in self.accidents if one.kind == kind])
        for watcher in self._watchers:
            back = [
                one.back_s
                for one in self.accidents
                if one.camera == watcher.camera and one.back_s is not None
            ]
            if back:
                gaps, lost_s = self._counted[watcher.camera]
                note = f"counted in /metrics: {gaps} gaps, {lost_s:.0f} s"
                rows.append(
                    Row(f"{watcher.camera}: back after, median", statistics.median(back), "s")
                )
                rows.append(Row(f"{watcher.camera}: back after, most", max(back), "s", note=note))
        return rows


def _account(
    kind: str, watcher: Watcher, began_s: float, ended_s: float, back_s: float | None
) -> Accident:
    """What the camera said from the beginning of an accident until now."""
    told = [(at, change) for at, change in watcher.states if at >= began_s]
    noticed = [at for at, change in told if change.state in ("stalled", "retrying")]
    gaps = [change.gap_s for _, change in told if change.gap_s]
    before = [at for at in watcher.frames_at_s if at <= ended_s]
    # Pictures that were under way when it began arrive a moment later.
    last_s = max((at for at in before if at <= began_s + 2), default=began_s)
    return Accident(
        kind,
        watcher.camera,
        back_s,
        min(noticed) - began_s if noticed else None,
        ended_s + (back_s or 0.0) - last_s,
        sum(gaps) if gaps else None,
    )


def _tell_late(watcher: Watcher, began_s: float, ended_s: float) -> None:
    """Print what a camera said that came back late."""
    for at, change in watcher.states:
        if at >= began_s:
            print(f"    {watcher.camera} {at - ended_s:+6.1f} s {change.state}: {change.detail}")


def _rows_of(kind: str, accidents: Sequence[Accident]) -> list[Row]:
    """The figures of one kind of accident."""
    total = len(accidents)
    back = sorted(one.back_s for one in accidents if one.back_s is not None)
    noticed = [one.noticed_s for one in accidents if one.noticed_s is not None]
    wrong = [abs(one.gap_s - one.reported_s) for one in accidents if one.reported_s is not None]
    times = f"of {total}: {total // 8} times, 8 cameras"
    rows = [
        Row(f"{kind}: recovered", len(back), "cameras", total, times),
        Row(f"{kind}: gaps reported", len(wrong), "gaps", total, times),
    ]
    if back:
        p95 = back[min(len(back) - 1, round(0.95 * (len(back) - 1)))]
        rows += [
            Row(f"{kind}: back after, median", statistics.median(back), "s", AIM_S),
            Row(f"{kind}: back after, p95", p95, "s", 2 * AIM_S),
            Row(f"{kind}: back after, most", back[-1], "s", 2 * AIM_S),
        ]
    if noticed:
        rows += [
            Row(f"{kind}: noticed after, median", statistics.median(noticed), "s"),
            Row(f"{kind}: noticed after, most", max(noticed), "s"),
        ]
    if wrong:
        rows.append(Row(f"{kind}: reported length wrong by at most", max(wrong), "s"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=5)
    parser.add_argument("--powers", type=int, default=5)
    parser.add_argument("--away-s", type=float, default=20.0, help="of all but freezes")
    parser.add_argument("--frozen-s", type=float, default=12.0)
    parser.add_argument("--warm-up-s", type=float, default=WARM_UP_S)
    parser.add_argument("--name", default="rtsp-drill", help="of the result")
    wanted = parser.parse_args()
    if not is_there():
        raise SystemExit("GStreamer's RTSP server is missing; `make services` installs it")
    with tempfile.TemporaryDirectory(prefix="drill-", dir=shared_memory_base()) as folder:
        drill = Drill(Path(folder), wanted)
        rows = asyncio.run(drill.run())
    write_report(wanted.name, rows)
    lost = [one for one in drill.accidents if one.back_s is None]
    sys.exit(f"{len(lost)} cameras did not come back" if lost else 0)


if __name__ == "__main__":
    main()
