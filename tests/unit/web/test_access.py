import re
from pathlib import Path

import pytest
from tests.fixtures.web_house import (
    ELSEWHERE,
    HERE,
    TOKEN,
    FakeHouse,
    WebSocketTalk,
    browser,
)

from spyoncino.errors import StorageError
from spyoncino.web.access import COOKIE, AccessPolicy, AccessToken

LAN = "192.0.2.1:5000"
BEARER = f"Bearer {TOKEN}"


@pytest.fixture
def house(tmp_path: Path) -> FakeHouse:
    return FakeHouse(tmp_path)


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "LOCALHOST"])
async def test_this_machine_needs_no_token(house: FakeHouse, host: str) -> None:
    async with browser(house.app, HERE, host) as asking:
        assert (await asking.get("/health")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/api/v1/events", "/static/page.js"])
async def test_another_machine_needs_the_token_for_everything(house: FakeHouse, path: str) -> None:
    async with browser(house.app, ELSEWHERE, LAN) as asking:
        refused = await asking.get(path)
        assert refused.status_code == 401
        assert "access token" in refused.text
        assert refused.headers["www-authenticate"] == "Bearer"
        assert (await asking.get(path, headers={"Authorization": BEARER})).status_code == 200


async def test_monitors_ask_without_a_token_whether_it_lives(house: FakeHouse) -> None:
    async with browser(house.app, ELSEWHERE, LAN) as asking:
        assert (await asking.get("/health/live")).status_code == 200
        assert (await asking.get("/health/ready")).status_code == 200


@pytest.mark.parametrize(
    "shown", ["", "wrong", "Bearer wrong", "Bearer ", "Basic YTpi", "Bearer é"]
)
async def test_a_wrong_token_does_not_let_in(house: FakeHouse, shown: str) -> None:
    async with browser(house.app, ELSEWHERE, LAN) as asking:
        answer = await asking.get("/health", headers={b"Authorization": shown.encode()})
        assert answer.status_code == 401


async def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(
    house: FakeHouse,
) -> None:
    async with browser(house.app, ELSEWHERE, LAN) as asking:
        answer = await asking.get("/api/v1/events", params={"token": TOKEN, "limit": "2"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/api/v1/events?limit=2"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert (await asking.get("/health")).status_code == 200


async def test_the_token_in_the_address_never_leads_to_another_machine(house: FakeHouse) -> None:
    async with browser(house.app, ELSEWHERE, LAN) as asking:
        answer = await asking.get(f"http://{LAN}//elsewhere.example/x?token={TOKEN}")
        assert answer.headers["location"] == "/elsewhere.example/x"


async def test_a_wrong_token_in_the_address_or_cookie_is_refused(house: FakeHouse) -> None:
    async with browser(house.app, ELSEWHERE, LAN) as asking:
        assert (await asking.get("/?token=wrong")).status_code == 401
        asking.cookies.set(COOKIE, "wrong")
        assert (await asking.get("/")).status_code == 401


async def test_a_browser_gets_a_page_to_enter_the_token_and_what_that_page_shows(
    house: FakeHouse,
) -> None:
    async with browser(house.app, ELSEWHERE, LAN, Accept="text/html,*/*;q=0.8") as asking:
        asked = await asking.get("/")
        assert asked.status_code == 401
        assert '<form action="/" method="get">' in asked.text
        assert "not the access token" not in asked.text
        assert "That is not the access token." in (await asking.get("/?token=wrong")).text
        for shown in re.findall(r'(?:href|src)="(/[^"]+)"', asked.text):
            assert (await asking.get(shown)).status_code == 200
        assert (await asking.get("/static/page.js")).status_code == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_whom_a_proxy_passes_on_is_not_this_machine(house: FakeHouse, header: str) -> None:
    async with browser(house.app, HERE) as asking:
        answer = await asking.get("/health", headers={header: "192.0.2.9"})
        assert answer.status_code == 401


async def test_an_address_of_this_machine_reached_from_loopback_needs_the_token(
    house: FakeHouse,
) -> None:
    async with browser(house.app, HERE, LAN) as asking:
        assert (await asking.get("/health")).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[bad", "a b"])
async def test_a_name_that_is_not_ours_is_refused_against_rebinding(
    house: FakeHouse, host: str
) -> None:
    async with browser(house.app, HERE) as asking:
        answer = await asking.get("/health/live", headers={"Host": host, "Authorization": BEARER})
        assert answer.status_code == 400
        assert "web.allowed_hosts" in answer.text


async def test_a_name_that_was_set_is_ours(house: FakeHouse) -> None:
    async with browser(house.app, ELSEWHERE, "Door.Example:5000") as asking:
        answer = await asking.get("/health", headers={"Authorization": BEARER})
        assert answer.status_code == 200


def test_the_machines_own_name_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Pi.home")
    policy = AccessPolicy.for_this_machine(TOKEN, ("Cam.Example",))
    assert policy.allowed_hosts == {"pi.home", "pi.local", "cam.example"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Origin": "http://localhost:5000"}, 200),
        ({"Origin": "https://LOCALHOST:5000"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
    ],
)
async def test_pages_of_others_are_refused_and_links_to_ours_work(
    house: FakeHouse, headers: dict[str, str], expected: int
) -> None:
    async with browser(house.app, HERE) as asking:
        assert (await asking.get("/health", headers=headers)).status_code == expected


@pytest.mark.parametrize(
    ("client", "headers", "is_let_in"),
    [
        (HERE, {}, True),
        (HERE, {"Origin": "http://localhost"}, True),
        (HERE, {"Origin": "http://evil.example"}, False),
        (ELSEWHERE, {}, False),
        (ELSEWHERE, {"Authorization": BEARER}, True),
        (ELSEWHERE, {"Cookie": f"{COOKIE}={TOKEN}"}, True),
    ],
)
async def test_web_sockets_are_guarded_alike(
    house: FakeHouse, client: tuple[str, int], headers: dict[str, str], is_let_in: bool
) -> None:
    path = "/api/v1/updates"
    async with WebSocketTalk(house.app, path, client, headers=headers) as socket:
        assert socket.opening["type"] == ("websocket.accept" if is_let_in else "websocket.close")


def test_the_first_start_makes_a_token_that_only_this_user_reads(tmp_path: Path) -> None:
    path = tmp_path / "access-token"
    made = AccessToken.load(path)
    assert made.is_new
    assert len(made.value) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert AccessToken.load(path) == AccessToken(made.value, is_new=False)


def test_an_empty_or_unreadable_token_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "access-token"
    path.write_text("\n")
    with pytest.raises(StorageError, match="is empty; remove it"):
        AccessToken.load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        AccessToken.load(path)
    with pytest.raises(StorageError, match="cannot be written"):
        AccessToken.load(tmp_path / "nowhere" / "access-token")
