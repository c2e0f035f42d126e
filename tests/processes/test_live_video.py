"""Live video from a real camera, through its process and the web, to several viewers."""

import asyncio
import io
import itertools
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
import pytest_asyncio
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from tests.fixtures.clips import number_of
from tests.fixtures.rtsp_camera import RtspCamera, camera_clip, needs_rtsp_server
from websockets.asyncio.client import ClientConnection, connect

from spyoncino.clock import SystemClock
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.modules.dashboard.web_server import WebServer
from spyoncino.persistence.database import Database
from spyoncino.runtime.capture.messages import FrameReady
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_handle import CaptureHandle
from spyoncino.runtime.capture_limits import CaptureLimits
from spyoncino.runtime.captures import Captures
from spyoncino.testing.harness import ModuleHarness
from spyoncino.web import live_video

pytestmark = [pytest.mark.processes, needs_rtsp_server, pytest.mark.timeout(90)]


@dataclass
class Viewer:
    """A page that keeps what it gets, by stream."""

    line: ClientConnection
    starts: list[dict[str, object]] = field(default_factory=list)
    streams: list[list[bytes]] = field(default_factory=list)

    listening: "asyncio.Task[None] | None" = None

    def begin(self) -> None:
        """Read from now on."""
        self.listening = asyncio.create_task(self.listen())

    async def listen(self) -> None:
        async for message in self.line:
            if isinstance(message, str):
                self.starts.append(json.loads(message))
                self.streams.append([])
            else:
                self.streams[-1].append(message)

    def numbers(self, stream: int = -1) -> list[int]:
        """Numbers of the pictures that were played of a stream."""
        with av.open(io.BytesIO(b"".join(self.streams[stream])), "r") as container:
            return [number_of(picture) for picture in container.decode(video=0)]

    def times(self) -> list[float]:
        """Times of the pictures that were played of the last stream."""
        with av.open(io.BytesIO(b"".join(self.streams[-1])), "r") as container:
            return [picture.time for picture in container.decode(video=0)]

    async def until(self, is_so: Callable[[], bool], timeout_s: float = 30) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_so():  # noqa: ASYNC110 -- the listener only collects
                await asyncio.sleep(0.02)


class House:
    """One camera and the page, without the rest.

    Args:
        handle: The camera.
        server: The page.
    """

    def __init__(self, handle: CaptureHandle, server: WebServer) -> None:
        self.handle = handle
        self.frames = 0
        self.address = (server.address or "").replace("http", "ws")
        assert server._backend is not None
        self.backend = server._backend

    async def read(self) -> None:
        async for message in self.handle.messages():
            if isinstance(message, FrameReady):
                self.frames += 1
                self.handle.release(message.handle)

    @asynccontextmanager
    async def viewer(self, *, is_slow: bool = False) -> AsyncIterator[Viewer]:
        """Somebody who watches; who is slow has little room and does not read yet."""
        address = urlsplit(self.address)
        sock = socket.socket()
        if is_slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (address.hostname, address.port))
        uri = f"{self.address}api/v1/cameras/door/live?format=mp4"
        async with connect(uri, sock=sock, max_queue=1) as line:
            viewer = Viewer(line)
            if not is_slow:
                viewer.begin()
            yield viewer
            if viewer.listening is not None:
                viewer.listening.cancel()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest_asyncio.fixture
async def open_house(
    module_harness: ModuleHarness, tmp_path: Path
) -> AsyncIterator[Callable[[RtspCamera], "asyncio.Future[House]"]]:
    captures = Captures(SystemClock(), CaptureLimits(first_pause_s=0.1), base=tmp_path)
    await captures.open()
    database = Database(tmp_path / "spyoncino.db")
    await database.open()
    module_harness.context.database = database
    module_harness.context.captures = captures
    module_harness.set_camera("door")
    readers: list[asyncio.Task[None]] = []

    async def begin(camera: RtspCamera) -> House:
        source = SourceSpec("rtsp", camera.url, options={"transport": "tcp"}, stall_s=2.0)
        handle = captures.add(CaptureSpec("door", source, analysis_fps=10))
        await handle.start()
        house = House(handle, await module_harness.add(WebServer, port=0))
        readers.append(asyncio.create_task(house.read()))
        return house

    yield lambda camera: asyncio.ensure_future(begin(camera))
    for module in module_harness.modules:
        await module.stop()
    await captures.close()
    await asyncio.gather(*readers)
    await database.close()


OpenHouse = Callable[[RtspCamera], "asyncio.Future[House]"]


def is_gapless(numbers: list[int]) -> bool:
    return all((after - before) % 36 == 1 for before, after in itertools.pairwise(numbers))


async def test_viewers_join_and_the_camera_and_its_process_fail_on_the_same_socket(
    open_house: OpenHouse, clips: Path
) -> None:
    clip = camera_clip(clips, gop=20)
    with RtspCamera(clip) as camera:
        house = await open_house(camera)
        async with house.viewer() as first:
            await first.until(lambda: bool(first.streams) and house.frames > 25)
            async with house.viewer() as second:
                await second.until(lambda: bool(second.streams) and len(second.streams[0]) >= 2)
                joined = second.numbers()
                assert len(joined) >= 3, "the group of pictures so far comes at once"
                assert is_gapless(joined)
            assert is_gapless(first.numbers())
            assert first.starts[0]["kind"] == "init"
            assert 'codecs="avc1.' in str(first.starts[0]["mime"])

            camera.kill()
            other = RtspCamera(camera_clip(clips, size=(192, 128)), port=camera.port)
            with other:
                await first.until(lambda: len(first.streams) == 2 and len(first.streams[1]) > 8)
                assert (first.starts[1]["width"], first.starts[1]["height"]) == (192, 128)
                assert is_gapless(first.numbers(1))

                pid = house.handle.stats().pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                await first.until(lambda: len(first.streams) == 3 and len(first.streams[2]) > 8)
                assert house.handle.stats().restarts == 1
                assert is_gapless(first.numbers(2))


async def test_a_viewer_that_does_not_read_loses_pictures_and_costs_nobody_any(
    open_house: OpenHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_video, "VIEWER_MAX_AGE_S", 0.5)
    clip = await asyncio.to_thread(noisy_clip, tmp_path / "noise.mkv")
    with RtspCamera(clip) as camera:
        house = await open_house(camera)
        feed = house.backend.video("door")
        assert feed is not None
        async with house.viewer() as quick, house.viewer(is_slow=True) as slow:
            await quick.until(lambda: feed.dropped > 5)
            times = quick.times()
            steps = [after - before for before, after in itertools.pairwise(times)]
            assert steps == pytest.approx([0.1] * len(steps), abs=0.02)
            assert len(times) > 10
            slow.begin()
            got = feed.shown
            await slow.until(lambda: feed.shown > got + 15)
            assert len(slow.times()) > 10
            assert house.backend.numbers()["video_dropped"] == feed.dropped


def noisy_clip(path: Path) -> Path:
    """Twenty seconds that do not compress: about 20 kB a picture."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 176, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.options = {"preset": "ultrafast", "qp": "30"}
        for index in range(200):
            rows = random.integers(16, 235, (264, 320), np.uint8)
            picture = VideoFrame.from_ndarray(rows, format="yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
