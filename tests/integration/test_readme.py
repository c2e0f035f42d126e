"""What the README tells a newcomer to type works, in the order in which it is told."""

import re
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.fixtures.programs import Running, command

from spyoncino.cli.demo_person import portrait

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^\$ (.+)$", README, flags=re.MULTILINE)
CI_RUN = (ROOT / ".ci" / "run").read_text()

CHECKED_ELSEWHERE = {"pip install .": " check wheel", "make demo": " check wheel demo"}
"""Commands that the whole check runs itself, and how it does."""

NEEDS_MORE_THAN_A_TEST_HAS = {
    "spyoncino cameras test rtsp://": "a camera; tests/processes/test_live_sources.py has a server",
    "spyoncino cameras discover": "cameras; tests/unit/cli/test_cameras_discover.py has some",
    "spyoncino ring": "a running system; tests/processes/test_doorbell.py rings one",
    "spyoncino top": "a running system; tests/unit/cli/test_top.py shows one",
    "curl ": "a running page; tests/unit/web asks the same routes",
    "spyoncino service install": "systemd; tests/unit/cli/test_service.py checks the unit",
    "sudo ": "systemd and root; the same test",
}
"""Beginning of a command to what it needs, and where it is tested instead."""


def give_pictures_of_ann(folder: Path) -> None:
    """Two different ones of the drawn visitor."""
    picture = cv2.imdecode(np.frombuffer(portrait(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    cv2.imwrite(str(folder / "ann1.jpg"), picture)
    brighter = cv2.convertScaleAbs(picture[:, ::-1], alpha=1.1, beta=10)
    cv2.imwrite(str(folder / "ann2.jpg"), cv2.GaussianBlur(brighter, (5, 5), 0))


def is_run_here(line: str) -> bool:
    return not line.startswith(tuple(NEEDS_MORE_THAN_A_TEST_HAS))


def test_commands_that_take_the_whole_machine_are_part_of_the_whole_check() -> None:
    heavy = [line for line in COMMANDS if is_run_here(line) and not line.startswith("spyoncino")]
    assert heavy == ["make demo", "make test", "pip install ."]
    for line in heavy:
        assert CHECKED_ELSEWHERE.get(line, line) in CI_RUN, line


@pytest.mark.timeout(240)
def test_every_command_works_in_the_order_of_the_readme(tmp_path: Path, visitor_clip: Path) -> None:
    shutil.copy(visitor_clip, tmp_path / "garden.mp4")
    give_pictures_of_ann(tmp_path)
    event_id = ""
    for line in COMMANDS:
        words = shlex.split(line)
        if words[0] != "spyoncino" or not is_run_here(line):
            continue
        arguments = [event_id if word == "EVENT" else word for word in words[1:]]
        if arguments[0] == "run":
            with Running(tmp_path / "run.log", *arguments, cwd=tmp_path) as running:
                running.wait_for_line("is live")
                running.interrupt()
                assert running.wait() == 0, running.said()
            continue
        done = command(*arguments, cwd=tmp_path)
        assert done.code == 0, f"{line}: {done.err}"
        if arguments[-2:] == ["events", "list"]:
            listed = command(*arguments, "--json", cwd=tmp_path).objects
            event_id = listed[0]["event_id"][:8]
    assert len(list((tmp_path / "copies").iterdir())) == 1
