"""The bot obeys whom the settings name, by role, and what was sent just now."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from tests.fixtures.payloads import EVENT_ID, event, frame
from tests.fixtures.telegram_stand_in import CHAT, GROUP, TOKEN, Shown, Telegram, telegram
from tests.unit.alerts.test_rules import identity

from spyoncino.modules import telegram_answers
from spyoncino.modules.output.telegram import TelegramModule
from spyoncino.modules.telegram_console import OBEYED_AT_ONCE, OLDEST_S
from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.persistence.media import MediaStore
from spyoncino.persistence.mutes import Mute, MuteStore
from spyoncino.schemas.events import EventState, Verdict
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.status import (
    CameraState,
    CameraStatus,
    HealthState,
    HealthStatus,
    HealthSummary,
)
from spyoncino.schemas.topics import (
    CAMERA_FRAME,
    CONTROL_COMMAND,
    MODE_ORDER,
    STATUS_CAMERA,
    STATUS_HEALTH,
)
from spyoncino.testing.harness import ModuleHarness

VIEWER, MEMBER = 7, 8
STRANGER = 666


@pytest_asyncio.fixture
async def harness(module_harness: ModuleHarness, tmp_path: Path) -> AsyncIterator[ModuleHarness]:
    database = Database(tmp_path / "spyoncino.db")
    await database.open()
    module_harness.context.database = database
    yield module_harness
    await database.close()


class House:
    """The bot, the far side, and the mode of the house."""

    def __init__(self, harness: ModuleHarness, far: Telegram) -> None:
        self.harness, self.far = harness, far
        self.mode = Mode.HOME
        self.module: TelegramModule

    async def answer_mode(self, order: ModeOrder) -> SystemMode:
        self.mode = order.mode or self.mode
        return SystemMode(mode=self.mode)

    def say(self, text: str, chat_id: int = CHAT, age_s: float = 0.0) -> None:
        self.far.say(text, chat_id, self.harness.clock.utc_now().timestamp() - age_s)

    async def until(self, is_so: Callable[[], Any]) -> None:
        while not is_so():
            await self.harness.settle()
            await asyncio.sleep(0.001)
            await self.harness.clock.advance(1.0)  # answers are paced

    async def ask(self, text: str, chat_id: int = CHAT) -> Shown:
        before = len(self.far.messages(chat_id))
        self.say(text, chat_id)
        await self.until(lambda: len(self.far.messages(chat_id)) > before)
        return self.far.messages(chat_id)[-1]


@asynccontextmanager
async def house(
    harness: ModuleHarness, *, waiting: str = "", **changes: Any
) -> AsyncIterator[House]:
    harness.set_camera()
    harness.set_camera("garden")
    async with telegram() as far:
        far.chats |= {VIEWER, MEMBER, STRANGER}
        home = House(harness, far)
        harness.bus.answer(MODE_ORDER, home.answer_mode, name="modes")
        if waiting:
            home.say(waiting)
        chats = (
            {"id": CHAT, "role": "admin"},
            {"id": VIEWER, "role": "viewer"},
            {"id": MEMBER, "role": "member"},
        )
        facts: dict[str, Any] = {
            "enabled": True,
            "token": SecretStr(TOKEN),
            "api_url": far.url,
            "chats": chats,
            "first_retry_s": 0.01,
        }
        home.module = await harness.add(TelegramModule, **{**facts, **changes})
        await home.until(lambda: far.polls >= 2)
        yield home
        far.print_transcript()
        await home.module.stop()


async def test_the_status_names_mode_health_cameras_and_mutes(harness: ModuleHarness) -> None:
    async with house(harness) as home:
        summary = HealthSummary(
            state=HealthState.DEGRADED,
            modules={"x": HealthStatus()},
            detail="a disk is full",
        )
        await harness.feed(STATUS_HEALTH, summary)
        live = CameraStatus(camera="door", state=CameraState.LIVE)
        await harness.feed(STATUS_CAMERA, live)
        until = harness.clock.utc_now().replace(year=2027)
        await MuteStore(harness.context.database).put(Mute("garden", until, "cli"))
        answer = await home.ask("/status@my_bot")
        assert answer.text.splitlines() == [
            "Mode: home",
            "System: degraded a disk is full",
            "door: live",
            "garden: connecting",
            f"garden is muted until {until.astimezone():%Y-%m-%d %H:%M}",
        ]


async def test_events_persons_and_clips_are_found(harness: ModuleHarness) -> None:
    async with house(harness) as home:
        assert (await home.ask("/events")).text == "Nothing has happened yet."
        assert (await home.ask("/who")).text == "Nobody was recognised in the last 24 hours."
        assert "no video" in (await home.ask("/clip")).text
        now = harness.clock.utc_now()
        faces = (identity(Verdict.KNOWN, "Ann"), identity(Verdict.UNKNOWN, None, track_id=2))
        told = event(EventState.COMPLETED, identities=faces, story="Ann rang")
        told = told.model_copy(update={"started_at": now, "ended_at": now})
        await EventStore(harness.context.database).save(told)
        assert (await home.ask("/events")).text.endswith(f"Ann rang ({EVENT_ID[:8]})")
        who = (await home.ask("/who")).text.splitlines()
        assert who[0].startswith("Ann, last ")
        assert who[1] == "Faces that nobody knows: 1"
        path = harness.context.data.root / "clip.mp4"
        path.write_bytes(b"video")
        await MediaStore(harness.context.database).add(
            MediaArtifact(
                kind=MediaKind.CLIP,
                event_ref=EVENT_ID,
                camera="door",
                path="clip.mp4",
                content_type="video/mp4",
                size_bytes=5,
            )
        )
        for asked in ("/clip", f"/clip {EVENT_ID[:6]}"):
            assert (await home.ask(asked)).media == "video"
        assert "No single event begins with 'zz'" in (await home.ask("/clip zz")).text


async def test_a_live_picture_is_made_of_the_next_frame_and_given_back(
    harness: ModuleHarness,
) -> None:
    async with house(harness) as home:
        harness.pool.answers["picture"] = lambda _: b"jpeg"
        assert "Which camera? There are: door, garden." in (await home.ask("/snapshot")).text
        home.far.press("live:door")
        while not home.far.messages()[1:]:
            await harness.publish(CAMERA_FRAME.of("door"), frame(1.0))
            await harness.settle()
            await harness.clock.advance(0.1)
        shown = home.far.messages()[-1]
        assert (shown.media, shown.media_bytes) == ("photo", 4)
        assert home.far.answered == [("q", "")]
        assert harness.captures.held == 0


async def test_a_camera_is_muted_and_told_of_again(harness: ModuleHarness) -> None:
    async with house(harness) as home:
        assert "door: muted until" in (await home.ask("/mute door 30m", MEMBER)).text
        in_2_days = (harness.clock.utc_now() + timedelta(days=2)).astimezone()
        answer = (await home.ask("/mute door 2d", MEMBER)).text
        assert answer == f"door: muted until {in_2_days:%a %H:%M}"
        assert (await home.ask("/mute off")).text == "door, garden: not muted"
        assert "neither a camera nor a time" in (await home.ask("/mute moon")).text
        assert "neither a camera nor a time" in (await home.ask("/mute 99d")).text
        home.far.press("mute:door")
        await home.until(lambda: len(harness.received(CONTROL_COMMAND)) == 5)
        commands = harness.received(CONTROL_COMMAND)
        assert [each.arguments for each in commands] == [
            {"camera": "door", "for_s": 1800.0},
            {"camera": "door", "for_s": 172_800.0},
            {"camera": "door", "for_s": 0.0},
            {"camera": "garden", "for_s": 0.0},
            {"camera": "door", "for_s": 3600.0},
        ]


async def test_only_an_admin_arms_and_disarms(harness: ModuleHarness) -> None:
    async with house(harness) as home:
        for chat_id in (VIEWER, MEMBER):
            assert (await home.ask("/arm", chat_id)).text == "Only admins may do that."
        assert (await home.ask("/mute door", VIEWER)).text == "Only members may do that."
        assert home.mode is Mode.HOME
        assert (await home.ask("/arm")).text == "Mode: away"
        assert (await home.ask("/disarm")).text == "Mode: home"
        assert (await home.ask("/arm night")).text == "Mode: night"
        assert "'privacy' is none of: away, night" in (await home.ask("/arm privacy")).text
        home.far.press("mode:home")
        await home.until(lambda: home.mode is Mode.HOME)
        home.far.press("mode:away", VIEWER)
        await home.until(lambda: home.far.messages(VIEWER)[-1].text == "Only admins may do that.")
        assert home.mode is Mode.HOME


async def test_help_and_the_offered_commands_are_those_of_the_role(
    harness: ModuleHarness,
) -> None:
    async with house(harness) as home:
        assert "/arm" in (await home.ask("/help")).text
        for asked in ("/help", "/what"):
            text = (await home.ask(asked, VIEWER)).text
            assert "/snapshot" in text
            assert "/mute" not in text
        assert "arm" in home.far.commands[CHAT]
        assert "arm" not in home.far.commands[MEMBER]
        assert "mute" not in home.far.commands[VIEWER]


async def test_a_stranger_gets_nothing_and_is_named_once_in_the_log(
    harness: ModuleHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house(harness) as home:
        for text in ("/start", "/status", "/disarm"):
            home.say(text, STRANGER)
        home.far.press("mode:away", STRANGER)
        await home.ask("/help")
        assert home.far.messages(STRANGER) == []
        assert home.far.answered == []
        assert (await home.module.health()).numbers["unknown_chats"] == 4
        assert capsys.readouterr().out.count(str(STRANGER)) == 1


async def test_what_was_sent_before_the_start_or_long_ago_is_not_obeyed(
    harness: ModuleHarness,
) -> None:
    async with house(harness, waiting="/arm") as home:
        await home.ask("/help")
        assert len(home.far.messages()) == 1
        home.say("/arm", age_s=OLDEST_S + 60)
        await home.until(lambda: len(home.far.messages()) == 2)
        assert "was sent 3 min ago" in home.far.messages()[-1].text
        home.far.press("mode:away", query_id="old")
        await home.ask("/help")
        assert home.mode is Mode.HOME
        assert (await home.module.health()).numbers["stale"] >= 2


async def test_updates_of_other_kinds_and_plain_talk_are_passed_over(
    harness: ModuleHarness,
) -> None:
    async with house(harness) as home:
        home.say("good morning")
        home.far.press("dance:door")
        home.far._update({"message": {"photo": []}})
        await home.ask("/help")
        assert len(home.far.messages()) == 1


async def test_every_press_is_answered_also_of_what_cannot_be(harness: ModuleHarness) -> None:
    async with house(harness) as home:
        for number, data in enumerate(("live:gone", "mute:gone", "mode:privacy", "dance:x")):
            home.far.press(data, query_id=str(number))
        await home.until(lambda: len(home.far.answered) == 4 and len(home.far.messages()) == 3)
        said = sorted(each.text for each in home.far.messages())
        assert said == [
            "'gone' is neither a camera nor a time such as 30m, 1h, 2d or off",
            "'privacy' is none of: away, home",
            "Which camera? There are: door, garden.",
        ]
        assert sorted(home.far.answered) == [("0", ""), ("1", ""), ("2", ""), ("3", "")]


async def test_a_camera_that_gives_no_picture_is_said(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram_answers, "FRAME_WAIT_S", 0.01)
    async with house(harness) as home:
        answer = await home.ask("/snapshot door")
        assert answer.text == "door gives no picture now; see /status."


async def test_too_many_presses_at_once_are_told_to_press_again(harness: ModuleHarness) -> None:
    async with house(harness) as home:
        home.far.delay_s = 0.2
        for number in range(OBEYED_AT_ONCE + 2):
            home.far.press("mode:away", query_id=str(number))
        await home.until(lambda: len(home.far.answered) == OBEYED_AT_ONCE + 2)
        busy = [text for _, text in home.far.answered if text]
        assert busy == ["Too much at once; press again."] * 2
        assert (await home.module.health()).numbers["refused"] == 2


async def test_polling_that_fails_is_said_and_goes_on(harness: ModuleHarness) -> None:
    async with house(harness) as home:
        home.far.poll_faults.extend(["502", "502"])
        home.far.say("wake up", GROUP)
        await home.until(lambda: not home.far.poll_faults)
        await home.ask("/help")
        assert (await home.module.health()).state is HealthState.OK
