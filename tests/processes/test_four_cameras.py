"""What is wrong with three cameras costs the fourth nothing."""

from pathlib import Path

import pytest
from tests.fixtures.four_cameras import FRAME_S, Plan, run_four
from tests.fixtures.rtsp_camera import needs_rtsp_server

pytestmark = [pytest.mark.processes, pytest.mark.alone, needs_rtsp_server, pytest.mark.timeout(90)]

PLAN = Plan(seconds=13, stall_every_s=7, stalled_s=4, stall_s=2, change_every_s=3, swap_every_s=9)


async def test_a_broken_a_stalling_and_a_changing_camera_cost_the_fourth_no_frame(
    tmp_path: Path,
) -> None:
    outcome = await run_four(tmp_path, PLAN)

    well = outcome.well
    assert (well.lost, outcome.skipped, outcome.corrupt) == (0, 0, 0)
    assert len(well.times) > 0.9 * PLAN.seconds / FRAME_S
    assert abs(outcome.sent - len(well.times)) <= 12, "only those before PLAY and the very last"
    assert [state for state, _ in well.states] == ["connecting", "live"]
    assert well.longest_step_s < 1.05 * FRAME_S

    assert outcome.broken.count("retrying") >= 3
    assert outcome.stalling.count("stalled") >= 1
    assert {f.codec for f in outcome.changing.sizes} == {"h264", "hevc"}
    details = [detail for _, detail in outcome.changing.states]
    assert any("The picture changed from 160x96 to 192x128" in detail for detail in details)
    every = (outcome.broken, outcome.stalling, outcome.changing, well)
    assert [witness.handle.stats().restarts for witness in every] == [0, 0, 0, 0]
