"""Looks of a real capture process arrive on the bus, also while the camera sleeps."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any, cast

import pytest
from tests.fixtures.idle_clips import write_idle_clip

from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.modules.input.camera import CameraInput
from spyoncino.modules.process.picture_watch import PictureWatch
from spyoncino.runtime.capture.idle_gate import IdleGateSpec
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.captures import Captures
from spyoncino.schemas.picture import PictureState
from spyoncino.schemas.status import CameraState
from spyoncino.schemas.topics import CAMERA_LOOK, STATUS_CAMERA, STATUS_PICTURE
from spyoncino.testing.harness import ModuleHarness

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

CLIP_S = 7.0
GATE = IdleGateSpec(quiet_s=2, look_s=1)


@pytest.mark.parametrize("gate", [None, GATE], ids=["awake", "idle gate"])
async def test_looks_arrive_evenly_and_are_judged(
    module_harness: ModuleHarness, tmp_path: Path, gate: IdleGateSpec | None
) -> None:
    harness = module_harness
    path = write_idle_clip(tmp_path / "a.mp4", seconds=CLIP_S, walks_at_s=CLIP_S)
    captures = Captures(SystemClock(), base=tmp_path)
    await captures.open()
    source = SourceSpec("file", str(path))
    spec = CaptureSpec("door", source, analysis_fps=5, idle_gate=gate, look_every_s=1.0)
    handle = captures.add(spec)
    harness.set_camera("door")
    harness.context.captures = cast("Any", {"door": handle})
    await harness.add(PictureWatch)
    await harness.add(CameraInput)
    deadline = time.monotonic() + 40
    while all(each.state is not CameraState.ENDED for each in harness.received(STATUS_CAMERA)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await harness.settle()
    slept_s = handle.stats().counters.gate.asleep_s
    await captures.close()

    looks = harness.received(CAMERA_LOOK.of("door"))
    times = [look.pts_s for look in looks]
    assert all(1.0 <= after - before <= 2.5 for before, after in itertools.pairwise(times))
    assert times[-1] > CLIP_S - 2.5
    assert all(look.structure > 0 and look.is_grey for look in looks)
    assert (slept_s > 0) == (gate is not None)
    assert {each.state for each in harness.received(STATUS_PICTURE)} == {PictureState.FINE}
