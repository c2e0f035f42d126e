"""The module with a real server on a free port and a real database; pool and camera are doubles."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from tests.fixtures.payloads import frame
from tests.fixtures.web_house import artifact, event, summary, until
from websockets.asyncio.client import connect

from spyoncino.analysis import Analysis, AnalysisRequest
from spyoncino.errors import ConfigError, JobExpiredError
from spyoncino.modules.dashboard.web_server import WebServer
from spyoncino.modules.page_backend import VIEWER_ATTENDS_S
from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.runtime.capture.messages import LiveBegun, LiveFragment, LiveUnavailable
from spyoncino.runtime.process_cost import pss_bytes
from spyoncino.runtime.tasks import PICTURE
from spyoncino.schemas import topics
from spyoncino.schemas.events import EventCompleted
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.media import StorageAck
from spyoncino.schemas.status import CameraState, CameraStatus, HealthState
from spyoncino.testing.harness import ModuleHarness

DOOR = topics.CAMERA_FRAME.of("door")


@pytest_asyncio.fixture
async def harness(module_harness: ModuleHarness, tmp_path: Path) -> AsyncIterator[ModuleHarness]:
    database = Database(tmp_path / "spyoncino.db")
    await database.open()
    module_harness.context.database = database
    module_harness.set_camera("door", doorbell="front")
    yield module_harness
    for module in module_harness.modules:
        await module.stop()
    await database.close()


async def ask(server: WebServer, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.address or "") as asking:
        return await asking.get(path)


async def test_the_page_and_the_states_of_cameras_are_served(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    assert (await ask(server, "/")).text.startswith("<!doctype html>")
    before = (await ask(server, "/api/v1/cameras")).json()
    status = CameraStatus(source="x", camera="door", state=CameraState.LIVE)
    await harness.feed(topics.STATUS_CAMERA, status)
    after = (await ask(server, "/api/v1/cameras")).json()
    assert [before[0]["state"], after[0]["state"]] == ["connecting", "live"]
    assert after[0]["doorbell"] == "front"


async def test_it_is_ready_with_the_first_summary_of_health(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    assert (await ask(server, "/health/ready")).status_code == 503
    await harness.feed(topics.STATUS_HEALTH, summary())
    assert (await ask(server, "/health/ready")).status_code == 200
    assert (await server.health()).state is HealthState.OK


async def test_events_and_files_come_from_the_database(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    server = await harness.add(WebServer, port=0)
    store, media = EventStore(harness.context.database), MediaStore(harness.context.database)
    for number in range(3):
        await store.save(event(f"e{number}", number))
    await media.add(artifact("media/day/e1/clip.mp4", "e1"))
    file = tmp_path / "media/day/e1/clip.mp4"
    await asyncio.to_thread(file.parent.mkdir, parents=True)
    await asyncio.to_thread(file.write_bytes, b"0123456789")
    first = (await ask(server, "/api/v1/events?limit=2")).json()
    rest = (await ask(server, f"/api/v1/events?limit=2&before={first['next']}")).json()
    ids = [each["event"]["event_id"] for each in first["events"] + rest["events"]]
    assert ids == ["e2", "e1", "e0"]
    (clip,) = first["events"][1]["media"]
    assert (await ask(server, clip["url"])).content == b"0123456789"
    assert (await ask(server, "/api/v1/media/spyoncino.db")).status_code == 404
    assert (await ask(server, "/api/v1/events?before=nobody")).json()["events"] == []
    assert (await ask(server, "/api/v1/events/e")).status_code == 404
    assert (await ask(server, "/api/v1/events/e1")).json()["media"] == [clip]


async def test_pages_hear_of_events_files_cameras_and_health(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    await MediaStore(harness.context.database).add(artifact("media/day/e1/clip.mp4"))
    address = (server.address or "").replace("http", "ws") + "api/v1/updates"
    heard: list[str] = []
    async with connect(address) as line:
        heard.append(str(await line.recv()))
        happened = event("e1")
        await harness.feed(topics.EVENT_COMPLETED, EventCompleted(source="x", event=happened))
        stored = StorageAck(
            source="x",
            subject="media",
            action="stored",
            key="media/day/e1/clip.mp4",
            event_ref="e1",
        )
        await harness.feed(topics.MEDIA_STORED, stored)
        status = CameraStatus(source="x", camera="door", state=CameraState.LIVE)
        await harness.feed(topics.STATUS_CAMERA, status)
        await harness.feed(topics.STATUS_HEALTH, summary())
        heard += [str(await line.recv()) for _ in range(4)]
    kinds = [text.split('"kind":"')[1].split('"')[0] for text in heard]
    assert sorted(kinds) == ["camera", "event", "health", "hello", "media"]


async def test_pages_hear_who_was_recognised_later(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    row = event("e1").model_copy(update={"story": "stranger 7 came"})
    await EventStore(harness.context.database).save(row)
    address = (server.address or "").replace("http", "ws") + "api/v1/updates"
    async with connect(address) as line:
        await line.recv()
        for event_id in ("e1", "gone"):
            told = StorageAck(
                source="x", subject="event", action="relabelled", key=event_id, event_ref=event_id
            )
            await harness.feed(topics.EVENT_RELABELLED, told)
        await harness.feed(topics.GALLERY_CHANGED, GalleryChange(source="x", change="named"))
        heard = [json.loads(await line.recv()) for _ in range(2)]
    assert heard[0]["event"]["story"] == "stranger 7 came"
    assert heard[1] == {"kind": "resync"}


async def test_pictures_are_made_only_while_somebody_watches(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    harness.pool.answers[PICTURE] = lambda job: f"jpeg {job.frame.slot}".encode()
    await harness.feed(DOOR, frame(0.1))
    assert harness.pool.asked == []
    assert harness.captures["door"].attended_s == []
    address = (server.address or "").replace("http", "ws") + "api/v1/cameras/door/live"
    async with connect(address) as line:
        backend = server._backend
        assert backend is not None
        await until(lambda: backend.numbers()["viewers"] == 1)
        await harness.feed(DOOR, frame(0.2))
        assert await line.recv() == b"jpeg 2"
    await until(lambda: backend.numbers()["viewers"] == 0)
    assert harness.captures["door"].attended_s == [VIEWER_ATTENDS_S]
    assert harness.captures.held == 0
    assert backend.numbers()["pictures"] == 1


async def test_video_is_asked_of_the_camera_while_somebody_watches(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    live = harness.captures["door"].live
    backend = server._backend
    assert backend is not None
    address = (server.address or "").replace("http", "ws")
    async with connect(f"{address}api/v1/cameras/door/live?format=mp4") as line:
        await until(lambda: live.is_on)
        live.take(LiveBegun(1, "video/mp4", 64, 48, b"init"))
        live.take(LiveFragment(1, b"piece", is_key=True, pts_s=0.0))
        assert '"mime": "video/mp4"' in str(await line.recv())
        assert [await line.recv(), await line.recv()] == [b"init", b"piece"]
        live.take(LiveUnavailable("It has no headers."))
        assert "It has no headers." in str(await line.recv())
        assert backend.numbers()["video_viewers"] == 1
        assert (await ask(server, "/api/v1/cameras")).json()[0]["viewers"] == 1
    await until(lambda: backend.numbers()["video_viewers"] == 0)
    assert live.is_on, "whoever loads the page again finds it running"
    await server.stop()
    assert not live.is_on


async def test_one_picture_is_made_at_a_time_and_a_late_one_is_left_out(
    harness: ModuleHarness,
) -> None:
    server = await harness.add(WebServer, port=0)
    harness.pool.by_hand.add(PICTURE)
    backend = server._backend
    assert backend is not None
    feed = backend.live("door")
    assert feed is not None
    with feed.watched():
        await harness.feed(DOOR, frame(0.1), frame(0.2))
        await harness.settle()
        (asked,) = harness.pool.jobs(PICTURE)
        asked.fail(JobExpiredError("too late"))
        await until(lambda: backend.numbers()["pictures_failed"] == 1)
        await harness.feed(DOOR, frame(0.3))
        await until(lambda: len(harness.pool.jobs(PICTURE)) == 2)
        harness.pool.waiting[0].finish(b"jpeg")
        await until(lambda: harness.captures.held == 0)


async def test_a_port_that_is_taken_is_one_sentence_with_the_setting(
    harness: ModuleHarness,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} .* set web.port"):
            await harness.add(WebServer, port=port)


async def test_an_address_of_another_machine_is_one_sentence(harness: ModuleHarness) -> None:
    with pytest.raises(ConfigError, match=r"web.host|cannot be served"):
        await harness.add(WebServer, port=0, host="192.0.2.1")


async def test_switched_off_it_listens_nowhere_and_keeps_no_token(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, enabled=False)
    await harness.feed(DOOR, frame(0.1))
    assert server.address is None
    assert not await asyncio.to_thread(harness.context.data.access_token.exists)
    assert (await server.health()).detail == "not served"


async def test_a_lossless_run_listens_nowhere(lossless_harness: ModuleHarness) -> None:
    server = await lossless_harness.add(WebServer, port=0)
    assert server.address is None


def test_analyze_never_opens_a_port(tmp_path: Path) -> None:
    request = AnalysisRequest([tmp_path / "a.mp4"], tmp_path / "out", is_realtime=True)
    settings: Any = Analysis(request)._loaded.sections["web"]
    assert settings.enabled is False


async def test_stopping_lets_everybody_go(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    async with connect((server.address or "").replace("http", "ws") + "api/v1/updates") as line:
        await line.recv()
        await server.stop()
        await line.wait_closed()
        assert line.close_code == 1001
    assert server.address is None


async def test_a_server_that_ended_by_itself_has_failed(harness: ModuleHarness) -> None:
    server = await harness.add(WebServer, port=0)
    serving = cast("asyncio.Task[None]", server._serving)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert (await server.health()).state is HealthState.FAILED


def test_memory_of_a_process_that_is_gone_is_nothing(tmp_path: Path) -> None:
    assert pss_bytes(1, tmp_path) == 0
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "smaps_rollup").write_text("Rss: 9 kB\nPss:      5 kB\n")
    assert pss_bytes(7, tmp_path) == 5120
