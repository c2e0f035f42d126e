"""One moment of a system, as the desk answers it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.fixtures.payloads import CAMERA, event
from tests.unit.modules.test_figures import pool as pool_stats

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.control_desk import ControlDesk, ask_main
from spyoncino.core.health import summarise
from spyoncino.core.message import Message
from spyoncino.core.meters import Meters
from spyoncino.core.top_snapshot import ORDER, SystemView, register_top
from spyoncino.runtime.capture.messages import CaptureCounters
from spyoncino.runtime.capture_limits import CaptureStats
from spyoncino.runtime.pool_stats import WorkerStats
from spyoncino.schemas.events import EventState
from spyoncino.schemas.status import CameraState

WORKER = WorkerStats("worker-1", "busy", 0, 7, 1, 0.5, 0, 0.0, "")


async def test_the_desk_answers_with_everything_that_is_shown(
    tmp_path: Path, clock: FakeClock
) -> None:
    meters = Meters()
    meters.begun_ns = clock.monotonic_ns()
    meters.health = summarise({}, (), 1.0)
    meters.camera(CAMERA, CameraState.LIVE, clock.monotonic_ns())
    meters.stages["zoning"].own_s.observe(0.004)
    meters.event(event(EventState.COMPLETED, presses=(1.0,)), is_closed=True)
    counters = CaptureCounters(frames_skipped=3)
    stats = CaptureStats("live", None, 0, 0, "", counters)
    handle = SimpleNamespace(camera_id=CAMERA, stats=lambda: stats)
    pool = SimpleNamespace(stats=lambda: pool_stats(workers=(WORKER,)))

    async def ignore(_: Message) -> None:
        return

    async with Bus(clock) as bus:
        bus.subscribe("status.bus", ignore, name="somebody")
        view = SystemView(bus, cast("Any", pool), cast("Any", [handle]), meters, clock)
        desk = ControlDesk(tmp_path / "socket")
        register_top(desk, view)
        await desk.open()
        await clock.advance(2)
        told = await ask_main(tmp_path / "socket", ORDER)
        await desk.close()
    assert (told["state"], told["uptime_s"]) == ("ok", 2.0)
    (camera,) = told["cameras"]
    assert (camera["state"], camera["available"], camera["asleep"]) == ("live", 1.0, False)
    zoning = next(row for row in told["stages"] if row["stage"] == "zoning")
    assert zoning["within"] == 1.0
    assert 2 < zoning["p95_ms"] <= 5
    assert told["queues"][0]["subscriber"] == "somebody"
    assert told["workers"][0]["busy"] == 0.5
    assert told["memory_bytes"]["main"] > 1_000_000
    assert [loss["count"] for loss in told["losses"]] == [3]
    assert told["events"][0]["presses"] == 1
    assert json.dumps(told)
