"""The root command: global options, the table of commands, and errors as one sentence."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from spyoncino import __version__
from spyoncino.cli import (
    analyze,
    bench,
    cameras,
    config,
    dead_letters,
    demo,
    doctor,
    events,
    explain,
    modules,
    run,
    service,
)
from spyoncino.cli.options import GlobalOptions, stderr
from spyoncino.errors import ConfigError, SpyoncinoError, UsageError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="spyoncino",
    help="A self-hosted peephole that knows who is at the door.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)
app.command("analyze")(analyze.analyze)
app.command("explain")(explain.explain)
app.add_typer(cameras.app, name="cameras")
app.add_typer(events.app, name="events")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(config.app, name="config")
app.add_typer(modules.app, name="modules")
app.add_typer(service.app, name="service")


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
