"""Ctrl-C at any moment: a quiet end with the right exit code, no process and no memory left."""

import re
import signal
import time
from pathlib import Path

import pytest
from tests.fixtures.door_clips import DoorPlan, draw_door
from tests.fixtures.programs import RINGS_ALONE, Records, Running, sim, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

INTERRUPTED = 130


def assert_quiet_end(running: Running, memory: Path) -> None:
    said = running.said()
    assert "Traceback" not in said, said
    assert "KeyboardInterrupt" not in said, said
    assert running.survivors() == []
    assert list(memory.glob("*")) == []


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody comes at once; long enough to be interrupted in between."""
    plan = DoorPlan(duration_s=30.0, visitor_at_s=0.5)
    return draw_door(tmp_path_factory.getbasetemp() / "long.mp4", plan)


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    folder = tmp_path / "memory"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.4, 0.8, 1.6, 3.0])
def test_analyze_ends_quietly_whenever_it_is_interrupted(
    tmp_path: Path, memory: Path, long_clip: Path, after_s: float
) -> None:
    config = write_config(
        tmp_path / "spyoncino.yaml", shared_memory={"folder": str(memory)}, pool={"workers": 2}
    )
    command = ("analyze", long_clip, "--out", tmp_path / "out", "--config", config)
    with Running(tmp_path / "log", *command) as running:
        running.wait_until_up()
        time.sleep(after_s)

        running.interrupt()

        assert running.wait(15) == INTERRUPTED
        assert_quiet_end(running, memory)


def test_what_an_interrupted_analysis_left_open_is_failed_by_the_next(
    tmp_path: Path, memory: Path, long_clip: Path
) -> None:
    config = write_config(tmp_path / "spyoncino.yaml", shared_memory={"folder": str(memory)})
    records = Records(tmp_path / "out")
    still = draw_door(tmp_path / "still.mp4", DoorPlan(duration_s=1.0, visitor_at_s=-1.0))
    with Running(
        *(tmp_path / "log", "analyze", long_clip, "--out", records.data, "--config", config)
    ) as running:
        running.wait_for(lambda: bool(records.events()))
        running.interrupt()
        assert running.wait(15) == INTERRUPTED
        assert_quiet_end(running, memory)
    (event_id,) = records.events()

    with Running(
        *(tmp_path / "log", "analyze", still, "--out", records.data, "--config", config)
    ) as again:
        assert again.wait() == 0

    assert records.events()[event_id] in {"failed", "completed"}
    assert records.reasons()[event_id]


@pytest.mark.parametrize(
    ("after_s", "number"),
    [(0.0, signal.SIGINT), (0.7, signal.SIGINT), (1.2, signal.SIGTERM), (1.8, signal.SIGINT)],
)
def test_run_ends_in_order_when_it_is_told_to_while_it_starts(
    tmp_path: Path, memory: Path, after_s: float, number: signal.Signals
) -> None:
    config = write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": sim()},
        events=RINGS_ALONE,
        shared_memory={"folder": str(memory)},
    )
    with Running(
        *(tmp_path / "log", "--data", tmp_path / "data", "run", "--config", config)
    ) as running:
        running.wait_until_up()
        time.sleep(after_s)

        running.interrupt(number)

        expected = {0, INTERRUPTED} if number is signal.SIGINT else {0, -signal.SIGTERM}
        assert running.wait(25) in expected, running.said()
        assert_quiet_end(running, memory)


def test_run_completes_the_open_event_with_its_files_before_it_ends(
    tmp_path: Path, memory: Path
) -> None:
    config = write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": sim()},
        events={**RINGS_ALONE, "linger_s": 60},
        shared_memory={"folder": str(memory)},
    )
    records = Records(tmp_path / "data")
    with Running(
        *(tmp_path / "log", "--data", records.data, "run", "--config", config, "--show", "lines")
    ) as running:
        running.wait_for_line(r"door\s+snapshot ")
        assert set(records.events().values()) <= {"created", "processing"}

        running.interrupt()

        assert running.wait(25) == 0
        assert_quiet_end(running, memory)
        said = running.said()
    assert set(records.events().values()) == {"completed"}
    assert {kind for _, kind in records.media().values()} == {"snapshot", "gif", "webp", "clip"}
    assert re.search(r"door\s+completed\s+doorbell", said)
