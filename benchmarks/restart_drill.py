"""Main killed with SIGKILL again and again under a stand-in for systemd: seconds until it is back.

The stand-in does what the unit of ``spyoncino service install`` asks for: it listens on
``NOTIFY_SOCKET`` and starts the program again when it has ended; without the unit's pause, which
only adds to every figure. Two simulated cameras; ``ready`` is the program's own word, ``live`` the
log line of the last camera. After the last round nothing may be left: no process, no folder in
shared memory.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from report import Row, write_report
from spyoncino.runtime.children import shared_memory_base

CAMERAS = ("door", "yard")
START_TIMEOUT_S = 60.0
PAUSE_S = 1.0
END_TIMEOUT_S = 30.0
STEP_S = 0.01


def wait_until_live(log: Path, from_byte: int) -> None:
    """Wait until every camera is live in what was logged since then."""
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        lines = log.read_bytes()[from_byte:].decode(errors="replace").splitlines()
        live = {name for name in CAMERAS for line in lines if "state=live" in line and name in line}
        if len(live) == len(CAMERAS):
            return
        time.sleep(STEP_S)
    raise SystemExit(f"the cameras are not live after {START_TIMEOUT_S:g} s; see {log}")


class StandIn:
    """Starts the program, hears that it is ready, kills it.

    Args:
        folder: For configuration, data and log.
        shared: For shared memory.
    """

    def __init__(self, folder: Path, shared: Path) -> None:
        name = f"spyoncino-drill-{uuid.uuid4().hex}"
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind("\0" + name)
        self._ear.settimeout(START_TIMEOUT_S)
        self._variables = {
            **os.environ,
            "NOTIFY_SOCKET": f"@{name}",
            "NO_COLOR": "1",
            "SPYONCINO_WEB__PORT": "0",
        }
        self.log = folder / "log"
        self.log.touch()
        config = folder / "spyoncino.yaml"
        sources = "".join(f"  {name}: {{source: {{type: sim}}}}\n" for name in CAMERAS)
        shared_memory = f"shared_memory: {{folder: {shared}}}\n"
        config.write_text(f"{shared_memory}cameras:\n{sources}", encoding="utf-8")
        program = (sys.executable, "-m", "spyoncino", "--config", str(config))
        self._command = (*program, "--data", str(folder / "data"), "run", "--show", "off")

    def start(self) -> tuple[float, float]:
        """Start it; seconds until it is ready and until its cameras are live."""
        from_byte = self.log.stat().st_size
        began = time.monotonic()
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                self._command, stdout=said, stderr=said, env=self._variables
            )
        while self._ear.recv(100) != b"READY=1":
            pass
        ready_s = time.monotonic() - began
        wait_until_live(self.log, from_byte)
        return ready_s, time.monotonic() - began

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.kill()
        self.process.wait()

    def end(self) -> float:
        """As ``systemctl stop`` does; seconds until it has ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(END_TIMEOUT_S)
        return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    kills = parser.parse_args().kills
    ready_s: list[float] = []
    live_s: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(prefix="drill-", dir=shared_memory_base()) as shared,
    ):
        stand_in = StandIn(Path(folder), Path(shared))
        first_ready_s, first_live_s = stand_in.start()
        for _ in range(kills):
            time.sleep(PAUSE_S)
            stand_in.kill()
            ready, live = stand_in.start()
            ready_s.append(ready)
            live_s.append(live)
        end_s = stand_in.end()
        left_over = len(list(Path(shared).iterdir()))
    write_report(
        "restart",
        [
            Row("first start to ready", first_ready_s, "s", 5.0, "whole pool; at most"),
            Row("first start to two cameras live", first_live_s, "s"),
            Row("kill -9 to ready, median", statistics.median(ready_s), "s"),
            Row("kill -9 to ready, worst", max(ready_s), "s", note=f"{kills} kills"),
            Row("kill -9 to two cameras live, median", statistics.median(live_s), "s"),
            Row("kill -9 to two cameras live, worst", max(live_s), "s"),
            Row("SIGTERM to ended", end_s, "s"),
            Row("folders left in shared memory", left_over, "folders", 0, "none"),
        ],
    )


if __name__ == "__main__":
    main()
