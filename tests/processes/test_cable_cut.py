"""The cable of a real camera is cut: packets vanish, and nobody resets the connection."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.rtsp_camera import RtspCamera, camera_clip, needs_rtsp_server
from tests.fixtures.rtsp_network import CameraNetwork, why_no_network

from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.runtime.capture.messages import FrameReady, SourceStateChanged
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.captures import Captures

pytestmark = [pytest.mark.processes, needs_rtsp_server, pytest.mark.timeout(90)]

STALL_S = 2.0


class Ear:
    """Hears one camera."""

    def __init__(self, handle: CaptureHandle) -> None:
        self.handle = handle
        self.changes: list[SourceStateChanged] = []
        self.frames = 0

    async def listen(self) -> None:
        async for message in self.handle.messages():
            if isinstance(message, FrameReady):
                self.frames += 1
                self.handle.release(message.handle)
            elif isinstance(message, SourceStateChanged):
                self.changes.append(message)

    async def until_frames(self, count: int) -> None:
        wanted = self.frames + count
        over_s = time.monotonic() + 30
        while self.frames < wanted:
            assert time.monotonic() < over_s, self.changes
            await asyncio.sleep(0.02)

    async def until_state(self, state: str) -> SourceStateChanged:
        over_s = time.monotonic() + 30
        while self.changes[-1].state != state:
            assert time.monotonic() < over_s, self.changes
            await asyncio.sleep(0.02)
        return self.changes[-1]


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob("*.ring"))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_cut_cable_is_noticed_reported_as_a_gap_and_mended(
    tmp_path: Path, transport: str
) -> None:
    if refusal := why_no_network():
        pytest.skip(refusal)
    captures = Captures(SystemClock(), base=tmp_path)
    await captures.open()
    with CameraNetwork() as network, RtspCamera(camera_clip(tmp_path), network=network) as camera:
        source = SourceSpec("rtsp", camera.url, options={"transport": transport}, stall_s=STALL_S)
        ear = Ear(captures.add(CaptureSpec("door", source, analysis_fps=10)))
        await ear.handle.start()
        listening = asyncio.create_task(ear.listen())
        try:
            await ear.until_frames(5)
            pid = ear.handle.stats().pid
            began_s = time.monotonic()
            network.cut()
            assert "No new picture came for 2 s." in (await ear.until_state("stalled")).detail
            assert "for 4 s" in (await ear.until_state("retrying")).detail
            seen = len(ear.changes)
            network.mend()
            live = await ear.until_state("live")
            await ear.until_frames(5)
            assert [change.state for change in ear.changes[seen:]].count("live") == 1
            assert STALL_S < live.gap_s <= time.monotonic() - began_s + 1
            assert "Pictures again after a gap of" in live.detail
            stats = ear.handle.stats()
            assert (stats.pid, stats.gaps) == (pid, 1)
            assert stats.lost_s == pytest.approx(live.gap_s)
        finally:
            await captures.close()
            await listening
