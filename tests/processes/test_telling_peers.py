"""One event is one message at every far side, edited as facts arrive; what both said is printed.

Two stories: somebody rings; and a visitor of whom it was told that he was seen rings after all.

The far sides are real servers on this machine: a mail server with TLS and login, an MQTT broker
with TLS and password, a receiver that checks signatures, a service of Apprise, a push service with
a browser behind it, and a Bot API that keeps the documented rules. ``pytest -rA`` shows the
transcripts.
"""

import asyncio
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.fixtures.apprise_stand_in import service
from tests.fixtures.door_harness import harness
from tests.fixtures.mail_stand_in import PASSWORD as MAIL_PASSWORD
from tests.fixtures.mail_stand_in import USER as MAIL_USER
from tests.fixtures.mail_stand_in import postman
from tests.fixtures.mosquitto_broker import PASSWORD, Ear, mosquitto, retained
from tests.fixtures.payloads import EVENT_ID, event, known
from tests.fixtures.telegram_stand_in import CHAT, TOKEN, telegram
from tests.fixtures.web_push_stand_in import push_service
from tests.fixtures.webhook_stand_in import receiver

from spyoncino.clients import apprise_service
from spyoncino.clients.push_subscription import packed
from spyoncino.clients.vapid_key import VapidKey
from spyoncino.modules.delivery import DeliveryModule
from spyoncino.modules.output.apprise import AppriseModule
from spyoncino.modules.output.email import EmailModule
from spyoncino.modules.output.mqtt import MqttModule
from spyoncino.modules.output.telegram import TelegramModule
from spyoncino.modules.output.web_push import WebPushModule
from spyoncino.modules.output.webhook import WebhookModule
from spyoncino.modules.page_push import PagePush
from spyoncino.modules.telegram_settings import ChatSettings
from spyoncino.persistence.deliveries import DeliveryStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.topics import NOTIFY_QUEUED
from spyoncino.testing.harness import ModuleHarness
from spyoncino.web.views import PushOrder

__all__ = ["harness"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.processes,
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated"),
]

SECRET = "hmac-of-the-house"  # noqa: S105 - of a test
PUSH_KEY = packed(b"\7" * 32)
VISIT = "spyoncino/events/door"
LAST = 4
EVERY_STEP = tuple(range(1, LAST + 1))


@dataclass(frozen=True)
class Story:
    """Four revisions of one message.

    Args:
        first: Words of the first.
        loud: The revision with which somebody rang, so that it is heard.
        mails: Messages of a channel that cannot edit, after each revision.
    """

    first: str
    loud: int
    mails: tuple[int, ...]

    @property
    def steps(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Words and files of each revision."""
        return (
            (self.first, ()),
            ("Somebody rang", ("face.jpg",)),
            ("Ann rang", ("face.jpg",)),
            ("Ann was here for 40 s", ("face.jpg", "clip.mp4")),
        )

    @property
    def louds(self) -> list[int]:
        """``loud_revision`` of each revision."""
        return [min(number, self.loud) for number in EVERY_STEP]

    @property
    def orders(self) -> tuple[int, ...]:
        """What a bot is ordered to do, after each revision: a message anew is also one deleted."""
        return tuple(number + (number >= self.loud > 1) for number in EVERY_STEP)

    @property
    def sent(self) -> list[tuple[str, tuple[str, ...]]]:
        """Words and files of each message of a channel that cannot edit."""
        before = (0, *self.mails)
        return [
            step
            for step, was, now in zip(self.steps, before, self.mails, strict=False)
            if now > was
        ]


STORIES = {
    "rings": Story("Somebody rang", 1, (1, 1, 2, 3)),
    "is seen, then rings": Story("Somebody was seen", 2, (1, 2, 3, 4)),
}


@dataclass(frozen=True)
class Far:
    """One far side.

    Args:
        settings: Of the channel's section, so that it finds it.
        count: How many messages and edits arrived.
        transcript: What was said.
        judge: Fails unless all is one message, or one thread, heard when the story says.
        prepare: Done once the channel is there.
    """

    settings: dict[str, Any]
    count: Callable[[], int]
    transcript: Callable[[], Sequence[str]]
    judge: Callable[[Story], None]
    prepare: Callable[[ModuleHarness], Awaitable[None]] | None = None


@asynccontextmanager
async def mail_server(folder: Path, now_s: Callable[[], float]) -> AsyncIterator[Far]:
    """Asks for STARTTLS and a login."""
    del now_s
    with postman(folder) as far:

        def line(mail: EmailMessage) -> str:
            files = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
            answers = mail["In-Reply-To"] or "nothing"
            return f"{mail['Subject']!r} {mail['Message-ID']} answers {answers}: {files}"

        def judge(story: Story) -> None:
            first, *others = far.mails
            assert len(far.mails) == len(story.sent)
            assert first["In-Reply-To"] is None
            assert {mail["In-Reply-To"] for mail in others} == {first["Message-ID"]}
            assert {mail["References"] for mail in others} == {first["Message-ID"]}
            assert len({mail["Message-ID"] for mail in far.mails}) == len(far.mails)
            assert all(far.was_encrypted)
            assert [part.get_filename() for part in others[-1].iter_attachments()] == ["clip.mp4"]

        settings = {
            "host": "localhost",
            "port": far.port,
            "user": MAIL_USER,
            "password": SecretStr(MAIL_PASSWORD),
            "certificate_file": far.certificate,
            "sender": "house@example.org",
            "to": ("ann@example.org",),
            "picture_wait_s": 0.0,
        }
        yield Far(settings, lambda: len(far.mails), lambda: [*map(line, far.mails)], judge)


@asynccontextmanager
async def broker(folder: Path, now_s: Callable[[], float]) -> AsyncIterator[Far]:
    """Asks for TLS and a password; its own log is the transcript."""
    del now_s
    with mosquitto(folder) as far, Ear(far) as ear:

        def judge(story: Story) -> None:
            revisions = [json.loads(each) for each in ear.on(VISIT)]
            assert [each["loud_revision"] for each in revisions] == story.louds
            assert [each["revision"] for each in revisions] == [*EVERY_STEP]
            assert {each["event_id"] for each in revisions} == {EVENT_ID}
            assert len({each["delivery_id"] for each in revisions}) == LAST
            kept = json.loads(retained(far)[VISIT])
            assert (kept["revision"], kept["is_final"]) == (LAST, True)

        def transcript() -> list[str]:
            said = far.said().splitlines()
            return [line for line in said if "from spyoncino" in line or "to spyoncino" in line]

        settings = {**far.settings, "password": SecretStr(PASSWORD)}
        yield Far(settings, lambda: len(ear.on(VISIT)), transcript, judge)


@asynccontextmanager
async def hook(folder: Path, now_s: Callable[[], float]) -> AsyncIterator[Far]:
    """Checks the signature of each document."""
    del folder
    async with receiver(SECRET, now_s()) as far:

        def count() -> int:
            far.now_s = now_s()
            return len(far.documents)

        def judge(story: Story) -> None:
            assert far.refused == []
            assert far.requests == LAST
            assert [each["loud_revision"] for each in far.documents.values()] == story.louds
            assert {each["event_ref"] for each in far.documents.values()} == {EVENT_ID}
            assert [each["revision"] for each in far.documents.values()] == [*EVERY_STEP]
            assert all("sha256=" in line for line in far.transcript)

        settings = {"url": SecretStr(far.url), "secret": SecretStr(SECRET)}
        yield Far(settings, count, lambda: far.transcript, judge)


@asynccontextmanager
async def note_service(folder: Path, now_s: Callable[[], float]) -> AsyncIterator[Far]:
    """Takes what Apprise posts as JSON."""
    del folder, now_s
    if not apprise_service.is_installed():
        pytest.skip("the extra apprise is not installed")
    async with service() as far:
        url = SecretStr(far.url)
        await asyncio.to_thread(apprise_service.first_wrong, {"phone": far.url})  # loads plug-ins

        def judge(story: Story) -> None:
            assert [note["message"] for note in far.notes] == [words for words, _ in story.sent]
            pictures = [int("face.jpg" in media) for _, media in story.sent]
            assert [len(note["attachments"]) for note in far.notes] == pictures

        def transcript() -> list[str]:
            return [f"{note['type']} {note['title']!r}: {note['message']!r}" for note in far.notes]

        settings = {"services": {"phone": url}, "picture_wait_s": 0.0}
        yield Far(settings, lambda: len(far.notes), transcript, judge)


@asynccontextmanager
async def bot_api(folder: Path, now_s: Callable[[], float]) -> AsyncIterator[Far]:
    """Keeps the documented rules of the Bot API."""
    del folder
    async with telegram(now_s) as far:

        def judge(story: Story) -> None:
            (shown,) = far.messages(CHAT)
            assert story.steps[-1][0] in shown.text
            assert (shown.media, shown.silent) == ("video", False)
            assert shown.first.endswith(story.steps[story.loud - 1][0])
            assert shown.edits == LAST - story.loud
            deleted = [line for line in far.transcript if line.startswith("deleteMessage")]
            assert len(deleted) == story.loud - 1
            assert far.broken == []

        settings = {
            "token": SecretStr(TOKEN),
            "api_url": far.url,
            "chats": (ChatSettings.model_validate({"id": CHAT, "role": "admin"}),),
            "console": False,
            "picture_wait_s": 0.0,
        }
        yield Far(settings, lambda: far.requests, lambda: far.transcript, judge)


@asynccontextmanager
async def browser(folder: Path, now_s: Callable[[], float]) -> AsyncIterator[Far]:
    """A push service that checks tokens, and a browser that decrypts what it gets."""
    del folder
    if any(importlib.util.find_spec(name) is None for name in ("cryptography", "aiohttp")):
        pytest.skip("the extra push is not installed")
    async with push_service(now_s()) as far:
        phone = far.subscribe("phone", VapidKey(PUSH_KEY).public_key)

        def count() -> int:
            far.now_s = now_s()
            return sum(shown.states for shown in phone.screen.values())

        def judge(story: Story) -> None:
            assert far.refused == []
            (shown,) = phone.screen.values()
            assert (shown.states, shown.note["revision"]) == (LAST, LAST)
            assert shown.sounds == len(set(story.louds))
            assert len({headers["Topic"] for headers in far.headers}) == 1

        async def prepare(harness: ModuleHarness) -> None:
            harness.context.channels = lambda: ("web_push",)
            order = PushOrder.model_validate(far.subscription("phone"))
            await PagePush(harness.context).add(order, "Firefox on Android")

        settings = {"contact": "mailto:ann@example.org", "private_key": SecretStr(PUSH_KEY)}
        yield Far(settings, count, lambda: phone.transcript, judge, prepare)


Opens = Callable[[Path, Callable[[], float]], AbstractAsyncContextManager[Far]]

Counts = Callable[[Story], tuple[int, ...]]
FAR_SIDES: dict[str, tuple[type[DeliveryModule[Any]], Opens, Counts]] = {
    "webhook": (WebhookModule, hook, lambda _: EVERY_STEP),
    "email": (EmailModule, mail_server, lambda story: story.mails),
    "mqtt": (MqttModule, broker, lambda _: EVERY_STEP),
    "telegram": (TelegramModule, bot_api, lambda story: story.orders),
    "web_push": (WebPushModule, browser, lambda _: EVERY_STEP),
    "apprise": (AppriseModule, note_service, lambda story: story.mails),
}
"""Of each channel its module, its far side, and how much arrived there after each revision."""


async def until_so(harness: ModuleHarness, is_so: Callable[[], bool]) -> None:
    """Time goes by until it is so."""
    for _ in range(1000):
        if is_so():
            return
        await harness.clock.advance(0.05)
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


def revision(harness: ModuleHarness, channel: str, story: Story, number: int) -> AlertNotification:
    words, media = story.steps[number - 1]
    names = (known("Ann"),) if "Ann" in words else ()
    return AlertNotification(
        event_ref=EVENT_ID,
        channel=channel,
        title="The door",
        text=words,
        media=media,
        revision=number,
        loud_revision=story.louds[number - 1],
        is_final=number == LAST,
        timestamp=harness.clock.utc_now(),
        event=event(presses=(1.0,) if number >= story.loud else (), identities=names),
    )


@pytest.mark.parametrize("somebody", STORIES)
@pytest.mark.parametrize("channel", FAR_SIDES)
async def test_one_event_is_one_message_at_the_far_side_however_often_it_changes(
    harness: ModuleHarness, tmp_path: Path, channel: str, somebody: str
) -> None:
    kind, opens, counted = FAR_SIDES[channel]
    story = STORIES[somebody]
    counts = counted(story)
    folder = tmp_path / "far"
    folder.mkdir()
    for name in ("face.jpg", "clip.mp4"):
        (harness.context.data.root / name).write_bytes(bytes(1000))
    async with opens(folder, lambda: harness.clock.utc_now().timestamp()) as far:
        await harness.add(kind, **{**far.settings, "enabled": True})
        if far.prepare is not None:
            await far.prepare(harness)
        owed = DeliveryStore(harness.context.database)
        for number, expected in enumerate(counts, 1):
            alert = revision(harness, channel, story, number)
            for _ in range(2):  # the bus may repeat what it is not sure of
                await harness.feed(NOTIFY_QUEUED.of(channel), alert)
            await until_so(harness, lambda expected=expected: far.count() >= expected)  # type: ignore[misc]
            while await owed.owed(channel, 1):  # noqa: ASYNC110 - until it is noted as sent
                await asyncio.sleep(0.01)
        await until_so(harness, lambda: far.count() == counts[-1])
        sys.stdout.writelines(f"{channel}: {line}\n" for line in far.transcript())
        far.judge(story)
        (row,) = await owed.of_event(EVENT_ID)
    assert row.sent_revision == LAST
    assert far.count() == counts[-1]
