"""The entry of the program is light, and quiet about Ctrl-C from the start."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spyoncino import __main__ as entry
from spyoncino.cli import app, interrupts


def test_a_child_that_imports_the_entry_again_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); import spyoncino.__main__; "
        "print(sorted(name for name in set(sys.modules) - before if 'spyoncino' in name))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['spyoncino', 'spyoncino.__main__']"


@pytest.fixture
def _interrupts_as_before() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("_interrupts_as_before")
def test_ctrl_c_ends_the_process_before_and_after_the_command_and_is_an_exception_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[object] = []
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def command_line() -> None:
        seen.append(signal.getsignal(signal.SIGINT))
        interrupts.raise_at_ctrl_c()
        seen.append(signal.getsignal(signal.SIGINT))

    monkeypatch.setattr(app, "main", command_line)
    monkeypatch.setattr(interrupts, "name_process", lambda: None)

    entry.main()

    seen.append(signal.getsignal(signal.SIGINT))
    assert seen == [interrupts.leave_at_once, signal.default_int_handler, interrupts.leave_at_once]


@pytest.mark.usefixtures("_interrupts_as_before")
def test_a_program_that_was_told_to_ignore_ctrl_c_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    interrupts.end_at_ctrl_c()
    interrupts.raise_at_ctrl_c()

    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_ctrl_c_while_modules_are_imported_ends_the_process_without_a_word() -> None:
    # A callback of the garbage collector swallows exceptions, as those of the import system do.
    code = (
        "import gc, os, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from spyoncino.cli import interrupts; interrupts.end_at_ctrl_c(); "
        "gc.callbacks.append(lambda *_: os.kill(os.getpid(), signal.SIGINT)); gc.collect(); "
        "print('still here')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (interrupts.EXIT_INTERRUPTED, "", "")


def test_ctrl_c_inside_generated_code_keeps_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "stand_in.py").write_text(
        "import sys\n"
        "from spyoncino.cli import app\n"
        "from spyoncino.__main__ import main\n"
        "def command_line():\n"
        "    try: exec('raise KeyboardInterrupt')\n"
        "    except KeyboardInterrupt: sys.exit(130)\n"
        "app.main = command_line\n"
        "main()\n"
    )
    command = [sys.executable, "-m", "stand_in"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (interrupts.EXIT_INTERRUPTED, "")


HEAVY = {
    *("numpy", "cv2", "av", "onnxruntime", "sqlalchemy", "alembic", "pydantic", "dynaconf"),
    *("fastapi", "starlette", "uvicorn", "structlog", "asyncio", "multiprocessing"),
}


def loaded_by(*words: str) -> set[str]:
    """Top-level names of what a command imports; of this package, the rooms."""
    code = (
        f"import sys; sys.argv = {['spyoncino', *words]!r}\n"
        "from spyoncino.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert ended.code in (0, None), ended.code\n"
        "print('LOADED', *(name.removeprefix('spyoncino.').partition('.')[0] "
        "for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("words", [("--version",), ("--help",)], ids=" ".join)
def test_light_commands_import_no_library_and_no_room_of_the_system(words: tuple[str, ...]) -> None:
    loaded = loaded_by(*words)

    rooms = {"analysis", "host", "modules", "core", "web", "runtime", "detectors", "schemas"}
    assert loaded & (HEAVY | rooms) == set()


def test_a_command_imports_its_own_room_only() -> None:
    loaded = loaded_by("events", "list", "--help")

    assert "sqlalchemy" in loaded
    assert loaded & {"alembic", "fastapi", "cv2", "av", "onnxruntime", "modules"} == set()


def test_the_package_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "spyoncino", "--version"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("spyoncino ")
