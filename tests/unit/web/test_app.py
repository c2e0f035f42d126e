from pathlib import Path

import pytest
from tests.fixtures.web_house import (
    FakeHouse,
    WebSocketTalk,
    browser,
    summary,
    until,
)

from spyoncino import __version__
from spyoncino.errors import StorageError
from spyoncino.schemas.status import HealthState, HealthStatus, HealthSummary
from spyoncino.web.headers import SECURITY_HEADERS


@pytest.fixture
def house(tmp_path: Path) -> FakeHouse:
    return FakeHouse(tmp_path)


async def test_health_names_version_and_every_part(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        told = (await asking.get("/health")).json()
    assert told["version"] == __version__
    assert told["ready"] is True
    assert told["summary"]["modules"]["bus"]["state"] == "ok"


@pytest.mark.parametrize(
    ("state", "status"),
    [(None, 503), (HealthState.OK, 200), (HealthState.DEGRADED, 200), (HealthState.FAILED, 503)],
)
async def test_it_is_ready_once_asked_and_while_nothing_that_matters_has_failed(
    house: FakeHouse, state: HealthState | None, status: int
) -> None:
    house.summary = None if state is None else summary(state)
    async with browser(house.app) as asking:
        assert (await asking.get("/health/ready")).status_code == status
        assert (await asking.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    ("state", "status"),
    [(HealthState.OK, 200), (HealthState.DEGRADED, 200), (HealthState.FAILED, 503)],
)
async def test_each_part_has_an_address_of_its_own(
    house: FakeHouse, state: HealthState, status: int
) -> None:
    house.summary = summary(state)
    async with browser(house.app) as asking:
        answer = await asking.get("/health/modules/bus")
    assert answer.status_code == status
    assert answer.json() == {"state": state.value, "detail": "", "numbers": {}}


async def test_a_part_that_is_not_there_is_answered_with_those_that_are(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        answer = await asking.get("/health/modules/nowhere")
        assert answer.status_code == 404
        assert "there are: bus" in answer.text
        house.summary = None
        assert (await asking.get("/health/modules/bus")).status_code == 503


async def test_ready_names_the_parts_that_are_not_well_but_no_camera(house: FakeHouse) -> None:
    unwell = HealthStatus(state=HealthState.FAILED, detail="is in quarantine")
    parts = {"event.clip_builder": unwell, "camera.bedroom": unwell, "bus": HealthStatus()}
    house.summary = HealthSummary(state=HealthState.DEGRADED, modules=parts)
    async with browser(house.app) as asking:
        told = (await asking.get("/health/ready")).json()
    assert told == {"status": "degraded", "parts": ["event.clip_builder"]}


async def test_metrics_are_text_for_prometheus(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        answer = await asking.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.text == "spyoncino_info 1.0\n"


async def test_cameras_are_listed_with_their_states(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        (camera,) = (await asking.get("/api/v1/cameras")).json()
    assert camera["camera"] == "door"
    assert camera["state"] == "live"


async def test_events_come_in_pages_that_join_without_gap_or_double(house: FakeHouse) -> None:
    seen: list[str] = []
    before: dict[str, str] = {}
    async with browser(house.app) as asking:
        for _ in range(3):
            page = (await asking.get("/api/v1/events", params={"limit": "2", **before})).json()
            seen += [each["event"]["event_id"] for each in page["events"]]
            if page["next"] is None:
                break
            before = {"before": page["next"]}
    assert seen == ["e4", "e3", "e2", "e1", "e0"]


async def test_filters_reach_the_backend(house: FakeHouse) -> None:
    params = {
        "camera": "door",
        "type": "person",
        "since": "2026-05-04T08:00:00Z",
        "until": "2026-05-05T08:00:00Z",
    }
    async with browser(house.app) as asking:
        await asking.get("/api/v1/events", params=params)
    (query,) = house.queries
    assert (query.camera, query.event_type) == ("door", "person")
    assert query.since is not None
    assert query.until is not None
    assert (query.until - query.since).days == 1


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "201"}, {"since": "yesterday"}])
async def test_a_wrong_filter_is_refused_with_its_name(
    house: FakeHouse, params: dict[str, str]
) -> None:
    async with browser(house.app) as asking:
        answer = await asking.get("/api/v1/events", params=params)
    assert answer.status_code == 422
    assert next(iter(params)) in answer.text


async def test_one_event_has_its_files_and_an_unknown_one_is_404(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        told = (await asking.get("/api/v1/events/e1")).json()
        assert told["event"]["event_id"] == "e1"
        assert told["media"][0]["url"].startswith("/api/v1/media/media/d/e1/clip.mp4?v=")
        missing = await asking.get("/api/v1/events/e99")
    assert missing.status_code == 404
    assert "no event 'e99'" in missing.json()["detail"]


async def test_a_database_that_does_not_answer_is_one_sentence(house: FakeHouse) -> None:
    house.error = StorageError("the database is locked")
    async with browser(house.app) as asking:
        answer = await asking.get("/api/v1/events")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the database is locked"}


async def test_a_clip_is_sent_whole_or_in_ranges(house: FakeHouse) -> None:
    house.add_file("media/day/e1/clip.mp4", b"0123456789")
    address = "/api/v1/media/media/day/e1/clip.mp4?v=1"
    async with browser(house.app) as asking:
        whole = await asking.get(address)
        part = await asking.get(address, headers={"Range": "bytes=2-5"})
        beyond = await asking.get(address, headers={"Range": "bytes=50-"})
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    assert "immutable" in whole.headers["cache-control"]
    assert (part.status_code, part.content) == (206, b"2345")
    assert part.headers["content-range"] == "bytes 2-5/10"
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "path",
    ["spyoncino.db", "access-token", "media/../access-token", "%2e%2e/access-token", "/etc/passwd"],
)
async def test_only_files_of_the_index_are_sent(
    house: FakeHouse, tmp_path: Path, path: str
) -> None:
    (tmp_path / "access-token").write_text("secret")
    (tmp_path / "spyoncino.db").write_text("secret")
    async with browser(house.app) as asking:
        answer = await asking.get(f"/api/v1/media/{path}")
    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_every_answer_carries_the_security_headers(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        answers = [
            await asking.get(path)
            for path in ("/", "/static/page.js", "/health", "/api/v1/events", "/nowhere")
        ]
        answers.append(await asking.get("/", headers={"Host": "evil.example"}))
    for answer in answers:
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy


async def test_facts_are_not_cached_and_the_page_is_asked_for_each_time(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        facts = await asking.get("/api/v1/events")
        page = await asking.get("/")
        script = await asking.get("/static/page.js")
        again = await asking.get(
            "/static/page.js", headers={"If-None-Match": script.headers["etag"]}
        )
    assert facts.headers["cache-control"] == "no-store"
    assert page.headers["cache-control"] == script.headers["cache-control"] == "no-cache"
    assert again.status_code == 304


async def test_the_interface_describes_itself_without_pages_of_strangers(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        described = (await asking.get("/api/v1/openapi.json")).json()
        assert (await asking.get("/docs")).status_code == 404
    assert {"/health", "/api/v1/cameras", "/api/v1/events"} <= described["paths"].keys()


async def test_the_icon_is_where_browsers_look(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        answer = await asking.get("/favicon.ico")
    assert answer.headers["content-type"] == "image/svg+xml"


async def test_a_page_hears_a_welcome_and_then_the_news(house: FakeHouse) -> None:
    async with WebSocketTalk(house.app, "/api/v1/updates") as socket:
        hello = await socket.next_json()
        assert hello["kind"] == "hello"
        assert hello["cameras"][0]["camera"] == "door"
        await socket.say("pages have nothing to say")
        house.hub.tell('{"kind":"health"}')
        assert await socket.next_json() == {"kind": "health"}
    assert len(house.hub) == 0


async def test_a_page_is_let_go_at_the_end(house: FakeHouse) -> None:
    async with WebSocketTalk(house.app, "/api/v1/updates") as socket:
        await socket.next_json()
        house.hub.close()
        assert (await socket.next())["code"] == 1001


async def test_live_pictures_come_over_a_web_socket_until_it_goes(house: FakeHouse) -> None:
    feed = house.feeds["door"]
    async with WebSocketTalk(house.app, "/api/v1/cameras/door/live") as socket:
        await until(lambda: feed.viewers == 1)
        feed.show(b"jpeg")
        assert (await socket.next())["bytes"] == b"jpeg"
    assert feed.viewers == 0


async def test_live_pictures_of_a_camera_that_is_not_there_end_at_once(house: FakeHouse) -> None:
    async with WebSocketTalk(house.app, "/api/v1/cameras/garden/live") as socket:
        assert (await socket.next())["code"] == 4404
