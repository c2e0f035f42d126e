"""Events that the database refused survive ``kill -9`` of main: the outbox has them."""

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.fixtures.programs import RINGS_ALONE, Records, Running, sim, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]


def told_events(outbox: Path) -> set[str]:
    """Ids of all events in messages whose publish was acknowledged."""
    with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True, timeout=5)) as connection:
        rows = connection.execute("SELECT body FROM messages WHERE topic = 'event.created'")
        return {json.loads(body)["event"]["event_id"] for (body,) in rows}


def test_events_told_while_the_database_is_locked_are_in_it_after_a_killed_main(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    records = Records(data)
    config = write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": {**sim(period_s=3, press_at_s=1), "analysis_fps": 2}},
        events=RINGS_ALONE,
        clip={"post_roll_s": 0},
        pool={"workers": 1},
    )
    arguments = ("--data", data, "run", "--config", config, "--show", "lines")
    with Running(tmp_path / "first", *arguments) as running:
        running.wait_for(lambda: bool(records.events()))
        with closing(sqlite3.connect(records.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            known = set(records.events())
            running.wait_for(lambda: len(told_events(data / "outbox.db") - known) >= 2)
            running.process.send_signal(signal.SIGKILL)
            running.wait()
            told = told_events(data / "outbox.db")
            assert len(told - set(records.events())) >= 2
            other.execute("ROLLBACK")
    with Running(tmp_path / "second", *arguments) as running:
        running.wait_for(lambda: told <= set(records.events()))
        running.wait_for(
            lambda: {records.events()[each] for each in told} <= {"completed", "failed"}
        )
