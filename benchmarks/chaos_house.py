"""The house of the chaos run: the program over several lives, its cameras, and what is seen of it.

Two simulated cameras, one over HTTP whose pictures may stop, and one over RTSP whose server may be
killed (a third simulated one where GStreamer's server is missing).
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from chaos_clock import WallClock
from footprint import Memory
from report import ROOT
from spyoncino.core.control_desk import ask_main
from spyoncino.core.paths import DataFolder

sys.path.insert(0, str(ROOT))

from tests.fixtures.mjpeg_camera import MjpegCamera
from tests.fixtures.programs import RINGS_ALONE, Records, Running, sim, write_config
from tests.fixtures.rtsp_camera import RtspServer, RtspStream, is_there
from tests.fixtures.rtsp_clips import FPS, looping_clip

BENCHMARKS = Path(__file__).resolve().parent
DISK_MB = 400
STEP_S = 0.2
SAMPLE_S = 0.5
HEALTH_EVERY = 4
"""Looks from one question about errors to the next."""

SLOW_FPS, QUICK_FPS = 2, 3
"""Of the camera whose settings are pushed."""


@dataclass(frozen=True, slots=True)
class Held:
    """What all processes hold together; memory counts shared parts once."""

    memory_mb: float
    processes: int
    descriptors: int
    threads: int


class Cameras:
    """What lies outside of the program: an HTTP camera, and an RTSP camera where one can be."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.http = stack.enter_context(MjpegCamera(fps=10, sizes=((320, 180),)))
        self.http_fps = self.http.fps
        self.rtsp: RtspServer | None = None
        self.rtsp_url = ""
        if is_there():
            clip = looping_clip(folder / "yard.h264", "h264", None, size=(320, 192), seconds=20)
            self.rtsp, urls = RtspServer.of_streams([RtspStream("yard", clip, "h264", FPS)], folder)
            self.rtsp_url = urls["yard"]
            stack.enter_context(self.rtsp)

    def sections(self) -> dict[str, Any]:
        """All cameras as the configuration has them."""
        simulated = sim(width_px=320, height_px=180, press_at_s=-1)
        found = {name: {**simulated, "analysis_fps": SLOW_FPS} for name in ("door", "gate", "yard")}
        source = {"type": "http", "url": self.http.url, "stall_s": 2}
        found["hall"] = {"source": source, "analysis_fps": SLOW_FPS}
        if self.rtsp_url:
            source = {"type": "rtsp", "url": self.rtsp_url, "stall_s": 2}
            found["yard"] = {"source": source, "analysis_fps": SLOW_FPS}
        return found


class House:
    """The program over several lives, and what can be seen of it from outside."""

    def __init__(
        self, folder: Path, shared: Path, cameras: Cameras, clock: WallClock, seed: int
    ) -> None:
        self.data = folder / "disk" / "data"
        self.records = Records(self.data)
        self.orders = folder / "orders"
        self.orders.mkdir()
        self.outside = cameras
        self.clock = clock
        part = {"folder": str(self.orders), "seed": seed}
        sections = cameras.sections()
        self.cameras = tuple(sections)
        self.config = write_config(
            folder / "spyoncino.yaml",
            cameras=sections,
            events=RINGS_ALONE,
            clip={"min_free_bytes": 30_000_000},
            media={"max_bytes": 100_000_000, "min_free_bytes": 40_000_000},
            health={
                "interval_s": 5,
                "restart_cooldown_s": 2,
                "disk_free_bytes": 20_000_000,
                "disk_free_percent": 0,
            },
            updates={"proof_s": 2},
            shared_memory={"folder": str(shared)},
            chaosringer=part,
            chaosear=part,
            chaosmonkey={"folder": str(self.orders), "mood": "calm"},
        )
        self.log = folder / "log"
        self.running = self._start()

    def _start(self) -> Running:
        running = Running(
            self.log,
            *("--data", self.data, "run", "--config", self.config, "--show", "off"),
        )
        with self.clock.in_force():
            return running.__enter__()

    def end(self) -> None:
        """End what still runs, by force."""
        self.running.__exit__()

    def restart(self) -> None:
        """Start again what was killed, as systemd does."""
        self.running.process.wait(10)
        self.running = self._start()

    def order(self, name: str, **arguments: Any) -> Any:
        """Give main an order by its socket, as commands do."""
        return asyncio.run(ask_main(DataFolder(self.data).socket, name, **arguments))

    def ask(self, path: str) -> Any:
        """The page's answer; ``None`` when there is none."""
        ports = re.findall(
            r"The page: http://127\.0\.0\.1:(\d+)", self.log.read_text(errors="replace")
        )
        if not ports:
            return None
        try:
            address = f"http://127.0.0.1:{ports[-1]}{path}"
            with urllib.request.urlopen(address, timeout=2) as answer:
                return json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def live(self) -> dict[str, bool]:
        """Whether each camera shows pictures."""
        told = self.ask("/api/v1/cameras") or []
        states = {each["camera"]: each["state"] == "live" for each in told}
        return {camera: states.get(camera, False) for camera in self.cameras}

    def all_live(self) -> bool:
        """Whether every camera shows pictures."""
        return all(self.live().values())

    def said_since(self, offset: int) -> str:
        """What the program has printed after this many bytes."""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def accepted(self) -> dict[str, float]:
        """Id of each accepted press to its moment, on the machine's monotonic clock."""
        words = (line.split() for line in lines_of(self.orders / "accepted"))
        return {key: float(at) for key, at in words}

    def heard(self) -> set[str]:
        """Ids of presses that the durable subscriber heard."""
        return set(lines_of(self.orders / "heard"))

    def in_events(self) -> set[str]:
        """Ids of presses that lie in an event which the database has."""
        kept = self.records.events().keys()
        told = (line.split() for line in lines_of(self.orders / "told"))
        return {press for press, event in told if event in kept}

    def held(self) -> Held:
        """What all its processes hold now."""
        processes = [psutil.Process(self.running.process.pid), *self.running.children()]
        memory_mb, descriptors, threads = 0.0, 0, 0
        for process in processes:
            with suppress(psutil.NoSuchProcess, OSError):
                memory_mb += Memory.of(process.pid).pss_mb
                descriptors += process.num_fds()
                threads += process.num_threads()
        return Held(memory_mb, len(processes), descriptors, threads)


class Watcher(threading.Thread):
    """Looks twice a second whether the page answers and which cameras are live."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self._house = house
        self.over = threading.Event()
        self.looks = 0
        self.up: Counter[str] = Counter()
        self.delivered = self.failed = 0.0
        self._told: tuple[float, float] = (0.0, 0.0)

    def run(self) -> None:
        """Until it is over."""
        while not self.over.wait(SAMPLE_S):
            self.looks += 1
            live = self._house.live()
            self.up["whole"] += self._house.ask("/health/live") is not None
            self.up.update(camera for camera, is_live in live.items() if is_live)
            if self.looks % HEALTH_EVERY == 0:
                self.note_errors()

    def note_errors(self) -> None:
        """Add what the bus delivered since the last question; a new life counts from 0 again."""
        summary = (self._house.ask("/health") or {}).get("summary") or {}
        numbers = summary.get("modules", {}).get("bus", {}).get("numbers")
        if numbers is None:
            return
        now = (float(numbers["delivered"]), float(numbers["failed"]))
        before = self._told if now[0] >= self._told[0] else (0.0, 0.0)
        self.delivered += now[0] - before[0]
        self.failed += now[1] - before[1]
        self._told = now


def lines_of(path: Path) -> list[str]:
    """Lines of a file that may not be there yet."""
    return path.read_text().splitlines() if path.exists() else []


def wait_until(what: Callable[[], bool], within_s: float) -> bool:
    """Wait until it is so; whether it was in time."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if what():
            return True
        time.sleep(STEP_S)
    return False


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A tmpfs at the folder, where this user may make one; whether it is there."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(command, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextmanager
def plug_in(folder: Path) -> Iterator[None]:
    """Have every process started from here find ``chaos_part`` as an installed plug-in."""
    facts = folder / "chaos_part-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: chaos-part\nVersion: 1\n")
    names = {"ringer": "Ringer", "ear": "Ear", "monkey": "Monkey"}
    rows = [f"{name} = chaos_part:{kind}" for name, kind in names.items()]
    (facts / "entry_points.txt").write_text("[spyoncino.modules]\n" + "\n".join(rows) + "\n")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(folder), str(BENCHMARKS), *([before] if before else [])]
    )
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
