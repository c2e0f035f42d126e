"""Main killed with SIGKILL again and again under its own unit: seconds until it is back.

The unit is written by ``spyoncino service install`` and followed, its pause included, by a stand-in
for systemd (``stand_in.py``). A real RTSP camera and the simulator, whose visitors ring, so that
most kills hit an event. Every figure counts from the kill. After each restart no process of the run
before may live; at the end every event must be completed or failed with a reason, and nothing may
lie in shared memory. ``--hangs``: main is stopped instead (SIGSTOP), and the watchdog finds out.

    python benchmarks/restart_drill.py --kills 10 --hangs 1
"""

import argparse
import functools
import json
import os
import queue
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from report import ROOT, Row, write_report
from spyoncino.runtime.children import shared_memory_base

sys.path.insert(0, str(ROOT))

from tests.fixtures.programs import RINGS_ALONE, Records, clean_environment, sim, write_config
from tests.fixtures.rtsp_camera import RtspServer, RtspStream, free_port, is_there
from tests.fixtures.rtsp_clips import FPS, looping_clip, real_clip

START_TIMEOUT_S = 90.0
STEP_S = 0.02
LEAST_PAUSE_S, MOST_PAUSE_S = 3.0, 9.0
"""Between all live and the next kill: somewhere in a round of the simulator's script."""

LOST_IN_MAIN = "the program ended during this event"


@dataclass(frozen=True)
class Times:
    """Seconds from a kill, or a hang's end, to each step."""

    started_s: float
    page_s: float
    ready_s: float
    live_s: dict[str, float]


class Service:
    """The installed service under the stand-in.

    Args:
        folder: For configuration, unit, data and log.
        shared: For shared memory.
        cameras: Section ``cameras``.
    """

    def __init__(self, folder: Path, shared: Path, cameras: dict[str, Any]) -> None:
        self.cameras = tuple(cameras)
        self.records = Records(folder / "data")
        self._log = folder / "log"
        self._log.touch()
        self._port = free_port()
        config = write_config(
            folder / "spyoncino.yaml",
            cameras=cameras,
            events=RINGS_ALONE,
            web={"port": self._port},
            shared_memory={"folder": str(shared)},
        )
        environment = {**clean_environment(), "XDG_CONFIG_HOME": str(folder / "home")}
        del environment["SPYONCINO_WEB__PORT"]
        program = (sys.executable, "-m", "spyoncino", "--config", str(config))
        install = (*program, "--data", str(self.records.data), "service", "install")
        subprocess.run(install, env=environment, check=True, stdout=subprocess.DEVNULL)
        unit = folder / "home" / "systemd" / "user" / "spyoncino.service"
        lines = unit.read_text(encoding="utf-8").splitlines()
        shown = [word for word in lines if word.startswith(("Restart", "WatchdogSec"))]
        print("the unit says", ", ".join(shown))
        self._facts: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        stand_in = (sys.executable, str(Path(__file__).with_name("stand_in.py")))
        self._stand_in = subprocess.Popen(
            (*stand_in, str(unit), str(self._log)),
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        threading.Thread(target=self._hear, daemon=True).start()
        self.pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        if self._stand_in.poll() is None:
            self._stand_in.terminate()
            self._stand_in.wait(START_TIMEOUT_S)

    def _hear(self) -> None:
        assert self._stand_in.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._stand_in.stdout:
            self._facts.put(json.loads(line))

    def fact(self, what: str) -> dict[str, Any]:
        """The next fact of this kind.

        Raises:
            SystemExit: It did not come.
        """
        until_s = time.monotonic() + START_TIMEOUT_S
        while (left_s := until_s - time.monotonic()) > 0:
            with suppress(queue.Empty):
                fact = self._facts.get(timeout=left_s)
                if fact["what"] == what:
                    return fact
        raise SystemExit(f"'{what}' did not come about; see {self._log}:\n{self._said()[-2000:]}")

    def is_up(self, since_s: float, from_byte: int) -> Times:
        """Wait until it is up again.

        Args:
            since_s: Monotonic time from which seconds count.
            from_byte: Of the log, before that.
        """
        started = self.fact("started")
        self.pid = started["pid"]
        page_s = self._wait(self._page_answers)
        ready = self.fact("ready")
        live = {
            name: self._wait(functools.partial(self._is_live, name, from_byte))
            for name in self.cameras
        }
        return Times(
            started["at_s"] - since_s,
            page_s - since_s,
            ready["at_s"] - since_s,
            {name: at_s - since_s for name, at_s in live.items()},
        )

    def log_size(self) -> int:
        """Bytes of the log so far."""
        return self._log.stat().st_size

    def end(self) -> float:
        """As ``systemctl stop`` does; seconds until it has ended."""
        began_s = time.monotonic()
        self._stand_in.terminate()
        ended = self.fact("ended")
        if ended["code"] != 0:
            raise SystemExit(f"it ended with {ended['code']}:\n{self._said()[-2000:]}")
        return float(ended["at_s"]) - began_s

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _wait(self, what: Any) -> float:
        until_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until_s:
            if what():
                return time.monotonic()
            time.sleep(STEP_S)
        raise SystemExit(f"it is not up after {START_TIMEOUT_S:g} s:\n{self._said()[-2000:]}")

    def _page_answers(self) -> bool:
        address = f"http://127.0.0.1:{self._port}/health/live"
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _is_live(self, camera: str, from_byte: int) -> bool:
        with self._log.open("rb") as file:
            file.seek(from_byte)
            lines = file.read().decode(errors="replace").splitlines()
        return any("state=live" in line and camera in line for line in lines)


class Drill:
    """All rounds.

    Args:
        service: Up.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._chance = random.Random(7)  # noqa: S311 - moments, not secrets
        self.kills: list[Times] = []
        self.hangs: list[float] = []
        self.survivors = 0
        self.open_at_kill: set[str] = set()

    def kill(self) -> None:
        """Kill main somewhere in an event and see it come back."""
        children = self._before()
        from_byte = self._service.log_size()
        at_s = time.monotonic()
        os.kill(self._service.pid, signal.SIGKILL)
        self.kills.append(self._service.is_up(at_s, from_byte))
        self._count_survivors(children)
        print(self.kills[-1], flush=True)

    def hang(self) -> None:
        """Stop main and see the watchdog find out."""
        children = self._before()
        from_byte = self._service.log_size()
        at_s = time.monotonic()
        os.kill(self._service.pid, signal.SIGSTOP)
        self._service.fact("hangs")
        times = self._service.is_up(at_s, from_byte)
        self._count_survivors(children)
        self.hangs.append(max(times.live_s.values()))

    def _before(self) -> list[psutil.Process]:
        time.sleep(self._chance.uniform(LEAST_PAUSE_S, MOST_PAUSE_S))
        states = self._service.records.events()
        closed = ("completed", "failed")
        self.open_at_kill |= {key for key, state in states.items() if state not in closed}
        children: list[psutil.Process] = psutil.Process(self._service.pid).children(recursive=True)
        return children

    def _count_survivors(self, children: list[psutil.Process]) -> None:
        """Those of the run before that still live when the next one is up."""
        for child in children:
            with suppress(psutil.NoSuchProcess):
                self.survivors += child.is_running() and child.status() != psutil.STATUS_ZOMBIE


def rows(service: Service, drill: Drill, first: Times, end_s: float, left: int) -> list[Row]:
    """What came of it."""
    steps = {
        "started by the unit": [one.started_s for one in drill.kills],
        "page answers": [one.page_s for one in drill.kills],
        "ready": [one.ready_s for one in drill.kills],
        **{
            f"{camera} ({kind}) is live": [one.live_s[camera] for one in drill.kills]
            for camera, kind in zip(service.cameras, ("RTSP", "simulator"), strict=False)
        },
    }
    found = [
        Row("first start to ready", first.ready_s, "s", 5.0, "whole pool; at most"),
        Row("first start to all cameras live", max(first.live_s.values()), "s"),
    ]
    for name, values in steps.items():
        if values:
            found += [
                Row(f"kill -9 to {name}, median", statistics.median(values), "s"),
                Row(f"kill -9 to {name}, most", max(values), "s", note=f"{len(values)} kills"),
            ]
    if drill.hangs:
        note = "the unit's watchdog included"
        found.append(Row("main hangs to all live, most", max(drill.hangs), "s", note=note))
    states = service.records.events()
    reasons = service.records.reasons()
    lost = [key for key in drill.open_at_kill if LOST_IN_MAIN in reasons.get(key, "")]
    closed = [key for key, state in states.items() if state in ("completed", "failed")]
    return [
        *found,
        Row("SIGTERM to ended", end_s, "s"),
        Row("events", len(states), "events"),
        Row("events neither completed nor failed", len(states) - len(closed), "events", 0),
        Row("events open at a kill", len(drill.open_at_kill), "events"),
        Row("of them closed with the reason", len(lost), "events", note=f"'{LOST_IN_MAIN}'"),
        Row("processes of a killed run that lived on", drill.survivors, "processes", 0),
        Row("folders left in shared memory", left, "folders", 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--hangs", type=int, default=0)
    parser.add_argument("--name", default="restart", help="of the result")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drill-")))
        memory = tempfile.TemporaryDirectory(prefix="drill-", dir=shared_memory_base())
        shared = Path(stack.enter_context(memory))
        cameras: dict[str, Any] = {"yard": sim()}
        if is_there():
            clip = looping_clip(folder / "door.h264", "h264", real_clip())
            stream = RtspStream("door", clip, "h264", FPS)
            server, urls = RtspServer.of_streams([stream], folder)
            stack.enter_context(server)
            cameras = {"door": {"source": {"type": "rtsp", "url": urls["door"]}}, **cameras}
        else:
            print("GStreamer's RTSP server is missing: the simulator alone")
        began_s = time.monotonic()
        service = stack.enter_context(Service(folder, shared, cameras))
        first = service.is_up(began_s, 0)
        drill = Drill(service)
        for _ in range(wanted.kills):
            drill.kill()
        for _ in range(wanted.hangs):
            drill.hang()
        end_s = service.end()
        left = len(list(shared.iterdir()))
        found = rows(service, drill, first, end_s, left)
    write_report(wanted.name, found)


if __name__ == "__main__":
    main()
