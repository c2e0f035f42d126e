"""One event is one message at Telegram, edited as facts arrive; the transcript is printed."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.fixtures.payloads import EVENT_ID, event
from tests.fixtures.telegram_stand_in import (
    CHAT,
    GROUP,
    TOKEN,
    Shown,
    Telegram,
    jpeg_header,
    telegram,
)

from spyoncino.errors import StorageError
from spyoncino.modules.output.telegram import CLIP_WAIT_S, PERHAPS_TWICE, TelegramModule
from spyoncino.modules.telegram_settings import TelegramSettings
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.events import EventState
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import NOTIFY_CONFIRMED, NOTIFY_FAILED, NOTIFY_QUEUED
from spyoncino.testing.harness import ModuleHarness

QUEUED = NOTIFY_QUEUED.of("telegram")
CONFIRMED = NOTIFY_CONFIRMED.of("telegram")


async def bot(harness: ModuleHarness, far: Telegram, **changes: Any) -> TelegramModule:
    facts: dict[str, Any] = {
        "enabled": True,
        "token": SecretStr(TOKEN),
        "api_url": far.url,
        "chats": ({"id": CHAT, "role": "admin"},),
        "console": False,
        "picture_wait_s": 0.0,
    }
    return await harness.add(TelegramModule, **{**facts, **changes})


def alert(harness: ModuleHarness, revision: int = 1, **changes: Any) -> AlertNotification:
    facts: dict[str, Any] = {"title": "Somebody rang", "text": "at the door", "event": event()}
    return AlertNotification(
        event_ref=EVENT_ID,
        channel="telegram",
        revision=revision,
        timestamp=harness.clock.utc_now(),
        **{**facts, **changes},
    )


def file(harness: ModuleHarness, name: str, size_bytes: int = 10) -> str:
    path = harness.context.data.root / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as made:
        made.truncate(size_bytes)
    return harness.context.data.relative(path)


async def told(harness: ModuleHarness, far: Telegram, *alerts: AlertNotification) -> None:
    for each in alerts:
        before = far.requests
        await harness.feed(QUEUED, each)
        while far.requests == before:
            await harness.settle()
            await harness.clock.advance(0.1)
        for _ in range(12):
            await harness.settle()
            await harness.clock.advance(0.5)


def only(far: Telegram, chat_id: int = CHAT) -> Shown:
    far.print_transcript()
    (shown,) = far.messages(chat_id)
    return shown


async def restarted(former: TelegramModule) -> TelegramModule:
    await former.stop()
    module = TelegramModule(former.context)
    await module.configure(former.settings)
    await module.start()
    return module


async def test_a_visit_is_one_message_that_becomes_a_picture_a_name_and_a_clip(
    harness: ModuleHarness,
) -> None:
    async with telegram(lambda: harness.clock.monotonic_ns() / 1e9) as far:
        await bot(harness, far)
        picture = file(harness, "snapshot.jpg")
        await told(harness, far, alert(harness), alert(harness, 2, media=(picture,)))
        assert only(far).media == "photo"
        file(harness, "snapshot.jpg", 20)  # a better one, in its place
        await told(harness, far, alert(harness, 3, media=(picture,), title="Ann rang"))
        assert only(far).media_bytes == 20
        await told(harness, far, alert(harness, 4, media=(picture,), title="Ann & Bob rang"))
        assert only(far).text == "Ann & Bob rang\nat the door"
        clip = file(harness, "clip.mp4", 30)
        await told(harness, far, alert(harness, 5, media=(picture, clip), title="Ann & Bob rang"))
        shown = only(far)
        assert (shown.media, shown.media_bytes, shown.edits) == ("video", 30, 4)
        assert [line.split()[0] for line in far.transcript] == [
            "sendMessage",
            "editMessageMedia",
            "editMessageMedia",
            "editMessageCaption",
            "editMessageMedia",
        ]
        assert [each.revision for each in harness.received(CONFIRMED)] == [1, 2, 3, 4, 5]


async def test_a_picture_that_is_there_at_once_comes_with_the_first_message(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        picture = file(harness, "snapshot.jpg")
        await told(harness, far, alert(harness, media=(picture,), priority=AlertPriority.LOW))
        shown = only(far)
        assert (shown.media, shown.edits, shown.silent) == ("photo", 0, True)


async def test_a_picture_that_telegram_cannot_read_costs_nobody_the_message(
    harness: ModuleHarness,
) -> None:
    async with telegram(lambda: harness.clock.monotonic_ns() / 1e9) as far:
        await bot(harness, far)
        picture = file(harness, "snapshot.jpg")
        far.faults.append("400")
        await told(harness, far, alert(harness, media=(picture,)))
        assert (only(far).media, only(far).edits) == ("", 0)
        assert "The photo could not be shown here; the page has it." in only(far).text
        await told(harness, far, alert(harness, 2, media=(picture,), title="Ann rang"))
        assert (only(far).media, only(far).text) == ("photo", "Ann rang\nat the door")
        assert [each.revision for each in harness.received(CONFIRMED)] == [1, 2]


async def test_a_file_that_vanishes_while_it_is_sent_costs_nobody_the_message(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        (harness.context.data.root / "media" / "clip.mp4").mkdir(
            parents=True
        )  # it is there: unread
        await told(harness, far, alert(harness, media=("media/clip.mp4",)))
        assert "The video could not be shown here" in only(far).text
        assert harness.received(NOTIFY_FAILED.of("telegram")) == []


async def test_a_clip_that_is_too_large_gives_way_to_its_preview_and_says_so(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        media = (file(harness, "snapshot.jpg"), file(harness, "clip.mp4", 50_000_001))
        await told(harness, far, alert(harness, media=media))
        assert only(far).media == "photo"
        assert "The video is too large for Telegram (50 MB)" in only(far).text
        preview = MediaArtifact(
            kind=MediaKind.GIF,
            event_ref=EVENT_ID,
            camera="door",
            path=file(harness, "preview.gif"),
            content_type="image/gif",
            size_bytes=10,
        )
        await MediaStore(harness.context.database).add(preview)
        await told(harness, far, alert(harness, 2, media=media))
        assert (only(far).media, only(far).edits) == ("animation", 1)


@pytest.mark.parametrize(
    ("sizes", "media", "note"),
    [
        ({"clip.mp4": 50_000_000}, "video", ""),
        ({"clip.mp4": 50_000_001, "preview.gif": 50_000_000}, "animation", "video"),
        ({"clip.mp4": 50_000_001, "preview.gif": 50_000_001, "a.jpg": 9}, "photo", "animation"),
        ({"a.jpg": 10_000_000}, "photo", ""),
        ({"a.jpg": 10_000_001}, "", "photo"),
    ],
)
async def test_the_most_telling_file_that_telegram_takes_is_shown_at_its_very_limit(
    harness: ModuleHarness, sizes: dict[str, int], media: str, note: str
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        paths = tuple(file(harness, name, size_bytes) for name, size_bytes in sizes.items())
        await told(harness, far, alert(harness, media=paths))
        shown = only(far)
        assert (shown.media, far.broken) == (media, [])
        assert (f"The {note} is too large for Telegram" in shown.text) is bool(note)
        assert ("too large" in shown.text) is bool(note)


async def test_a_picture_with_too_many_pixels_gives_way_to_words_that_say_so(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        path = file(harness, "snapshot.jpg")
        picture = harness.context.data.root / path
        await asyncio.to_thread(picture.write_bytes, jpeg_header(7680, 4320))
        await told(harness, far, alert(harness, media=(path,)))
        assert "The photo is too large for Telegram (7680 × 4320)" in only(far).text
        await asyncio.to_thread(picture.write_bytes, jpeg_header(3840, 2160))
        await told(harness, far, alert(harness, 2, media=(path,)))
        assert (only(far).media, far.broken) == ("photo", [])


async def test_buttons_are_those_of_the_role(harness: ModuleHarness) -> None:
    async with telegram() as far:
        chats = (
            {"id": CHAT, "role": "admin"},
            {"id": GROUP, "role": "viewer"},
            {"id": 7, "alerts": False},
        )
        await bot(harness, far, chats=chats)
        await told(harness, far, alert(harness))
        while not far.messages(GROUP):
            await harness.settle()
        data = [
            [button["callback_data"] for row in only(far, chat).buttons for button in row]
            for chat in (CHAT, GROUP)
        ]
        assert data == [["live:door", "mute:door", "mode:away", "mode:home"], ["live:door"]]
        assert far.messages(7) == []
        quiet = alert(harness, event=None).model_copy(update={"event_ref": "digest"})
        await told(harness, far, quiet)
        assert far.messages(CHAT)[-1].buttons == []


async def test_a_message_that_somebody_deleted_is_sent_anew(harness: ModuleHarness) -> None:
    async with telegram() as far:
        await bot(harness, far)
        await told(harness, far, alert(harness))
        far.shown.clear()
        await told(harness, far, alert(harness, 2), alert(harness, 3, text="left"))
        assert (only(far).text, only(far).edits) == ("Somebody rang\nleft", 1)


async def test_a_group_that_moved_is_told_under_its_new_number(harness: ModuleHarness) -> None:
    async with telegram() as far:
        far.moved[GROUP] = -1002002
        far.chats.add(-1002002)
        await bot(harness, far, chats=({"id": GROUP},))
        await told(harness, far, alert(harness), alert(harness, 2, text="left"))
        shown = only(far, -1002002)
        assert (shown.text, shown.edits) == ("Somebody rang\nleft", 1)
        assert {each.target for each in harness.received(CONFIRMED)} == {str(GROUP)}


async def test_half_of_the_requests_lost_still_end_in_one_message_with_the_last_words(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        module = await bot(harness, far, first_retry_s=0.01)
        far.faults.extend(["drop", "", "500", "", "429 1", ""])
        for revision in (1, 2, 3):
            await harness.feed(QUEUED, alert(harness, revision, text=f"revision {revision}"))
            while len(harness.received(CONFIRMED)) < revision:
                await harness.settle()
                await harness.clock.advance(0.5)
        assert only(far).text == "Somebody rang\nrevision 3"
        assert (await module.health()).numbers["maybe_twice"] == 1


async def test_a_lost_answer_makes_a_second_message_and_is_counted(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        module = await bot(harness, far, first_retry_s=0.01)
        far.faults.append("lose answer")
        await harness.feed(QUEUED, alert(harness))
        while not harness.received(CONFIRMED):
            await harness.settle()
            await harness.clock.advance(0.5)
        assert [each.text for each in far.messages()] == [
            "Somebody rang\nat the door",
            f"Somebody rang\nat the door\n{PERHAPS_TWICE}",
        ]
        assert (await module.health()).numbers["maybe_twice"] == 1
        await told(harness, far, alert(harness, 2, text="left"))
        far.print_transcript()
        assert [each.text for each in far.messages()] == [
            "Somebody rang\nat the door",
            "Somebody rang\nleft",
        ]


@pytest.mark.parametrize("priority", [AlertPriority.NORMAL, AlertPriority.LOW])
async def test_a_message_on_its_way_when_main_was_killed_is_sent_again_and_says_so(
    harness: ModuleHarness, priority: AlertPriority
) -> None:
    async with telegram() as far:
        killed = await bot(harness, far)
        far.faults.append("hang")  # it is shown, the answer never comes
        await harness.feed(QUEUED, alert(harness, priority=priority))
        while not far.messages():
            await harness.settle()
        again = await restarted(killed)
        while len(far.messages()) < 2:
            await harness.settle()
            await harness.clock.advance(0.5)
        while (await again.health()).numbers["owed"]:  # the answer is noted a moment later
            await harness.settle()
        far.print_transcript()
        assert PERHAPS_TWICE not in far.messages()[0].text
        assert PERHAPS_TWICE in far.messages()[1].text
        assert (await again.health()).numbers["maybe_twice"] == 1
        last = await restarted(again)
        assert (await last.health()).numbers["maybe_twice"] == 0
        await last.stop()


async def test_the_doubt_survives_failures_that_are_certain_and_a_restart(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        killed = await bot(harness, far, first_retry_s=0.01)
        far.faults.extend(["lose answer", "429 900"])
        await harness.feed(QUEUED, alert(harness))
        while (await killed.health()).numbers["failures"] < 2:
            await harness.settle()
            await harness.clock.advance(0.5)
        assert "may be there already" in (await killed.health()).detail
        again = await restarted(killed)
        while len(far.messages()) < 2:
            await harness.settle()
            await harness.clock.advance(100.0)
        assert PERHAPS_TWICE in far.messages()[1].text
        await again.stop()


async def test_a_try_that_takes_too_long_may_have_arrived(harness: ModuleHarness) -> None:
    async with telegram() as far:
        module = await bot(harness, far, first_retry_s=0.01, timeout_s=0.3)
        far.faults.append("hang")
        await harness.feed(QUEUED, alert(harness))
        while len(far.messages()) < 2:
            await harness.settle()
            await harness.clock.advance(0.5)
        assert PERHAPS_TWICE in far.messages()[1].text
        assert (await module.health()).numbers["maybe_twice"] >= 1


@pytest.mark.parametrize("fault", ["429 1", "409"])
async def test_what_telegram_refused_did_not_arrive(harness: ModuleHarness, fault: str) -> None:
    async with telegram() as far:
        module = await bot(harness, far, first_retry_s=0.01)
        far.faults.append(fault)
        await harness.feed(QUEUED, alert(harness))
        while not harness.received(CONFIRMED):
            await harness.settle()
            await harness.clock.advance(0.5)
        assert only(far).text == "Somebody rang\nat the door"
        assert (await module.health()).numbers["maybe_twice"] == 0


async def test_what_telegram_refused_before_a_restart_did_not_arrive(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        module = await bot(harness, far)
        far.faults.append("429 900")
        await harness.feed(QUEUED, alert(harness))
        store = DeliveryStore(harness.context.database)
        while not any("pause" in each.reason for each in await store.owed("telegram", 1)):
            await harness.settle()
        await module.stop()
        await module.start()
        assert (await module.health()).numbers["maybe_twice"] == 0
        while not far.messages():
            await harness.settle()
            await harness.clock.advance(100.0)
        assert only(far).text == "Somebody rang\nat the door"


async def test_a_disk_that_refuses_the_note_does_not_hold_the_message_back(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(DeliveryStore, "postponed", refuse)
    async with telegram() as far:
        await bot(harness, far)
        await told(harness, far, alert(harness))
        assert only(far).text == "Somebody rang\nat the door"


async def test_after_a_restart_the_message_is_edited_and_not_sent_again(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        module = await bot(harness, far)
        await told(harness, far, alert(harness))
        await module.stop()
        await module.start()
        await told(harness, far, alert(harness, 2, text="left"))
        assert (only(far).text, only(far).edits) == ("Somebody rang\nleft", 1)


async def test_a_chat_that_blocked_the_bot_is_given_up_with_a_sentence_without_the_token(
    harness: ModuleHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    async with telegram() as far:
        far.blocked.add(CHAT)
        module = await bot(harness, far)
        await told(harness, far, alert(harness))
        (report,) = harness.received(NOTIFY_FAILED.of("telegram"))
        assert "may not write to this chat" in report.reason
        health = await module.health()
        assert health.state is HealthState.DEGRADED
        said = capsys.readouterr()
        for text in (said.out, said.err, report.model_dump_json(), health.detail):
            assert TOKEN not in text
            assert "AA-secret" not in text


async def test_the_first_message_waits_a_moment_for_its_picture(harness: ModuleHarness) -> None:
    async with telegram() as far:
        await bot(harness, far, picture_wait_s=0.25)
        await harness.feed(QUEUED, alert(harness))
        for _ in range(5):
            await harness.settle()
        assert far.requests == 0
        await harness.feed(QUEUED, alert(harness, 2, media=(file(harness, "snapshot.jpg"),)))
        while not far.messages():
            await harness.clock.advance(0.05)
            await harness.settle()
        assert (only(far).media, only(far).edits) == ("photo", 0)


async def test_the_end_of_a_visit_and_its_clip_are_one_edit(harness: ModuleHarness) -> None:
    async with telegram() as far:
        await bot(harness, far)
        clip = file(harness, "clip.mp4", 30)
        over = event(EventState.COMPLETED)
        await told(harness, far, alert(harness))
        await harness.feed(QUEUED, alert(harness, 2, text="stayed 4 s", event=over))
        await harness.settle()
        last = {"text": "stayed 4 s", "event": over, "media": (clip,), "is_final": True}
        await told(harness, far, alert(harness, 3, **last))
        assert (only(far).media, only(far).edits) == ("video", 1)


async def test_the_end_of_a_visit_waits_for_a_clip_that_never_comes_no_longer_than_a_moment(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        over = event(EventState.COMPLETED)
        await told(harness, far, alert(harness), alert(harness, 2, text="left", event=over))
        assert (only(far).text, only(far).edits) == ("Somebody rang\nleft", 1)


@pytest.mark.parametrize(
    ("sent_revision", "changes", "wait_s"),
    [
        (0, {}, 3.0),
        (0, {"media": ("media/clip.mp4",)}, 3.0),
        (0, {"media": ("media/clip.mp4", "media/snapshot.jpg")}, 0.0),
        (0, {"event": None}, 0.0),  # a digest
        (0, {"is_final": True}, 0.0),
        (1, {}, 0.0),
        (1, {"loud_revision": 2}, 3.0),  # somebody rang: a new message
        (1, {"event": event(EventState.COMPLETED)}, CLIP_WAIT_S),
        (1, {"event": event(EventState.COMPLETED), "is_final": True}, 0.0),
    ],
)
async def test_a_message_waits_for_a_picture_and_the_end_of_a_visit_for_its_clip(
    harness: ModuleHarness, sent_revision: int, changes: dict[str, Any], wait_s: float
) -> None:
    async with telegram() as far:
        module = await bot(harness, far, picture_wait_s=3.0)
        told = alert(harness, sent_revision + 1, **changes)
        key = DeliveryKey(EVENT_ID, "telegram", str(CHAT))
        store = DeliveryStore(harness.context.database)
        owed = await store.want(key, told, harness.clock.utc_now())
        assert module.may_wait_s(replace(owed, sent_revision=sent_revision)) == wait_s


async def test_nothing_is_connected_while_it_is_off_and_nobody_named_is_said(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        off = await bot(harness, far, enabled=False)
        await harness.feed(QUEUED, alert(harness))
        assert (await off.health()).state is HealthState.OK
        await off.stop()
        nobody = await bot(harness, far, chats=())
        assert "write to the bot" in (await nobody.health()).detail
        assert far.requests == 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"token": ""}, "token is empty"),
        ({"token": "1:a/b"}, "no token has"),
        ({"api_url": "http://example.org"}, "is another machine"),
        ({"chats": [{"id": 1}, {"id": 1}]}, "the chat 1 is listed twice"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        TelegramSettings.model_validate({"enabled": True, "token": TOKEN, **changes})
    assert TOKEN not in repr(TelegramSettings.model_validate({"token": TOKEN}))
