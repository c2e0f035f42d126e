"""Ringing over HTTP."""

from pathlib import Path

import pytest
from tests.fixtures.web_house import ELSEWHERE, FakeHouse, browser

from spyoncino.errors import StorageError

PRESS = "/api/v1/doorbells/front/press"


@pytest.fixture
def house(tmp_path: Path) -> FakeHouse:
    return FakeHouse(tmp_path)


async def test_an_accepted_press_is_answered_with_its_id(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        answer = await asking.post(PRESS)
        named = await asking.post(PRESS, json={"press_id": "visitor-1"})
    assert answer.status_code == named.status_code == 202
    first, second = house.rung
    assert answer.json() == {"event_id": first.event_id, "doorbell": "front", "camera": "door"}
    assert named.json()["event_id"] == second.event_id == "visitor-1"


async def test_an_unknown_doorbell_is_a_sentence(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        answer = await asking.post("/api/v1/doorbells/side/press")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "There is no doorbell 'side'; there is: front."}


async def test_a_press_that_cannot_be_kept_is_not_accepted(house: FakeHouse) -> None:
    house.error = StorageError("the press was passed on, but cannot be kept")
    async with browser(house.app) as asking:
        answer = await asking.post(PRESS)
    assert (answer.status_code, answer.json()["detail"]) == (503, str(house.error))


async def test_an_id_that_is_none_is_refused_before_anybody_rings(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        assert (await asking.post(PRESS, json={"press_id": "a b"})).status_code == 422
    assert house.rung == []


async def test_strangers_and_other_sites_do_not_ring(house: FakeHouse) -> None:
    async with browser(house.app, ELSEWHERE, host="door.example") as stranger:
        assert (await stranger.post(PRESS)).status_code == 401
    async with browser(house.app, Origin="http://evil.example") as misled:
        assert (await misled.post(PRESS)).status_code == 403
    assert house.rung == []
