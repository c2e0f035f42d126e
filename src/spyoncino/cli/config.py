"""``spyoncino config``: write a first file, check one, show what is in force, print the schema."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from spyoncino.cli.config_versions import diff, history, rollback
from spyoncino.cli.options import options_of, print_json, stderr, stdout
from spyoncino.core.config_document import full_document, starter_document
from spyoncino.core.config_files import FILE_NAME
from spyoncino.core.config_layers import walk
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.config_model import document_model
from spyoncino.core.paths import resolve_data_dir
from spyoncino.core.registry import Registry
from spyoncino.core.wiring import without_misfits
from spyoncino.errors import ConfigError, UsageError
from spyoncino.modules.builtin import BUILTIN

app = typer.Typer(no_args_is_help=True, help="The configuration: write, check, show, go back.")
app.command("history")(history)
app.command("diff")(diff)
app.command("rollback")(rollback)


@app.command("init")
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path(FILE_NAME),
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Every setting with its default, as a reference.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a configuration file to begin with.

    Example: spyoncino config init
    """
    if path.exists() and not force:
        raise UsageError(f"{path} exists already; choose another name, or replace it with --force")
    text = full_document(Registry.discover(BUILTIN)) if full else starter_document()
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); choose another") from error
    stdout().print(
        f"{path} written. Next: spyoncino config check, then spyoncino run.", markup=False
    )


@app.command("check")
def check(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="The file; default: the one `run` would take.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Check the configuration; every problem is one line with file, line and key.

    Example: spyoncino config check spyoncino.yaml
    """
    registry = Registry.discover(BUILTIN)
    try:
        loaded = load_config(registry, file=file or options_of(ctx).config)
    except ConfigError as error:
        if as_json:
            print_json({"ok": False, "problems": list(error.problems)})
            raise typer.Exit(2) from error
        raise
    failures = without_misfits(registry).failures
    notices = [*loaded.notices, *(f"{each.name}: {each.error}" for each in failures)]
    cameras = {name: str(camera.source.type) for name, camera in loaded.settings.cameras.items()}
    if as_json:
        files = [str(path) for path in loaded.files]
        print_json({"ok": True, "files": files, "cameras": cameras, "notices": notices})
        return
    for notice in notices:
        stderr().print(notice, markup=False, soft_wrap=True)
    stdout().print(_summary(loaded, cameras), markup=False, soft_wrap=True)


@app.command("show")
def show(
    ctx: typer.Context,
    key: Annotated[
        str, typer.Argument(help="Only this part, for example cameras.door or motion.")
    ] = "",
    *,
    origins: Annotated[
        bool, typer.Option("--origins", help="One line per setting, and where it was written.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of YAML.")] = False,
) -> None:
    """Show every setting in force, from all layers; secrets are hidden.

    Example: spyoncino config show motion --origins
    """
    options = options_of(ctx)
    loaded = load_config(Registry.discover(BUILTIN), file=options.config)
    tree = loaded.shown()
    tree["data_dir"] = str(
        resolve_data_dir(options.data or loaded.settings.data_dir, loaded.user_file)
    )
    wanted = tuple(part for part in key.split(".") if part)
    part = _part_of(tree, wanted)
    if origins:
        rows = _origin_rows(loaded, part, wanted)
        if as_json:
            print_json([{"key": k, "value": v, "origin": o} for k, v, o in rows])
            return
        for name, value, origin in rows:
            stdout().print(f"{name} = {value}  ({origin})", markup=False, soft_wrap=True)
    elif as_json:
        print_json(part if isinstance(part, (dict, list)) else [part])
    else:
        text = yaml.safe_dump(part, sort_keys=False, allow_unicode=True)
        typer.echo(text.removesuffix("...\n"), nl=False)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors and other programs.

    Example: spyoncino config schema > spyoncino.schema.json
    """
    print_json(document_model(Registry.discover(BUILTIN)).model_json_schema())


def _summary(loaded: LoadedConfig, cameras: dict[str, str]) -> str:
    files = ", ".join(str(path) for path in loaded.files) or "no file; these are the defaults"
    named = ", ".join(f"{name} ({kind})" for name, kind in cameras.items()) or "none"
    return f"The configuration is right.\n  files: {files}\n  cameras: {named}"


def _part_of(tree: dict[str, Any], wanted: tuple[str, ...]) -> Any:
    part: Any = tree
    for depth, name in enumerate(wanted):
        if not isinstance(part, dict) or name not in part:
            known = ", ".join(part) if isinstance(part, dict) and part else "nothing"
            inside = f" inside {'.'.join(wanted[:depth])}" if depth else ""
            raise UsageError(f'there is no "{name}"{inside}; there is {known}')
        part = part[name]
    return part


def _origin_rows(
    loaded: LoadedConfig, part: Any, wanted: tuple[str, ...]
) -> list[tuple[str, Any, str]]:
    """Key, value and origin of every setting that holds no others."""
    rows = []
    leaves = walk(part) if isinstance(part, dict) else [((), part)]
    for location, value in leaves:
        if any(isinstance(step, int) for step in location) or (isinstance(value, dict) and value):
            continue
        whole = (*wanted, *location)
        origin = loaded.origins.get(whole)
        rows.append((".".join(str(step) for step in whole), value, str(origin or "default")))
    return rows
