"""The root command: every command is there with an example, errors are one sentence."""

import inspect
import re
import sys
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner

from spyoncino import __version__
from spyoncino.cli import app as root
from spyoncino.cli.interrupts import EXIT_INTERRUPTED
from spyoncino.cli.lazy import LazyCommand
from spyoncino.errors import ConfigError, SourceError, SpyoncinoError, UsageError

COMMANDS = (
    ("run",),
    ("demo",),
    ("analyze",),
    ("explain",),
    ("events", "list"),
    ("events", "show"),
    ("events", "export"),
    ("config", "init"),
    ("config", "check"),
    ("config", "show"),
    ("config", "schema"),
    ("modules", "list"),
    ("modules", "graph"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(root.app, [*words, "--help"], env={"COLUMNS": "200"})

    assert shown.exit_code == 0
    assert f"Example: spyoncino {' '.join(words)}" in shown.stdout


def test_without_a_command_the_help_is_shown() -> None:
    shown = CliRunner().invoke(root.app, [])

    assert "analyze" in shown.output


def test_the_version_is_told() -> None:
    shown = CliRunner().invoke(root.app, ["--version"])

    assert shown.stdout == f"spyoncino {__version__}\n"


def test_the_data_folder_may_come_from_the_environment(tmp_path: object) -> None:
    environment = {"SPYONCINO_DATA_DIR": str(tmp_path)}

    failed = CliRunner().invoke(root.app, ["events", "list"], env=environment)

    assert str(tmp_path) in str(failed.exception)


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs ``main`` over a command that raises; returns the exit code."""

    def run(error: BaseException, *words: str) -> int:
        command = typer.Typer(pretty_exceptions_enable=False)

        @command.callback(invoke_without_command=True)
        def _fail(*, debug: bool = False) -> None:  # noqa: ARG001 - an option that main looks for
            raise error

        monkeypatch.setattr(root, "app", command)
        monkeypatch.setattr(sys, "argv", ["spyoncino", *words])
        with pytest.raises(SystemExit) as ended:
            root.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("the camera is [gone]"), 1),
        (UsageError("name a file"), 2),
        (ConfigError("events.lingr is unknown"), 2),
    ],
)
def test_an_error_is_its_sentence_and_its_exit_code(
    run_with: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    error: SpyoncinoError,
    code: int,
) -> None:
    assert run_with(error) == code
    assert capsys.readouterr() == ("", f"spyoncino: {error}\n")


def test_with_debug_the_error_itself_comes_through(run_with: Callable[..., int]) -> None:
    with pytest.raises(SourceError, match="gone"):
        run_with(SourceError("gone"), "--debug")


def test_ctrl_c_is_quiet(run_with: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(KeyboardInterrupt()) == EXIT_INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("row", root.COMMANDS, ids=lambda row: row.name)
def test_the_table_tells_each_command_as_its_own_help_does(row: LazyCommand) -> None:
    command = row.load()

    told = inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")
    assert (command.name, told) == (row.name, row.help)


def test_the_help_of_the_whole_lists_every_command_without_importing_one() -> None:
    shown = CliRunner().invoke(root.app, ["--help"], env={"COLUMNS": "300"})

    for row in root.COMMANDS:
        assert re.search(rf"{row.name}\s+{re.escape(row.help)}", shown.stdout)


@pytest.mark.parametrize(
    ("words", "offered"), [("ev", ["events"]), ("events l", ["list"]), ("nonsense q", [])]
)
def test_words_are_completed_in_a_command_that_is_not_imported_yet(
    words: str, offered: list[str]
) -> None:
    asked = {
        "_SPYONCINO_COMPLETE": "complete_bash",
        "COMP_WORDS": f"spyoncino {words}",
        "COMP_CWORD": str(len(words.split())),
    }

    shown = CliRunner().invoke(root.app, [], env=asked, prog_name="spyoncino")

    assert shown.stdout.split() == offered


def test_a_mistyped_command_is_told_with_the_nearest() -> None:
    shown = CliRunner().invoke(root.app, ["evnts"])

    assert shown.exit_code == 2
    assert "Did you mean 'events'" in shown.stderr
