"""The root command: global options, the table of commands, and errors as one sentence.

It imports no command: each brings its own part of the system with it, and ``--version`` should not
wait for a database (see ``cli.lazy``).
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from spyoncino import __version__
from spyoncino.cli.interrupts import EXIT_INTERRUPTED, raise_at_ctrl_c
from spyoncino.cli.lazy import LazyCommand, lazy_group
from spyoncino.cli.options import GlobalOptions, stderr
from spyoncino.errors import ConfigError, SpyoncinoError, UsageError

EXIT_FAILED = 1
EXIT_USAGE = 2

COMMANDS = (
    LazyCommand(
        "run",
        "spyoncino.cli.run:run",
        "Run the configured cameras until Ctrl-C; without a configuration, write a first one.",
    ),
    LazyCommand(
        "demo",
        "spyoncino.cli.demo:demo",
        "Show a running system: a drawn front door, a visitor who rings and is known, a cat.",
    ),
    LazyCommand(
        "doctor",
        "spyoncino.cli.doctor:doctor",
        "Say what is here, what is wrong or slow, and which setting helps.",
    ),
    LazyCommand(
        "bench",
        "spyoncino.cli.bench:bench",
        "Measure this machine: objects with one and two workers, motion, video, the bus.",
    ),
    LazyCommand(
        "analyze",
        "spyoncino.cli.analyze:analyze",
        "Find events in video files: as fast as it can, the same result every time.",
    ),
    LazyCommand(
        "explain",
        "spyoncino.cli.explain:explain",
        "Say why an event came, what each stage compared, and what was stopped meanwhile.",
    ),
    LazyCommand(
        "cameras",
        "spyoncino.cli.cameras:app",
        "Try cameras and take pictures for zones.",
    ),
    LazyCommand(
        "events",
        "spyoncino.cli.events:app",
        "What happened: list, show and export events.",
    ),
    LazyCommand(
        "ring",
        "spyoncino.cli.ring:ring",
        "Ring a doorbell. Done means: the press is on disk and will be in an event.",
    ),
    LazyCommand(
        "faces",
        "spyoncino.cli.faces:app",
        "Who is known: enrol, identify, forget, block people.",
    ),
    LazyCommand(
        "alerts",
        "spyoncino.cli.alerts:app",
        "What would be told, and what was told.",
    ),
    LazyCommand(
        "mode",
        "spyoncino.cli.mode:mode",
        "Say which mode holds, or choose one: home, away, night, privacy.",
    ),
    LazyCommand(
        "dead-letters",
        "spyoncino.cli.dead_letters:app",
        "Critical messages that a part of the system could not handle.",
    ),
    LazyCommand(
        "top",
        "spyoncino.cli.top:top",
        "Watch the running system: cameras, stages, queues, workers, memory, events.",
    ),
    LazyCommand(
        "logs",
        "spyoncino.cli.logs:app",
        "Log lines: show them, follow one happening, change levels while it runs.",
    ),
    LazyCommand(
        "config",
        "spyoncino.cli.config:app",
        "The configuration: write, check, show, go back.",
    ),
    LazyCommand(
        "modules",
        "spyoncino.cli.modules:app",
        "The modules and the topics between them.",
    ),
    LazyCommand(
        "service",
        "spyoncino.cli.service:app",
        "Run as a systemd service: install, remove, show.",
    ),
)
"""Every command in the order of the help; a test compares each line with the command's own."""

app = typer.Typer(
    name="spyoncino",
    help="A self-hosted peephole that knows who is at the door.",
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spyoncino {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    *,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", help="Configuration file (default: ./spyoncino.yaml)."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Data folder: database and media.", envvar="SPYONCINO_DATA_DIR"
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks and debug lines.")] = False,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Cameras and a doorbell in; people, evidence and one good message per visit out.

    Example: spyoncino demo
    """
    raise_at_ctrl_c()  # the command is imported by now
    ctx.obj = GlobalOptions(config=config_file, data=data, debug=debug)


def main() -> None:
    """Run the command line; errors become one sentence and an exit code."""
    try:
        app(standalone_mode=True)
    except (UsageError, ConfigError) as error:
        sys.exit(_tell(error, EXIT_USAGE))
    except SpyoncinoError as error:
        sys.exit(_tell(error, EXIT_FAILED))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _tell(error: SpyoncinoError, exit_code: int) -> int:
    if "--debug" in sys.argv:
        raise error
    stderr().print(f"spyoncino: {error}", style="red", markup=False, soft_wrap=True)
    return exit_code
