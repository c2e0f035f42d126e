"""The entry of the program is light, and quiet about Ctrl-C from the start."""

import subprocess
import sys

import pytest

from spyoncino import __main__ as entry


def test_a_child_that_imports_the_entry_again_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); import spyoncino.__main__; "
        "print(sorted(name for name in set(sys.modules) - before if 'spyoncino' in name))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['spyoncino', 'spyoncino.__main__']"


def test_ctrl_c_while_the_commands_are_imported_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "spyoncino.cli.app", Interrupted())

    with pytest.raises(SystemExit) as ended:
        entry.main()

    assert ended.value.code == 130


def test_the_package_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "spyoncino", "--version"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("spyoncino ")
