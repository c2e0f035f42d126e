"""The real program and real workers under what watches and measures them."""

import contextlib
import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.programs import Running, command, sim, write_config

pytestmark = pytest.mark.processes


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A stand-in for the service manager's socket."""
    name = f"spyoncino-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        yield listening


def forget(ear: socket.socket) -> None:
    """Throw away what was said so far."""
    ear.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while ear.recv(100):
            pass
    ear.settimeout(30)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path / "spyoncino.yaml", cameras={"door": sim()})


@pytest.mark.alone
def test_a_service_manager_hears_ready_then_signs_of_life_then_the_end(
    tmp_path: Path, config: Path, ear: socket.socket
) -> None:
    arguments = ("--config", config, "--data", tmp_path / "data", "run")
    with Running(tmp_path / "log", *arguments) as program:
        assert ear.recv(100) == b"READY=1", program.said()
        assert ear.recv(100) == b"WATCHDOG=1"
        began = time.monotonic()
        assert ear.recv(100) == b"WATCHDOG=1"
        assert time.monotonic() - began < 0.6
        os.kill(program.process.pid, signal.SIGTERM)
        heard = b""
        while heard != b"STOPPING=1":
            heard = ear.recv(100)
        assert program.wait() == 0


@pytest.mark.alone
def test_a_main_that_hangs_gives_no_sign_of_life(
    tmp_path: Path, config: Path, ear: socket.socket
) -> None:
    arguments = ("--config", config, "--data", tmp_path / "data", "run")
    with Running(tmp_path / "log", *arguments) as program:
        assert ear.recv(100) == b"READY=1", program.said()
        os.kill(program.process.pid, signal.SIGSTOP)
        time.sleep(0.3)
        forget(ear)
        ear.settimeout(0.8)
        with pytest.raises(TimeoutError):
            ear.recv(100)
        os.kill(program.process.pid, signal.SIGCONT)


def test_after_a_kill_the_next_start_is_ready_on_the_same_data(
    tmp_path: Path, config: Path, ear: socket.socket
) -> None:
    arguments = ("--config", config, "--data", tmp_path / "data", "run")
    with Running(tmp_path / "log", *arguments) as program:
        assert ear.recv(100) == b"READY=1", program.said()
        program.process.kill()
        program.wait()
    forget(ear)
    with Running(tmp_path / "log", *arguments) as program:
        assert ear.recv(100) == b"READY=1", program.said()


def test_the_doctor_and_the_bench_measure_with_real_workers(tmp_path: Path) -> None:
    facts = command("--data", tmp_path / "data", "doctor", "--json", cwd=tmp_path).objects[0]
    assert 1.0 < facts["measured"]["look_ms"] < 10_000.0
    assert facts["measured"]["looks_per_second"] > 0.1
    figures = command("bench", "--json", "--seconds", "0.1", cwd=tmp_path).objects[0]["figures"]
    assert [each["name"] for each in figures] == [
        "objects: one look",
        "objects: 1 worker",
        "objects: 2 workers",
        "motion",
        "decode H.264",
        "encode H.264",
        "JPEG",
        "decode 1080p, software",
        "bus",
    ]
    assert all(each["value"] > 0 for each in figures)
    assert not list(Path("/dev/shm").glob("spyoncino-bench-*"))  # noqa: S108
