import asyncio
from pathlib import Path

import pytest
from tests.fixtures.web_house import FakeHouse, browser, until

from spyoncino.web.routes import cameras as cameras_routes


@pytest.fixture
def house(tmp_path: Path) -> FakeHouse:
    return FakeHouse(tmp_path)


async def test_the_next_picture_is_sent(house: FakeHouse) -> None:
    feed = house.feeds["door"]
    async with browser(house.app) as asking:
        answering = asyncio.create_task(asking.get("/api/v1/cameras/door/picture.jpg"))
        await until(lambda: feed.viewers == 1)
        feed.show(b"jpeg")
        answer = await answering
    assert (answer.status_code, answer.content) == (200, b"jpeg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert feed.viewers == 0


@pytest.mark.parametrize("is_closed", [True, False])
async def test_a_camera_without_pictures_is_told(
    house: FakeHouse, monkeypatch: pytest.MonkeyPatch, is_closed: bool
) -> None:
    monkeypatch.setattr(cameras_routes, "PICTURE_TIMEOUT_S", 0.01)
    if is_closed:
        house.feeds["door"].close()
    async with browser(house.app) as asking:
        answer = await asking.get("/api/v1/cameras/door/picture.jpg")
    assert answer.status_code == 503
    assert "shows no picture" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["picture.jpg", "live.mjpeg"])
async def test_a_camera_that_is_not_there_is_404(house: FakeHouse, name: str) -> None:
    async with browser(house.app) as asking:
        answer = await asking.get(f"/api/v1/cameras/garden/{name}")
    assert answer.status_code == 404


async def test_the_stream_of_pictures_ends_with_the_feed(house: FakeHouse) -> None:
    feed = house.feeds["door"]
    async with browser(house.app) as asking:
        answering = asyncio.create_task(asking.get("/api/v1/cameras/door/live.mjpeg"))
        await until(lambda: feed.viewers == 1)
        feed.show(b"one")
        await asyncio.sleep(0.01)
        feed.show(b"two!")
        await asyncio.sleep(0.01)
        feed.close()
        answer = await answering
    assert answer.headers["content-type"].startswith("multipart/x-mixed-replace; boundary=")
    assert answer.content.count(b"--spyoncino-picture\r\n") == 2
    assert b"Content-Length: 4\r\n\r\ntwo!\r\n" in answer.content
