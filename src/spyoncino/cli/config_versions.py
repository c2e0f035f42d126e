"""``spyoncino config history | diff | rollback``: the numbered versions of the settings."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from spyoncino.cli.options import GlobalOptions, options_of, print_json, stderr, stdout
from spyoncino.clock import SystemClock
from spyoncino.core.config_changes import difference, leaves
from spyoncino.core.config_errors import dotted
from spyoncino.core.config_keeper import ConfigKeeper
from spyoncino.core.config_layers import Location, has_part
from spyoncino.core.config_load import LoadedConfig, load_config, load_recipe
from spyoncino.core.config_orders import ROLLBACK
from spyoncino.core.config_terms import Fate
from spyoncino.core.control_desk import ask_main
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.core.registry import Registry
from spyoncino.errors import ConfigError, UsageError
from spyoncino.modules.builtin import BUILTIN

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration file.")]
AUTHOR = "command line"


def history(ctx: typer.Context, *, config: Config = None, as_json: AsJson = False) -> None:
    """List the versions of the settings, oldest first: who changed what, when.

    Example: spyoncino config history
    """
    keeper = _keeper(options_of(ctx), config)
    versions = [keeper.version(number) for number in keeper.numbers()]
    if as_json:
        for each in versions:
            print_json(
                {"number": each.number, "at": each.at, "author": each.author, "keys": each.keys}
            )
        return
    if not versions:
        stdout().print("no versions yet: `spyoncino run` keeps the first one when it starts")
        return
    table = Table("version", "since", "by", "changed", box=SIMPLE_HEAD, pad_edge=False)
    for each in versions:
        at = each.at[:19].replace("T", " ")
        table.add_row(str(each.number), at, each.author, ", ".join(each.keys))
    stdout().print(table)


def diff(
    ctx: typer.Context,
    first: Annotated[int, typer.Argument(help="Number of a version.")],
    second: Annotated[
        int | None, typer.Argument(help="Number of another; default: the newest.")
    ] = None,
    *,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions of the settings; secrets are hidden.

    Example: spyoncino config diff 3 5
    """
    keeper = _keeper(options_of(ctx), config)
    old = keeper.version(first).document
    new = keeper.version(second or max(keeper.numbers())).document
    places = [place for place, _ in leaves(difference(old, new))]
    rows = [(dotted(place), _at(old, place), _at(new, place)) for place in places]
    if as_json:
        for key, left, right in rows:
            print_json({"key": key, "before": left, "after": right})
        return
    for key, left, right in rows:
        stdout().print(f"{key}: {_said(left)} -> {_said(right)}", markup=False, soft_wrap=True)
    if not rows:
        stdout().print("they say the same")


def rollback(
    ctx: typer.Context,
    version: Annotated[int, typer.Argument(help="Number of the version to go back to.")],
    *,
    config: Config = None,
) -> None:
    """Go back to a version: a running Spyoncino takes it over, and it is written into the file.

    Example: spyoncino config rollback 3
    """
    options = options_of(ctx)
    loaded, registry, folder = _loaded(options, config)
    if folder.running_process is not None:
        order = ask_main(folder.socket, ROLLBACK, version=version, author=AUTHOR)
        _tell(asyncio.run(order), version)
        return
    keeper = ConfigKeeper(folder.config_versions, registry, SystemClock())
    changes = keeper.changes_to(version, loaded.document)
    if not changes:
        stdout().print(f"the settings are those of version {version} already")
        return
    keeper.check(loaded, changes)
    wanted = load_recipe(registry, loaded.recipe, changes, AUTHOR)
    with folder:
        keeper.write(loaded, changes)
        keys = tuple(dotted(place) for place, _ in leaves(changes))
        number = keeper.record(wanted.document, AUTHOR, keys)
    stdout().print(f"version {version} is back, as version {number}; it holds at the next start")


def _tell(result: dict[str, Any], version: int) -> None:
    if result["fate"] in (Fate.REJECTED, Fate.ROLLED_BACK):
        raise ConfigError(*result["problems"])
    for notice in result["notices"]:
        stderr().print(notice, markup=False, soft_wrap=True)
    if result["fate"] == Fate.UNCHANGED:
        stdout().print(f"the settings are those of version {version} already")
        return
    stdout().print(f"version {version} is in force again, as version {result['version']}")


def _at(document: Any, place: Location) -> Any:
    for part in place:
        document = document[part] if has_part(document, part) else None
    return document


def _said(value: Any) -> str:
    return "(not set)" if value is None else str(value)


def _loaded(
    options: GlobalOptions, config: Path | None
) -> tuple[LoadedConfig, Registry, DataFolder]:
    registry = Registry.discover(BUILTIN)
    loaded = load_config(registry, file=config or options.config)
    configured = options.data or loaded.settings.data_dir
    return loaded, registry, DataFolder(resolve_data_dir(configured, loaded.user_file))


def _keeper(options: GlobalOptions, config: Path | None) -> ConfigKeeper:
    _, registry, folder = _loaded(options, config)
    keeper = ConfigKeeper(folder.config_versions, registry, SystemClock())
    if not folder.root.is_dir():
        raise UsageError(f"there is no data folder {folder.root}; name it with --data DIR")
    return keeper
