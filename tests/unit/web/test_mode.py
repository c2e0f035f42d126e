"""The mode of the house over HTTP."""

from pathlib import Path

import pytest
from tests.fixtures.web_house import ELSEWHERE, FakeHouse, browser

from spyoncino.schemas.modes import Mode


@pytest.fixture
def house(tmp_path: Path) -> FakeHouse:
    return FakeHouse(tmp_path)


async def test_the_mode_is_told_and_changed(house: FakeHouse) -> None:
    async with browser(house.app) as asking:
        assert (await asking.get("/api/v1/mode")).json() == {"mode": "home"}
        answer = await asking.put("/api/v1/mode", json={"mode": "privacy"})
        assert (answer.status_code, answer.json()) == (200, {"mode": "privacy"})
        refused = await asking.put("/api/v1/mode", json={"mode": "holiday"})
        assert refused.status_code == 422
    assert house.chosen is Mode.PRIVACY


async def test_strangers_and_other_sites_change_nothing(house: FakeHouse) -> None:
    async with browser(house.app, ELSEWHERE, host="door.example") as stranger:
        assert (await stranger.put("/api/v1/mode", json={"mode": "away"})).status_code == 401
    async with browser(house.app, Origin="http://evil.example") as misled:
        assert (await misled.put("/api/v1/mode", json={"mode": "away"})).status_code == 403
    assert house.chosen is Mode.HOME
