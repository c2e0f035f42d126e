"""``spyoncino service``: a systemd unit that starts the program with the machine."""

import getpass
import grp
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_config_path

from spyoncino.app import load_modules
from spyoncino.cli.options import GlobalOptions, options_of, stderr, stdout
from spyoncino.core.config_load import load_config
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import UsageError
from spyoncino.host.unit import DEVICE_GROUPS, MARK, NAME, SYSTEM_FOLDER, UnitSpec, unit_text

SYSTEMD_RUNS = Path("/run/systemd/system")
"""Exists exactly where systemd is the init system (sd_booted(3))."""

HOME_FOLDERS = (Path("/home"), Path("/root"), Path("/run/user"))
TMP_FOLDERS = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - only compared with
"""What ``ProtectHome=yes`` and ``PrivateTmp=yes`` hide (systemd.exec(5))."""

SYSTEM_DATA = Path("/var/lib/spyoncino")
"""Data folder of a service of the whole machine, unless another one is named."""

COMMAND_TIMEOUT_S = 60.0

app = typer.Typer(no_args_is_help=True, help="Run as a systemd service: install, remove, show.")

SystemOption = Annotated[
    bool, typer.Option("--system", help="For the whole machine (as root), not for this user.")
]
AccountOption = Annotated[
    str, typer.Option("--account", help="With --system: the user that it runs as.")
]
MemoryOption = Annotated[
    str, typer.Option("--memory-max", help="Memory that it may take: per cent, or 800M.")
]
CpuOption = Annotated[
    int, typer.Option("--cpu-quota", min=0, help="Per cent of one core; 0: no limit.")
]


@app.command("install")
def install(
    ctx: typer.Context,
    *,
    system: SystemOption = False,
    account: AccountOption = "",
    memory_max: MemoryOption = "75%",
    cpu_quota: CpuOption = 0,
    now: Annotated[bool, typer.Option("--now", help="Enable and start it too.")] = False,
) -> None:
    """Write the unit: restarts, watchdog, limits, groups for cameras and GPIO.

    Example: spyoncino service install --now
    """
    spec = _spec(options_of(ctx), system, account, memory_max, cpu_quota)
    path = unit_path(system=system)
    _refuse_foreign(path)
    try:
        _make_data_folder(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unit_text(spec), encoding="utf-8")
    except OSError as error:
        hint = "; run it with sudo" if system and os.geteuid() else ""
        raise UsageError(f"{path} cannot be written ({error.strerror}){hint}") from error
    stdout().print(f"{path} written.", markup=False, soft_wrap=True)
    steps = [_systemctl(system, "daemon-reload"), _systemctl(system, "enable", "--now", NAME)]
    if now:
        _run(steps)
    else:
        stdout().print("Next:", markup=False)
        for step in steps:
            stdout().print(f"  {' '.join(step)}", markup=False, soft_wrap=True)
    if not system:
        stdout().print(
            "It runs while you are logged in; from the start of the machine on after:\n"
            f"  loginctl enable-linger {getpass.getuser()}",
            markup=False,
            soft_wrap=True,
        )
    logs = "journalctl" if system else "journalctl --user"
    stdout().print(f"What it says: {logs} -u {NAME} -f", markup=False, soft_wrap=True)


@app.command("uninstall")
def uninstall(*, system: SystemOption = False) -> None:
    """Stop the service and remove its unit; events and media stay.

    Example: spyoncino service uninstall
    """
    path = unit_path(system=system)
    if not path.exists():
        raise UsageError(f"{path} is not there; nothing to remove")
    _refuse_foreign(path)
    if is_systemd_running():
        _run([_systemctl(system, "disable", "--now", NAME)])
    try:
        path.unlink()
    except OSError as error:
        raise UsageError(f"{path} cannot be removed ({error.strerror})") from error
    if is_systemd_running():
        _run([_systemctl(system, "daemon-reload")])
    stdout().print(f"{path} removed.", markup=False, soft_wrap=True)


@app.command("show")
def show(
    ctx: typer.Context,
    *,
    system: SystemOption = False,
    account: AccountOption = "",
    memory_max: MemoryOption = "75%",
    cpu_quota: CpuOption = 0,
) -> None:
    """Print the unit that install would write; says where one is installed.

    Example: spyoncino service show --system --account pi
    """
    typer.echo(unit_text(_spec(options_of(ctx), system, account, memory_max, cpu_quota)), nl=False)
    path = unit_path(system=system)
    there = "is installed" if path.exists() else "is not installed"
    stderr().print(f"{path} {there}.", markup=False, soft_wrap=True)


def unit_path(*, system: bool) -> Path:
    """Where the unit belongs."""
    folder = SYSTEM_FOLDER if system else user_config_path("systemd") / "user"
    return folder / NAME


def is_systemd_running() -> bool:
    """Whether systemd is the init system here and its command is there."""
    return SYSTEMD_RUNS.is_dir() and shutil.which("systemctl") is not None


def device_groups() -> tuple[str, ...]:
    """The groups of devices that exist; systemd refuses to start a unit that names another."""
    there = {entry.gr_name for entry in grp.getgrall()}
    return tuple(name for name in DEVICE_GROUPS if name in there)


def _spec(
    options: GlobalOptions, system: bool, account: str, memory_max: str, cpu_quota: int
) -> UnitSpec:
    loaded = load_config(load_modules(), file=options.config)
    if loaded.user_file is None:
        raise UsageError(
            "a service needs a configuration file; write one with `spyoncino config init`"
        )
    config = loaded.user_file.absolute()
    data = options.data or loaded.settings.data_dir
    if data is None and system and not (config.parent / "data").is_dir():
        data = SYSTEM_DATA
    data = resolve_data_dir(data, config)
    program = Path(sys.executable)
    read = (program, program.resolve(), config, data)
    return UnitSpec(
        command=(
            str(program), "-m", "spyoncino", "--config", str(config), "--data", str(data),
            "run", "--show", "off",
        ),
        folder=config.parent,
        data=data,
        account=_account(account) if system else None,
        groups=device_groups() if system else (),
        needs_homes=_is_any_below(read, HOME_FOLDERS),
        needs_tmp=_is_any_below(read, TMP_FOLDERS),
        memory_max=memory_max,
        cpu_quota_percent=cpu_quota,
    )  # fmt: skip


def _is_any_below(paths: Sequence[Path], folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for path in paths for folder in folders)


def _make_data_folder(spec: UnitSpec) -> None:
    """Make the data folder that the unit names; one that exists stays as it is."""
    if spec.data.exists():
        return
    DataFolder(spec.data).prepare()
    if spec.account is not None and os.geteuid() == 0:
        for folder in (spec.data, *spec.data.iterdir()):
            try:
                shutil.chown(folder, spec.account)
            except LookupError as error:
                raise UsageError(
                    f"there is no user {spec.account}; name another with --account NAME"
                ) from error


def _account(wanted: str) -> str:
    name = wanted or os.environ.get("SUDO_USER", "") or getpass.getuser()
    if name == "root":
        raise UsageError("the service would run as root; name another user with --account NAME")
    return name


def _refuse_foreign(path: Path) -> None:
    """Never touch a unit that somebody else wrote."""
    try:
        first = path.read_text(encoding="utf-8").partition("\n")[0]
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    if first != MARK:
        raise UsageError(f"{path} was not written by this command; move it away first")


def _systemctl(system: bool, *words: str) -> list[str]:
    return ["systemctl", *([] if system else ["--user"]), *words]


def _run(steps: list[list[str]]) -> None:
    for step in steps:
        try:
            done = subprocess.run(  # noqa: S603 - fixed words
                step, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"`{' '.join(step)}` cannot be run here ({error})") from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise UsageError(f"`{' '.join(step)}` failed: {said or 'it says nothing'}")
