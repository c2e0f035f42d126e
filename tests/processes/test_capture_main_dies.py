"""What the capture processes do when main is killed, interrupted or told to end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spyoncino.runtime.children import remove_leftovers

pytestmark = pytest.mark.processes

SCRIPT = Path(__file__).parents[1] / "fixtures" / "capture_main.py"


class Program:
    """A main program with one camera, in a process group of its own."""

    def __init__(self, base: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(base)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        word, pid = self.process.stdout.readline().split()
        assert word == "child"
        self.child_pid = int(pid)

    def ended(self) -> tuple[str, str]:
        """What it printed and what it complained about, after its end."""
        return self.process.communicate(timeout=20)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    if program.process.poll() is None:
        program.process.kill()
        program.process.communicate()


def wait_until_gone(pid: int, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} is still there")


def test_a_killed_main_takes_its_capture_process_along_and_the_next_start_cleans_up(
    program: Program, tmp_path: Path
) -> None:
    (folder,) = tmp_path.glob("spyoncino-*")
    assert list(folder.glob("*.ring"))
    assert remove_leftovers(tmp_path) == []

    program.process.kill()
    program.ended()

    wait_until_gone(program.child_pid)
    assert remove_leftovers(tmp_path) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_even_a_stopped_capture_process_dies_with_main(program: Program) -> None:
    os.kill(program.child_pid, signal.SIGSTOP)

    program.process.kill()
    program.ended()

    wait_until_gone(program.child_pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_lets_main_end_everything_in_order(
    program: Program, tmp_path: Path, number: signal.Signals
) -> None:
    os.killpg(program.process.pid, number)

    said, complained = program.ended()

    assert said == "closed\n"
    assert complained == ""
    assert program.process.returncode == 0
    wait_until_gone(program.child_pid)
    assert list(tmp_path.iterdir()) == []


def test_a_capture_process_without_main_dies_before_it_begins(tmp_path: Path) -> None:
    code = (
        "import os, sys; from spyoncino.runtime.children import prepare_child; "
        "prepare_child(os.getppid() + 1); print('alive')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert (done.returncode, done.stdout) == (1, "")
