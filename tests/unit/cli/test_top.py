"""``spyoncino top``: what a terminal shows of one moment."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from spyoncino.cli.app import app
from spyoncino.cli.top import render
from spyoncino.core.latency_budget import STAGES
from spyoncino.errors import StorageError


def moment(cameras: int = 1, queues: int = 20) -> dict[str, Any]:
    return {
        "version": "1.2.3",
        "pid": 1,
        "state": "degraded",
        "detail": "pool: 1 of 2 workers are ready; " * 5,
        "uptime_s": 7_384.0,
        "cameras": [
            {
                "camera": f"camera-{number}",
                "state": "retrying",
                "per_s": 5.0,
                "decoded": 100,
                "asleep": number == 0,
                "gaps": 2,
                "lost_s": 90_000.0,
                "available": 0.875,
                "restarts": 0,
                "error": "no route to the camera",
            }
            for number in range(cameras)
        ],
        "stages": [
            {
                "stage": stage.name,
                "per_s": 5.0,
                "count": 10 if stage.budget_s else 0,
                "p50_ms": 1.0,
                "p95_ms": 123.0,
                "age_p95_ms": 200.0,
                "budget_ms": None if stage.budget_s is None else stage.budget_s * 1e3,
                "within": None,
            }
            for stage in STAGES
        ],
        "queues": [
            {
                "subscriber": "event.snapshot_writer",
                "pattern": "event.created",
                "policy": "block",
                "depth": number,
                "capacity": 256,
                "lag_s": 0.1,
                "dropped": 1,
                "failed": 1,
                "delivered": 5,
                "wait_p99_ms": 1.0,
            }
            for number in range(queues)
        ],
        "pool": {"queued": 0, "per_s": 1.0, "p95_ms": 1.0},
        "workers": [
            {
                "worker": f"worker-{number}",
                "state": "busy",
                "busy": 0.5,
                "jobs": 7,
                "restarts": 1,
                "error": "",
            }
            for number in range(8)
        ],
        "memory_bytes": {"main": 200_000_000, "worker-1": 150_000_000},
        "losses": [{"where": "pool", "reason": "late: the deadline was over", "count": 4}],
        "events": [
            {
                "event_id": "e1",
                "at": "2026-03-01T12:00:00+00:00",
                "camera": "camera-0",
                "type": "doorbell",
                "state": "completed",
                "seconds": 12.0,
                "labels": ["person"],
                "presses": 1,
            }
        ]
        * 9,
    }


def shown(facts: dict[str, Any], height: int = 24, *, is_whole: bool = False) -> list[str]:
    console = Console(width=80, height=height)
    with console.capture() as capture:
        console.print(render(facts, console, is_whole=is_whole))
    return Text.from_ansi(capture.get()).plain.splitlines()


def test_it_fits_a_small_terminal_however_much_there_is() -> None:
    lines = shown(moment(cameras=16))
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80
    text = "\n".join(lines)
    for word in ("up 2 h 03", "350 MB", "degraded", "retrying", "asleep", "25 h", "and 13 more"):
        assert word in text
    for word in ("detection", "123", "event.snapshot_wr…", "pool late 4", "rang 1×"):
        assert word in text


def test_a_higher_terminal_shows_more() -> None:
    text = "\n".join(shown(moment(cameras=16), height=60))
    assert "camera-15" in text
    assert "worker-7" in text


def test_one_moment_shows_every_camera() -> None:
    text = "\n".join(shown(moment(cameras=40), is_whole=True))
    assert "camera-39" in text


def test_nothing_lost_is_said_in_a_word() -> None:
    assert "LOST nothing" in "\n".join(shown({**moment(), "losses": []}))


@pytest.mark.parametrize("option", [[], ["--once"], ["--json"]])
def test_without_a_running_main_it_says_so(tmp_path: Path, option: list[str]) -> None:
    done = CliRunner().invoke(app, ["--data", str(tmp_path), "top", *option])
    assert isinstance(done.exception, StorageError)
    assert "start `spyoncino run`" in str(done.exception)
