"""Plug-ins beside the installed program: a good one is run, bad ones are left out and named."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fixtures.programs import RINGS_ALONE, Records, Running, command, sim, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "event_csv"

MODULE = '''"""A plug-in that breaks the contract."""

import time

from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.schemas import topics
from spyoncino.schemas.status import HealthStatus
{imports}

class {name}(ProcessModule[ModuleSettings]):
    """Does not behave."""

    name = "process.{section}"
    section = "{section}"
    settings_model = ModuleSettings
    consumes = (Consume(topics.{topic}, "on_news"),)

    async def start(self): ...

    async def stop(self): ...

    async def health(self):
        return HealthStatus()

    async def on_news(self, news):
        {body}
'''


def install_bad(folder: Path, name: str, topic: str, body: str, imports: str = "") -> None:
    """A plug-in as pip would leave it: a module and the description of its distribution."""
    section = name.lower()
    text = MODULE.format(name=name, section=section, topic=topic, body=body, imports=imports)
    (folder / f"bad_{section}.py").write_text(text)
    facts = folder / f"bad_{section}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bad-{section}\nVersion: 1.0\n")
    entry = f"[spyoncino.modules]\n{section} = bad_{section}:{name}\n"
    (facts / "entry_points.txt").write_text(entry)


@pytest.fixture(scope="module")
def plug_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, installed by pip, and four plug-ins that misbehave."""
    folder = tmp_path_factory.mktemp("plug_ins")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", folder, EXAMPLE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    install_bad(folder, "Nosy", "TRACKS", "pass", "from spyoncino.modules import folders")
    install_bad(folder, "Late", "EVENT_COMPLETED", "pass")
    install_bad(folder, "Liar", "TRACKS", "await self.publish(topics.MOTION_UNIQUE, news)")
    install_bad(folder, "Greedy", "OBJECTS_DETECTED", "time.sleep(0.08)")
    return folder


@dataclass(frozen=True)
class Evening:
    """What a run with these plug-ins said and left."""

    said: str
    code: int
    data: Path
    events: dict[str, str]


@pytest.fixture(scope="module")
def evening(plug_ins: Path, tmp_path_factory: pytest.TempPathFactory) -> Evening:
    folder = tmp_path_factory.mktemp("evening")
    config = write_config(
        folder / "spyoncino.yaml",
        cameras={"door": {**sim(visitor_at_s=0.2, press_at_s=1), "analysis_fps": 5}},
        events=RINGS_ALONE,
        clip={"post_roll_s": 1},
        pool={"workers": 1},
        shared_memory={"folder": str(folder)},
        event_csv={"path": str(folder / "visits.csv")},
    )
    records = Records(folder / "data")
    arguments = ("--data", records.data, "run", "--config", config, "--show", "lines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(plug_ins)]))
        with Running(folder / "log", *arguments) as running:
            running.wait_for((folder / "visits.csv").exists, timeout_s=60)
            running.wait_for_line("process.greedy kept the event loop", timeout_s=30)
            running.wait_for_line("process.liar publishes", timeout_s=30)
            running.interrupt()
            code = running.wait()
            assert running.survivors() == []
            return Evening(running.said(), code, folder, records.events())


def test_the_example_hears_the_events_of_the_simulator(evening: Evening) -> None:
    with (evening.data / "visits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["event_id"] for row in rows} == set(evening.events)
    assert {row["camera"] for row in rows} == {"door"}
    assert evening.code == 0


@pytest.mark.parametrize(
    "sentence",
    [
        "imports another module (bad_nosy.py imports spyoncino.modules.folders)",
        "process.late is of the stage process and must not consume event.completed",
        "process.liar publishes process.motion.unique, which it does not declare",
        "process.greedy kept the event loop for",
    ],
)
def test_a_plug_in_that_misbehaves_is_named(evening: Evening, sentence: str) -> None:
    assert sentence in evening.said


def test_the_list_of_modules_shows_who_is_there_and_who_is_left_out(
    plug_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(plug_ins))
    facts = json.loads(command("modules", "list", "--json").out)
    purpose = {each["name"]: each["purpose"] for each in facts["modules"]}
    assert purpose["output.event_csv"] == (
        "Writes one line for each completed event into a CSV file."
    )
    assert [each["name"] for each in facts["failures"]] == ["nosy", "process.late"]
    shown = command("modules", "graph")
    assert shown.code == 0
    assert any(line.startswith("nosy imports another module") for line in shown.sentences)


def test_the_examples_own_tests_pass(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", tmp_path],
        cwd=EXAMPLE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout
