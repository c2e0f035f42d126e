"""Web Push over HTTP: who may subscribe, and that nothing of a subscription is shown again."""

import json
from pathlib import Path

import pytest
from tests.fixtures.web_house import ELSEWHERE, FakeHouse, browser

from spyoncino.web.browser_label import browser_label

ORDER = {
    "endpoint": "https://push.example.org/s3cret",
    "expirationTime": None,
    "keys": {"p256dh": "point-of-the-browser", "auth": "auth-of-the-browser"},
}
FIREFOX = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


@pytest.fixture
def house(tmp_path: Path) -> FakeHouse:
    house = FakeHouse(tmp_path)
    house.push.public_key = "key-of-the-house"
    return house


async def test_a_browser_subscribes_is_listed_and_leaves(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        asking.headers["User-Agent"] = FIREFOX
        answer = await asking.put("/api/v1/push/browsers", json=ORDER)
        assert answer.status_code == 200
        name = answer.json()["name"]
        assert name == "Firefox on Android 0"
        again = await asking.put("/api/v1/push/browsers", json=ORDER)
        assert again.json()["name"] == name
        told = (await asking.get("/api/v1/push")).json()
        assert told["public_key"] == "key-of-the-house"
        assert [each["name"] for each in told["browsers"]] == [name]
        said = json.dumps(told) + answer.text
        assert not any(part in said for part in ("s3cret", "point-of", "auth-of"))
        gone = await asking.delete(f"/api/v1/push/browsers/{name}")
        assert (gone.status_code, house.push.orders) == (204, {})
        assert (await asking.delete(f"/api/v1/push/browsers/{name}")).status_code == 404


async def test_what_is_no_subscription_is_refused(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        plain = ORDER | {"endpoint": "http://192.0.2.1/x"}
        refused = await asking.put("/api/v1/push/browsers", json=plain)
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith("This subscription cannot be used")
        assert (await asking.put("/api/v1/push/browsers", json={})).status_code == 422
    assert house.push.orders == {}


async def test_strangers_and_other_sites_neither_ask_nor_subscribe(house: FakeHouse) -> None:
    async with browser(house.app, ELSEWHERE, host="door.example") as stranger:
        assert (await stranger.get("/api/v1/push")).status_code == 401
        assert (await stranger.put("/api/v1/push/browsers", json=ORDER)).status_code == 401
        assert (await stranger.get("/push-worker.js")).status_code == 401
    async with browser(house.app, Origin="http://evil.example") as misled:
        assert (await misled.put("/api/v1/push/browsers", json=ORDER)).status_code == 403
        assert (await misled.delete("/api/v1/push/browsers/x")).status_code == 403
    assert house.push.orders == {}


async def test_the_worker_and_the_manifest_stand_where_they_serve_the_whole_page(
    house: FakeHouse,
) -> None:
    async with browser(house.app) as asking:
        worker = await asking.get("/push-worker.js")
        assert worker.headers["content-type"].startswith("text/javascript")
        assert worker.headers["cache-control"] == "no-cache"
        manifest = await asking.get("/page.webmanifest")
        assert manifest.headers["content-type"] == "application/manifest+json"
        assert manifest.json()["scope"] == "/"


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        (FIREFOX, "Firefox on Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari/604",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537 Chrome/140 Safari/537",
            "Chrome on Linux",
        ),
        ("curl/8 <b>", "Browser"),
        ("", "Browser"),
    ],
)
def test_a_label_is_made_of_known_words(user_agent: str, label: str) -> None:
    assert browser_label(user_agent) == label
