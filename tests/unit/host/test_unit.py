import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spyoncino.host.unit import MARK, UnitSpec, quoted, unit_text

SPEC = UnitSpec(
    command=(sys.executable, "-m", "spyoncino", "run", "--show", "off"),
    folder=Path("/srv/door"),
    data=Path("/var/lib/spyoncino"),
)
SYSTEM = UnitSpec(SPEC.command, SPEC.folder, SPEC.data, account="nobody", groups=("video",))


def lines(spec: UnitSpec) -> list[str]:
    return unit_text(spec).splitlines()


def test_it_comes_back_and_is_watched() -> None:
    text = lines(SPEC)
    assert text[0] == MARK
    assert {"Restart=always", "StartLimitIntervalSec=0", "Type=notify", "WatchdogSec=60"} <= set(
        text
    )


def test_a_users_unit_has_nothing_that_needs_root() -> None:
    names = {line.partition("=")[0] for line in lines(SPEC)}
    assert not names & {"User", "SupplementaryGroups", "ProtectSystem", "CapabilityBoundingSet"}
    assert "WantedBy=default.target" in lines(SPEC)


def test_a_system_unit_is_shut_in_and_has_the_groups_of_devices() -> None:
    text = lines(SYSTEM)
    assert {
        "User=nobody",
        "SupplementaryGroups=video",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "ReadWritePaths=/var/lib/spyoncino",
        "WantedBy=multi-user.target",
    } <= set(text)


def test_folders_that_it_needs_are_not_hidden() -> None:
    spec = UnitSpec(
        SPEC.command, SPEC.folder, SPEC.data, account="pi", needs_homes=True, needs_tmp=True
    )
    assert {"ProtectHome=read-only", "PrivateTmp=no"} <= set(lines(spec))
    assert not any(line.startswith("SupplementaryGroups") for line in lines(spec))


def test_limits_are_what_was_asked_for() -> None:
    spec = UnitSpec(SPEC.command, SPEC.folder, SPEC.data, memory_max="800M", cpu_quota_percent=150)
    assert {"MemoryMax=800M", "CPUQuota=150%"} <= set(lines(spec))
    assert not any(line.startswith("CPUQuota") for line in lines(SPEC))


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("run", "run"),
        ("two words", '"two words"'),
        ("100%", "100%%"),
        ("$HOME", "$$HOME"),
        ('say "hi"', '"say \\"hi\\""'),
        ("", '""'),
    ],
)
def test_words_of_the_command_are_quoted_for_systemd(word: str, written: str) -> None:
    assert quoted(word) == written


@pytest.mark.parametrize("scope", ["user", "system"])
def test_systemd_finds_nothing_wrong(scope: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed (make services)")
    folder = tmp_path / "a folder 100%"
    folder.mkdir()
    spec = UnitSpec(
        (*SPEC.command, "--config", str(folder / "spyoncino.yaml")),
        folder,
        folder,
        account=None if scope == "user" else "daemon",
        cpu_quota_percent=150,
    )
    path = tmp_path / "spyoncino.service"
    path.write_text(unit_text(spec))
    done = subprocess.run(
        [analyze, "verify", "--man=no", f"--{scope}", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "spyoncino" in line]
    assert ours == []
    assert done.returncode == 0, done.stderr
