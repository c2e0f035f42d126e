"""What every command shares."""

import pytest
import typer
from typer.main import get_command

from spyoncino.cli.app import app
from spyoncino.cli.options import GlobalOptions, options_of, print_json, stderr, stdout

COMMAND = get_command(app)


def test_without_the_root_command_the_options_are_the_defaults() -> None:
    assert options_of(typer.Context(COMMAND)) == GlobalOptions()


def test_the_root_commands_options_are_found() -> None:
    given = GlobalOptions(debug=True)

    assert options_of(typer.Context(COMMAND, obj=given)) is given


def test_json_is_one_line_that_keeps_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Jürgen", "at": [1, 2]})

    assert capsys.readouterr().out == '{"name": "Jürgen", "at": [1, 2]}\n'


def test_facts_go_to_standard_output_and_trouble_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stdout().print("a fact")
    stderr().print("trouble")

    assert capsys.readouterr() == ("a fact\n", "trouble\n")
