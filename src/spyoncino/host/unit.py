"""The systemd unit that keeps the program running: its text, and where it belongs.

Pure: nothing is written or started here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAME = "spyoncino.service"
MARK = "# Written by: spyoncino service install"
"""First line; a unit without it was written by somebody else and is never replaced or removed."""

SYSTEM_FOLDER = Path("/etc/systemd/system")
DEVICE_GROUPS = ("video", "render", "gpio")
"""Who may open cameras, graphics cards and GPIO on Debian and Raspberry Pi OS."""

WATCHDOG_S = 60
"""A main loop that gives no sign of life for so long hangs; analysis never blocks it."""

STOP_S = 60
"""Until systemd kills: ``health.shutdown_timeout_s`` (20 s) and closing every process after it."""

RESTART_S = 2


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """What a unit is made from.

    Args:
        command: The program and its arguments, paths absolute.
        folder: Working folder: where the configuration lies.
        data: The data folder; the one place that the service may write to.
        account: User that the service runs as; ``None`` makes a unit of the user's own manager.
        groups: Groups of devices that exist on this machine.
        needs_homes: Whether any of these paths lies below ``/home``, ``/root`` or ``/run/user``.
        needs_tmp: Whether any of them lies below ``/tmp`` or ``/var/tmp``.
        memory_max: As systemd has it: bytes with K, M, G, or per cent of the machine.
        cpu_quota_percent: Of one core; 0 sets no limit.
    """

    command: tuple[str, ...]
    folder: Path
    data: Path
    account: str | None = None
    groups: tuple[str, ...] = ()
    needs_homes: bool = False
    needs_tmp: bool = False
    memory_max: str = "75%"
    cpu_quota_percent: int = 0


def unit_text(spec: UnitSpec) -> str:
    """The unit file."""
    is_system = spec.account is not None
    lines = [
        MARK,
        "[Unit]",
        "Description=Spyoncino, cameras and doorbell",
    ]
    if is_system:
        lines += ["Wants=network-online.target", "After=network-online.target"]
    lines += [
        "# It comes back however often it fails.",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={' '.join(quoted(word) for word in spec.command)}",
        f"WorkingDirectory={str(spec.folder).replace('%', '%%')}",
        "Restart=always",
        f"RestartSec={RESTART_S}",
        "# 2: the configuration is wrong; starting again would not make it right.",
        "RestartPreventExitStatus=2",
        f"WatchdogSec={WATCHDOG_S}",
        "# The program ends its own children; one that is killed is replaced by it.",
        "KillMode=mixed",
        f"TimeoutStopSec={STOP_S}",
        "OOMPolicy=continue",
        "Environment=PYTHONUNBUFFERED=1",
        "UMask=0077",
        "",
        f"MemoryMax={spec.memory_max}",
        "CPUWeight=50",
        "TasksMax=1024",
    ]
    if spec.cpu_quota_percent:
        lines.append(f"CPUQuota={spec.cpu_quota_percent}%")
    lines += ["", *(_system_lines(spec) if is_system else _user_lines()), "", "[Install]"]
    lines.append(f"WantedBy={'multi-user' if is_system else 'default'}.target")
    return "\n".join(lines) + "\n"


def _user_lines() -> Sequence[str]:
    return (
        "# A user's own manager cannot give groups or hide folders: the user must belong to the",
        "# groups of the devices.",
        "NoNewPrivileges=yes",
        "LockPersonality=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
    )


def _system_lines(spec: UnitSpec) -> Sequence[str]:
    groups = (f"SupplementaryGroups={' '.join(spec.groups)}",) if spec.groups else ()
    return (
        f"User={spec.account}",
        "# Devices are opened by their groups; device rules of systemd would lock cameras out.",
        *groups,
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        f"ProtectHome={'read-only' if spec.needs_homes else 'yes'}",
        f"ReadWritePaths={quoted(str(spec.data)).replace('$$', '$')}",
        f"PrivateTmp={'no' if spec.needs_tmp else 'yes'}",
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectProc=invisible",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
    )


def quoted(word: str) -> str:
    """One word of a command line as systemd reads it (systemd.service(5), command lines)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return (
        escaped
        if escaped and not any(sign in escaped for sign in " \t;'\"\\")
        else (f'"{escaped}"')
    )
