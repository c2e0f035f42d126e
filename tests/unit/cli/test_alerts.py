"""``alerts`` says what the rules would have told, and what was told."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.fixtures.records import FIRST_ID, SECOND_ID, House, furnish
from typer.testing import CliRunner, Result

from spyoncino.cli.app import app
from spyoncino.errors import UsageError
from spyoncino.persistence.database import Database
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.base import utc_now

LONG = ("--last", "40000d")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("COLUMNS", "200")
    return furnish(tmp_path / "data")


def alerts(house: House, *words: str, config: str = "") -> Result:
    file = house.root.parent / "spyoncino.yaml"
    file.write_text(config)
    arguments = ["--data", str(house.root), "--config", str(file), "alerts", *words]
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def documents(result: Result) -> dict[str, dict[str, object]]:
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return {row["event_id"]: row for row in rows}


def test_the_first_rules_tell_the_bell_and_say_why_a_cat_is_silent(house: House) -> None:
    shown = documents(alerts(house, "test", *LONG, "--json", "--mode", "away"))
    assert shown[FIRST_ID]["told"] == {"your channel": "somebody rang"}
    assert shown[SECOND_ID]["told"] == {}
    assert "somebody rang: type is animal, the rule wants doorbell" in str(shown[SECOND_ID])


def test_written_rules_hold_and_name_the_channel_that_is_enabled(house: House) -> None:
    config = """
webhook: {enabled: true, url: "https://example.org/hook"}
alerts:
  rules:
    - {name: cats, when: {labels: [cat]}}
    - {name: porch, when: {zones: [porch]}}
"""
    shown = documents(alerts(house, "test", *LONG, "--json", config=config))
    assert shown[FIRST_ID]["told"] == {"webhook": "porch"}
    assert shown[SECOND_ID]["told"] == {"webhook": "cats"}


def test_what_a_pause_holds_back_is_said(house: House) -> None:
    config = "alerts: {rules: [{name: all, cooldown_s: 60}], per_minute: 1}\n"
    shown = alerts(house, "test", *LONG, config=config).stdout
    assert "your channel: all" in shown
    assert "2 of 2 events would have been told; nothing was sent." in shown
    silent = alerts(house, "test", *LONG, "--silent", config=config).stdout
    assert "no events in that time" in silent


def test_nothing_happened_lately_and_a_wrong_period_are_sentences(house: House) -> None:
    assert alerts(house, "test", "--last", "1s").stdout == "no events in that time\n"
    with pytest.raises(UsageError, match="--last 'soon' is not a duration"):
        alerts(house, "test", "--last", "soon")


def test_the_log_tells_who_was_told_and_what_went_wrong(house: House) -> None:
    assert alerts(house, "log", FIRST_ID[:6]).stdout == "nobody was told of this event\n"
    asyncio.run(_deliver(house))
    shown = alerts(house, "log", FIRST_ID[:6]).stdout
    assert "telegram" in shown
    assert "0 of 2" in shown
    assert "the chat is gone" in shown
    (row,) = [
        json.loads(line)
        for line in alerts(house, "log", FIRST_ID[:6], "--json").stdout.splitlines()
    ]
    assert (row["state"], row["target"]) == ("failed", "-100")


async def _deliver(house: House) -> None:
    database = Database(house.root / "spyoncino.db")
    await database.open()
    store = DeliveryStore(database)
    key = DeliveryKey(FIRST_ID, "telegram", "-100")
    alert = AlertNotification(event_ref=FIRST_ID, channel="telegram", text="x", revision=2)
    await store.want(key, alert, utc_now())
    await store.given_up(key, 2, "the chat is gone")
    await database.close()


def test_a_camera_is_muted_shown_and_told_of_again(house: House) -> None:
    config = "cameras: {door: {source: {type: sim}}}\n"
    assert alerts(house, "mute", config=config).stdout == "no camera is muted\n"
    assert (
        "door is muted until" in alerts(house, "mute", "door", "--for", "2h", config=config).stdout
    )
    soon = (datetime.now().astimezone() + timedelta(days=2)).strftime("until %a ")
    assert soon in alerts(house, "mute", "door", "--for", "2d", config=config).stdout
    shown = alerts(house, "mute", config=config).stdout
    assert shown.startswith("door is muted until")
    assert shown.endswith("by cli\n")
    assert alerts(house, "mute", "door", "--off", config=config).stdout == "door is not muted\n"
    assert alerts(house, "mute", config=config).stdout == "no camera is muted\n"
    with pytest.raises(UsageError, match="there is no camera 'moon'; there are: door"):
        alerts(house, "mute", "moon", config=config)
    with pytest.raises(UsageError, match="muted for 0 s to 30 d"):
        alerts(house, "mute", "door", "--for", "31d", config=config)
