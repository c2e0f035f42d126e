"""``spyoncino dead-letters``: messages that a part of the system could not handle."""

import asyncio
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.cli.options import GlobalOptions, options_of, print_json, stdout
from spyoncino.core.dead_letters import DROP, LIST, RETRY, order_dead_letters
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import UsageError

app = typer.Typer(
    help="Critical messages that a part of the system could not handle.", no_args_is_help=True
)

Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="NUMBER…", help="As the list shows them.")
]
All = Annotated[bool, typer.Option("--all", help="Every dead letter.")]


@app.command("list")
def list_letters(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """List dead letters, oldest first: what, for whom, why.

    Example: spyoncino dead-letters list
    """
    letters = _order(options_of(ctx), LIST, [])
    if as_json:
        for letter in letters:
            print_json(letter)
        return
    if not letters:
        stdout().print("no dead letters: every critical message was handled")
        return
    table = Table(
        "number", "since", "topic", "for", "tries", "reason", box=SIMPLE_HEAD, pad_edge=False
    )
    for letter in letters:
        table.add_row(
            str(letter["number"]),
            letter["died_at"][:19].replace("T", " "),
            letter["topic"],
            letter["subscriber"],
            str(letter["attempts"]),
            letter["reason"],
        )
    stdout().print(table)


@app.command()
def retry(ctx: typer.Context, numbers: Numbers = None, *, every: All = False) -> None:
    """Give messages to their part again, once what was wrong is mended.

    Example: spyoncino dead-letters retry 3
    """
    done = _on(options_of(ctx), RETRY, numbers or [], every=every)
    stdout().print(f"{done} given again")


@app.command()
def drop(ctx: typer.Context, numbers: Numbers = None, *, every: All = False) -> None:
    """Delete dead letters for good.

    Example: spyoncino dead-letters drop --all
    """
    done = _on(options_of(ctx), DROP, numbers or [], every=every)
    stdout().print(f"{done} deleted")


def _on(options: GlobalOptions, order: str, numbers: list[int], *, every: bool) -> int:
    if bool(numbers) == every:
        raise UsageError("name the numbers of dead letters, or --all; see `dead-letters list`")
    if every:
        numbers = [letter["number"] for letter in _order(options, LIST, [])]
    done: int = _order(options, order, numbers)
    if done < len(numbers):
        missing = len(numbers) - done
        raise UsageError(f"{missing} of these numbers are no dead letters; {done} were")
    return done


def _order(options: GlobalOptions, order: str, numbers: list[int]) -> Any:
    folder = DataFolder(resolve_data_dir(options.data, options.config))
    return asyncio.run(order_dead_letters(folder, order, numbers))
