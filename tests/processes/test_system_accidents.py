"""``kill -9`` of each kind of process during ``run``: nothing acknowledged is lost."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import av
import psutil
import pytest
from tests.fixtures.programs import RINGS_ALONE, Records, Running, sim, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

LOST_IN_MAIN = "the program ended during this event; what was recorded until then is kept"


class House:
    """One configuration and data folder over several runs of the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.memory = folder / "memory"
        self.memory.mkdir()
        self.records = Records(folder / "data")
        self.config = write_config(
            folder / "spyoncino.yaml",
            cameras={"door": {**sim(), "analysis_fps": 2}},
            events=RINGS_ALONE,
            clip={"post_roll_s": 1},
            pool={"workers": 1},
            shared_memory={"folder": str(self.memory)},
        )

    def run(self) -> Running:
        return Running(
            self.folder / "log",
            *("--data", self.records.data, "run", "--config", self.config, "--show", "lines"),
        )

    def run_folders(self) -> list[str]:
        return sorted(path.name for path in self.memory.iterdir())

    def completed(self) -> list[str]:
        return [key for key, state in self.records.events().items() if state == "completed"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    assert house.run_folders() == [], "shared memory is left"
    for path in house.records.media():
        assert (house.records.data / path).stat().st_size > 0


def end(running: Running) -> None:
    """Ctrl-C, and everything is gone."""
    running.interrupt()
    assert running.wait() == 0, running.said()
    assert running.survivors() == []


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


def test_a_killed_worker_is_replaced_and_the_visit_still_has_all_its_files(house: House) -> None:
    with house.run() as running:
        running.wait_for(lambda: bool(house.records.events()))
        (event_id,) = house.records.events()
        (worker,) = running.workers()

        kill(worker)

        running.wait_for(lambda: any(other.pid != worker.pid for other in running.workers()))
        running.wait_for(lambda: house.records.events()[event_id] == "completed")
        running.wait_for(lambda: len(house.records.media()) >= 4)
        end(running)
    kinds = {kind for owner, kind in house.records.media().values() if owner == event_id}
    assert kinds == {"snapshot", "gif", "webp", "clip"}
    assert set(house.records.events().values()) <= {"completed", "failed"}


ONE_FRAGMENT_BYTES = 50_000
"""More than the head of a growing clip; before its first fragment there is nothing to keep."""


def test_a_killed_capture_process_is_replaced_and_its_event_is_closed_with_what_it_has(
    house: House,
) -> None:
    with house.run() as running:
        running.wait_for(lambda: bool(house.records.events()))
        (event_id,) = house.records.events()
        (capture,) = running.captures()
        growing = house.records.data / "media"
        running.wait_for(
            lambda: any(
                part.stat().st_size > ONE_FRAGMENT_BYTES
                for part in growing.glob(f"*/{event_id}/clip.part.mp4")
            )
        )

        kill(capture)

        running.wait_for_line(r"door\s+is retrying.*SIGKILL")
        running.wait_for(lambda: house.records.events()[event_id] in {"completed", "failed"})
        running.wait_for(lambda: any(other.pid != capture.pid for other in running.captures()))
        running.wait_for(lambda: len(re.findall(r"door\s+is live", running.said())) == 2)
        running.wait_for(lambda: len(house.records.events()) > 1)
        end(running)
    kinds = {
        kind: path for path, (owner, kind) in house.records.media().items() if owner == event_id
    }
    assert "clip" in kinds, "what was written until then is kept"
    with av.open(str(house.records.data / kinds["clip"])) as clip:
        assert sum(1 for _ in clip.decode(video=0)) > 5
    assert set(house.records.events().values()) <= {"completed", "failed"}


def test_after_a_killed_main_everything_acknowledged_is_there_and_nothing_else_is_left(
    house: House,
) -> None:
    with house.run() as running:
        running.wait_for(lambda: bool(house.completed()))
        running.wait_for(lambda: len(house.records.media()) >= 4)
        running.wait_for(lambda: len(house.records.events()) >= 2)
        events, media = house.records.events(), house.records.media()
        assert "completed" in events.values()
        assert len(house.run_folders()) == 1

        running.process.kill()
        running.wait()

        assert running.survivors() == []
    left_behind = house.run_folders()

    with house.run() as running:
        running.wait_for(lambda: len(re.findall(r"door\s+is live", running.said())) == 2)
        assert not set(left_behind) & set(house.run_folders()), "removed at the next start"
        after = house.records.events()
        assert set(events) <= set(after)
        for event_id, state in events.items():
            if state == "completed":
                assert after[event_id] == "completed"
            elif after[event_id] == "failed":
                assert house.records.reasons()[event_id] == LOST_IN_MAIN
            else:  # its press was not acknowledged yet, came again and closed it
                assert after[event_id] == "completed"
        assert media.items() <= house.records.media().items()
        end(running)
    for path in media:
        assert (house.records.data / path).stat().st_size > 0
