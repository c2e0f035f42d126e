"""A stand-in for systemd: runs one service as its unit asks, where systemd itself cannot run.

Follows ``ExecStart``, ``WorkingDirectory``, ``Environment``, ``Restart``, ``RestartSec``,
``RestartPreventExitStatus``, ``WatchdogSec``, ``KillMode=mixed`` and ``TimeoutStopSec``, and
listens on ``NOTIFY_SOCKET``. Limits and hardening are left out. SIGTERM stops the service.

    python benchmarks/stand_in.py UNIT LOG

Prints one JSON object a line: ``what`` happened, ``at_s`` in monotonic seconds, ``pid``.
"""

import configparser
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.02
"""How late the end of the service is noticed; systemd is told by a signal, at once."""


@dataclass(frozen=True)
class Unit:
    """What a unit asks for; times in seconds, 0: not wanted."""

    command: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    restart: str
    restart_s: float
    prevent: frozenset[int]
    watchdog_s: float
    stop_s: float

    @classmethod
    def read(cls, path: Path) -> "Unit":
        """Parse a unit file.

        Raises:
            KeyError: A line that this stand-in needs is missing.
        """
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(path.read_text(encoding="utf-8"))
        service = parser["Service"]
        if service["Type"] != "notify" or service["KillMode"] != "mixed":
            raise KeyError("the stand-in knows Type=notify with KillMode=mixed only")
        words = shlex.split(service["ExecStart"])
        return cls(
            command=tuple(word.replace("%%", "%").replace("$$", "$") for word in words),
            folder=service["WorkingDirectory"].replace("%%", "%"),
            environment=dict([service["Environment"].split("=", 1)]),
            restart=service["Restart"],
            restart_s=float(service["RestartSec"]),
            prevent=frozenset(map(int, service["RestartPreventExitStatus"].split())),
            watchdog_s=float(service.get("WatchdogSec", "0")),
            stop_s=float(service["TimeoutStopSec"]),
        )


class StandIn:
    """Runs one service until it is told to stop or the unit says that it stays down.

    Args:
        unit: What to run.
        log: Where its output goes.
    """

    def __init__(self, unit: Unit, log: Path) -> None:
        self._unit = unit
        self._log = log
        self._is_stopping = False
        name = f"spyoncino-stand-in-{uuid.uuid4().hex}"
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind("\0" + name)
        self._environment = {**os.environ, **unit.environment, "NOTIFY_SOCKET": f"@{name}"}
        if unit.watchdog_s:
            self._environment["WATCHDOG_USEC"] = str(round(unit.watchdog_s * 1e6))
        signal.signal(signal.SIGTERM, self._on_stop)

    def run(self) -> None:
        """One life after the other."""
        while True:
            code = self._life()
            if self._is_stopping or self._unit.restart == "no" or code in self._unit.prevent:
                break
            if self._unit.restart == "on-failure" and code == 0:
                break
            time.sleep(self._unit.restart_s)
        tell("over", os.getpid())

    def _life(self) -> int:
        with self._log.open("ab") as said:
            process = subprocess.Popen(
                self._unit.command,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                cwd=self._unit.folder,
                env=self._environment,
                start_new_session=True,
            )
        tell("started", process.pid)
        sign_of_life_s: float | None = None
        stop_by_s: float | None = None
        while (code := process.poll()) is None:
            for word in self._heard():
                if word == "READY=1":
                    tell("ready", process.pid)
                if word in ("READY=1", "WATCHDOG=1"):
                    sign_of_life_s = time.monotonic()
            now_s = time.monotonic()
            if self._is_stopping and stop_by_s is None:
                process.terminate()  # KillMode=mixed: main alone
                stop_by_s = now_s + self._unit.stop_s
            is_late = sign_of_life_s is not None and now_s - sign_of_life_s > self._unit.watchdog_s
            if self._unit.watchdog_s and is_late and stop_by_s is None:
                tell("hangs", process.pid)
                process.send_signal(signal.SIGABRT)  # as systemd does, and lets it go on to hear it
                process.send_signal(signal.SIGCONT)
                stop_by_s = now_s + self._unit.stop_s
            if stop_by_s is not None and now_s > stop_by_s:
                tell("killed", process.pid)
                process.kill()
        tell("ended", process.pid, code)
        return code

    def _heard(self) -> list[str]:
        if not select.select([self._ear], [], [], LOOK_S)[0]:
            return []
        return self._ear.recv(4096).decode().split("\n")

    def _on_stop(self, _number: int, _frame: object) -> None:
        self._is_stopping = True


def tell(what: str, pid: int, code: int | None = None) -> None:
    """Print what happened."""
    fact = {"what": what, "at_s": time.monotonic(), "pid": pid, "code": code}
    print(json.dumps(fact), flush=True)


if __name__ == "__main__":
    StandIn(Unit.read(Path(sys.argv[1])), Path(sys.argv[2])).run()
