"""Everything that may break, breaks, in an order that a seed decides, while the bell is rung.

Three simulated cameras and one MJPEG camera over HTTP, whose pictures may stop; a plug-in
(``chaos_part.py``) rings every second or two and misbehaves on order. One fault at a time; the next
comes when the last is recovered, or after a minute. Recovered means: what the fault hit works again
by itself, counted from the moment at which the fault ended (a full disk: room again; a lost camera:
pictures again) or, where it does not end by itself, began.

A press is accepted when ``publish`` has returned. Lost is one that its durable subscriber never
heard, or that lies in no event of its camera. With root the data folder is a tmpfs that is filled.

    python benchmarks/chaos.py --minutes 20 --seed 7
"""

import argparse
import itertools
import json
import os
import random
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from footprint import Memory
from report import ROOT, Row, write_report
from spyoncino.runtime.children import shared_memory_base

sys.path.insert(0, str(ROOT))

from tests.fixtures.mjpeg_camera import MjpegCamera
from tests.fixtures.programs import RINGS_ALONE, Records, Running, sim, write_config

BENCHMARKS = Path(__file__).resolve().parent
DISK_MB = 400
RECOVER_WITHIN_S = 60.0
START_WITHIN_S = 180.0
STEP_S = 0.2
SAMPLE_S = 0.5
SETTLE_S = 12.0
"""At the end without faults, so that open events close."""

LOST_CAMERA = "hall"
FULL_FOR_S = LOCKED_FOR_S = LOST_FOR_S = 6.0
CLOSED = ("completed", "failed")
NEAR_S = 3.0
"""An event holds a press of a moment that lies so near to it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault."""

    kind: str
    recovered_s: float | None


class House:
    """The program over several lives, and what can be seen of it from outside."""

    def __init__(self, folder: Path, shared: Path, hall: str, seed: int) -> None:
        self.folder = folder
        self.data = folder / "disk" / "data"
        self.records = Records(self.data)
        self.orders = folder / "orders"
        self.orders.mkdir()
        self.shared = shared
        part = {"folder": str(self.orders), "seed": seed}
        cameras: dict[str, Any] = {
            name: {**sim(width_px=320, height_px=180, press_at_s=-1), "analysis_fps": 2}
            for name in ("door", "gate", "yard")
        }
        source = {"type": "http", "url": hall, "stall_s": 2}
        cameras[LOST_CAMERA] = {"source": source, "analysis_fps": 2}
        self.cameras = tuple(cameras)
        self.config = write_config(
            folder / "spyoncino.yaml",
            cameras=cameras,
            events=RINGS_ALONE,
            clip={"min_free_bytes": 30_000_000},
            media={"max_bytes": 100_000_000, "min_free_bytes": 40_000_000},
            health={
                "interval_s": 5,
                "restart_cooldown_s": 2,
                "disk_free_bytes": 20_000_000,
                "disk_free_percent": 0,
            },
            shared_memory={"folder": str(shared)},
            chaosringer=part,
            chaosear=part,
            chaosmonkey=part,
        )
        self.log = folder / "log"
        self.running = self._start()
        self.running.__enter__()

    def _start(self) -> Running:
        return Running(
            self.log,
            *("--data", self.data, "run", "--config", self.config, "--show", "off"),
        )

    def end(self) -> None:
        """End what still runs, by force."""
        self.running.__exit__()

    def restart(self) -> None:
        """Start again what was killed, as systemd does."""
        self.running.process.wait(10)
        self.running = self._start()
        self.running.__enter__()

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

    def said_since(self, offset: int) -> str:
        """What the program has printed after this many bytes."""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def accepted(self) -> list[tuple[str, str, float]]:
        """Id, camera and wall time of each accepted press."""
        words = (line.split() for line in lines_of(self.orders / "accepted"))
        return [(key, camera, float(at)) for key, camera, at in words]

    def heard(self) -> set[str]:
        """Ids of presses that the durable subscriber heard."""
        return set(lines_of(self.orders / "heard"))

    def spans(self) -> dict[str, list[tuple[float, float]]]:
        """Camera to begin and end (wall time) of its events with presses."""
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for (text,) in self.records.query("select data from events"):
            event = json.loads(text)
            if event["presses"]:
                moments = (event["started_at"], event["ended_at"])
                begin, end = (datetime.fromisoformat(each).timestamp() for each in moments)
                found[event["camera"]].append((begin, end))
        return found

    def memory_mb(self) -> float:
        """Of all processes, shared parts once."""
        processes = [psutil.Process(self.running.process.pid), *self.running.children()]
        total = 0.0
        for process in processes:
            with suppress(psutil.NoSuchProcess, OSError):
                total += Memory.of(process.pid).pss_mb
        return total


def lines_of(path: Path) -> list[str]:
    """Lines of a file that may not be there yet."""
    return path.read_text().splitlines() if path.exists() else []


class Watcher(threading.Thread):
    """Looks twice a second whether the page answers and which cameras are live."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self._house = house
        self.over = threading.Event()
        self.looks = 0
        self.up: Counter[str] = Counter()

    def run(self) -> None:
        """Until it is over."""
        while not self.over.wait(SAMPLE_S):
            self.looks += 1
            live = self._house.live()
            self.up["whole"] += self._house.ask("/health/live") is not None
            self.up.update(camera for camera, is_live in live.items() if is_live)


class Faults:
    """What may break; each method breaks something and returns how to see that it works again."""

    def __init__(self, house: House, hall: MjpegCamera, chance: random.Random) -> None:
        self._house = house
        self._hall = hall
        self._hall_fps = hall.fps
        self._chance = chance

    def kinds(self, *, has_disk: bool) -> dict[str, Callable[[], Callable[[], bool]]]:
        """Name to fault."""
        kinds: dict[str, Callable[[], Callable[[], bool]]] = {
            "capture process killed": lambda: self._child("captures", signal.SIGKILL),
            "capture process frozen": lambda: self._child("captures", signal.SIGSTOP),
            "worker killed": lambda: self._child("workers", signal.SIGKILL),
            "worker frozen": lambda: self._child("workers", signal.SIGSTOP),
            "module raises in its handler": lambda: self._order("raise"),
            "module hangs in health": lambda: self._order("hang"),
            "module breaks its contract": lambda: self._order("lie"),
            "event loop blocked": self._block,
            "database locked": self._lock,
            "broken configuration pushed": self._push,
            "camera lost": self._lose,
            "main killed": self._kill_main,
        }
        if has_disk:
            kinds["disk full"] = self._fill
        return kinds

    def _child(self, kind: str, number: signal.Signals) -> Callable[[], bool]:
        children = getattr(self._house.running, kind)()
        if not children:
            return lambda: True
        victim = self._chance.choice(sorted(children, key=lambda child: child.pid))
        victim.send_signal(number)

        def is_replaced() -> bool:
            now = {child.pid for child in getattr(self._house.running, kind)()}
            return victim.pid not in now and len(now) >= len(children) and self._all_live()

        return is_replaced

    def _order(self, order: str) -> Callable[[], bool]:
        offset = self._house.log.stat().st_size
        (self._house.orders / "order").write_text(order)
        return lambda: "recovery: module is well again" in self._house.said_since(offset)

    def _block(self) -> Callable[[], bool]:
        offset = self._house.log.stat().st_size
        (self._house.orders / "order").write_text("block")
        return lambda: "recovery: the main process goes on" in self._house.said_since(offset)

    def _lock(self) -> Callable[[], bool]:
        with closing(sqlite3.connect(self._house.records.database, timeout=10)) as connection:
            connection.execute("begin exclusive")
            time.sleep(LOCKED_FOR_S)
            connection.rollback()
        return self._stores_again()

    def _fill(self) -> Callable[[], bool]:
        ballast = self._house.data.parent / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1_000_000))
        time.sleep(FULL_FOR_S)
        ballast.unlink()
        return self._stores_again()

    def _push(self) -> Callable[[], bool]:
        """Until settings change while it runs, this only shows that nobody minds."""
        right = self._house.config.read_text()
        self._house.config.write_text(right + "\ncameras: [broken\n")
        time.sleep(2)
        self._house.config.write_text(right)
        return self._all_live

    def _lose(self) -> Callable[[], bool]:
        self._hall.fps = 0.01
        time.sleep(LOST_FOR_S)
        self._hall.fps = self._hall_fps
        return self._all_live

    def _kill_main(self) -> Callable[[], bool]:
        self._house.running.children()
        self._house.running.process.kill()
        self._house.restart()
        return self._all_live

    def _all_live(self) -> bool:
        return all(self._house.live().values())

    def _stores_again(self) -> Callable[[], bool]:
        since_s = time.time()

        def does() -> bool:
            spans = self._house.spans()
            later = [begin for each in spans.values() for begin, _ in each if begin > since_s]
            return bool(later)

        return does


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


def wait_until(what: Callable[[], bool], within_s: float) -> float | None:
    """Seconds until it is so; ``None`` when it never was."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < within_s:
        if what():
            return time.monotonic() - began_s
        time.sleep(STEP_S)
    return None


def faults_until(
    end_s: float, order: Iterator[str], kinds: Mapping[str, Callable[[], Callable[[], bool]]]
) -> list[Outcome]:
    """One fault after the other until the time is over."""
    outcomes = []
    while time.monotonic() < end_s:
        kind = next(order)
        took_s = wait_until(kinds[kind](), RECOVER_WITHIN_S)
        outcomes.append(Outcome(kind, took_s))
        told = "not recovered" if took_s is None else f"recovered after {took_s:.1f} s"
        print(f"{kind}: {told}", flush=True)
    return outcomes


def shuffled(names: list[str], chance: random.Random) -> Iterator[str]:
    """Every kind once in a random order, then again in another."""
    for _ in itertools.count():
        yield from chance.sample(names, len(names))


def lost_presses(house: House) -> tuple[int, int, int]:
    """Accepted presses; of them never heard; of them in no event."""
    accepted, heard, spans = house.accepted(), house.heard(), house.spans()
    unheard = [key for key, _, _ in accepted if key not in heard]
    without = [
        (key, camera)
        for key, camera, at in accepted
        if not any(begin - NEAR_S <= at <= end + NEAR_S for begin, end in spans[camera])
    ]
    for what, found in (("not heard", unheard), ("in no event", without)):
        if found:
            print(what, found[:5])
    return len(accepted), len(unheard), len(without)


def fault_rows(outcomes: list[Outcome]) -> list[Row]:
    """One row for each kind, and the sums."""
    rows = []
    for kind in sorted({one.kind for one in outcomes}):
        mine = [one.recovered_s for one in outcomes if one.kind == kind]
        took = [each for each in mine if each is not None]
        note = f"{len(took)} of {len(mine)} recovered"
        rows.append(Row(f"{kind}: most to recovery", max(took, default=9999.0), "s", 30, note))
    recovered = [one.recovered_s for one in outcomes if one.recovered_s is not None]
    return [
        Row("faults injected", len(outcomes), "faults"),
        Row("faults recovered", len(recovered), "faults", len(outcomes), "at least"),
        Row("recovery, median", statistics.median(recovered or [9999.0]), "s"),
        Row("recovery, most", max(recovered, default=9999.0), "s", 30, "at most"),
        *rows,
    ]


def run(minutes: float, seed: int) -> list[Row]:
    """The whole run."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        memory = tempfile.TemporaryDirectory(prefix="chaos-", dir=shared_memory_base())
        shared = Path(stack.enter_context(memory))
        has_disk = stack.enter_context(small_disk(folder / "disk"))
        stack.enter_context(plug_in(folder / "plug-in"))
        hall = stack.enter_context(MjpegCamera(fps=10, sizes=((320, 180),)))
        house = House(folder, shared, hall.url, seed)
        stack.callback(house.end)
        if wait_until(lambda: all(house.live().values()), START_WITHIN_S) is None:
            raise SystemExit(f"it does not start:\n{house.said_since(0)[-3000:]}")
        memory_mb, processes = house.memory_mb(), len(house.running.children())
        watcher = Watcher(house)
        watcher.start()
        faults = Faults(house, hall, chance)
        kinds = faults.kinds(has_disk=has_disk)
        end_s = time.monotonic() + 60 * minutes - SETTLE_S
        outcomes = faults_until(end_s, shuffled(list(kinds), chance), kinds)
        time.sleep(SETTLE_S)
        watcher.over.set()
        watcher.join()
        bus = ((house.ask("/health") or {}).get("summary") or {}).get("modules", {}).get("bus", {})
        after_mb, after = house.memory_mb(), len(house.running.children())
        house.running.interrupt()
        code = house.running.wait(60)
        accepted, unheard, without = lost_presses(house)
        states = house.records.events()
        left = len(list(shared.iterdir()))
    numbers = bus.get("numbers", {})
    handled = numbers.get("delivered", 0) + numbers.get("failed", 0)
    still_open = [key for key, state in states.items() if state not in CLOSED]
    return [
        *fault_rows(outcomes),
        Row("presses accepted", accepted, "presses"),
        Row("presses that nobody heard", unheard, "presses", 0),
        Row("presses in no event", without, "presses", 0),
        Row("events", len(states), "events"),
        Row("events neither completed nor failed", len(still_open), "events", 0),
        Row("availability of the whole", 100 * watcher.up["whole"] / watcher.looks, "%"),
        *(
            Row(f"availability of {name}", 100 * watcher.up[name] / watcher.looks, "%")
            for name in house.cameras
        ),
        Row(
            "messages that failed, last life", 100 * numbers.get("failed", 0) / max(handled, 1), "%"
        ),
        Row("memory at the end by that of the start", after_mb / memory_mb, "ratio", 1.3, "PSS"),
        Row("processes at the start", processes, "processes"),
        Row("processes at the end", after, "processes", processes),
        Row("exit code", code, "", 0),
        Row("folders left in shared memory", left, "folders", 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--name", default="chaos", help="of the result")
    parser.add_argument(
        "--json", type=Path, help="write the rows here and no result of the machine"
    )
    wanted = parser.parse_args()
    rows = run(wanted.minutes, wanted.seed)
    if wanted.json is None:
        write_report(wanted.name, rows)
    else:
        wanted.json.write_text(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
