"""One event is a first message with its picture and one more when it is over."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.fixtures.apprise_stand_in import TOKEN, Service, service
from tests.fixtures.channel_reports import until_reported
from tests.fixtures.payloads import EVENT_ID, event

from spyoncino.clients import apprise_service
from spyoncino.core.config_secrets import shown
from spyoncino.modules.output.apprise import AppriseModule, AppriseSettings
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import NOTIFY_FAILED, NOTIFY_QUEUED, NOTIFY_SENT
from spyoncino.testing.harness import ModuleHarness

pytest.importorskip("apprise", reason="the extra apprise is not installed")

QUEUED = NOTIFY_QUEUED.of("apprise")


@pytest.fixture(scope="module", autouse=True)
def _plugins_are_loaded() -> None:
    """Settings are read outside of the event loop, where loading plug-ins may take its time."""
    AppriseSettings(enabled=True, services={"phone": SecretStr("json://localhost")})


async def telling(harness: ModuleHarness, far: Service, **changes: Any) -> AppriseModule:
    facts: dict[str, Any] = {
        "enabled": True,
        "services": {"phone": SecretStr(far.url)},
        "picture_wait_s": 0.0,
    }
    return await harness.add(AppriseModule, **{**facts, **changes})


def alert(harness: ModuleHarness, revision: int = 1, **changes: Any) -> AlertNotification:
    facts: dict[str, Any] = {"title": "Somebody rang", "text": f"revision {revision}"}
    return AlertNotification(
        event_ref=EVENT_ID,
        channel="apprise",
        revision=revision,
        timestamp=harness.clock.utc_now(),
        **{**facts, "event": event(), **changes},
    )


def file(harness: ModuleHarness, name: str, size_bytes: int = 10) -> str:
    path = harness.context.data.root / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size_bytes))
    return harness.context.data.relative(path)


async def settled(harness: ModuleHarness, far: Service, requests: int) -> None:
    await until_reported(harness, "apprise", lambda: far.requests >= requests, requests)


async def test_an_event_is_a_first_and_a_last_message(harness: ModuleHarness) -> None:
    async with service() as far:
        await telling(harness, far)
        picture = file(harness, "snapshot.jpg")
        urgent = AlertPriority.HIGH
        await harness.feed(QUEUED, alert(harness, media=(picture,), priority=urgent))
        await settled(harness, far, 1)
        await harness.feed(QUEUED, alert(harness, 2, media=(picture,)))
        media = (file(harness, "clip.mp4"), picture)
        await harness.feed(QUEUED, alert(harness, 3, media=media, is_final=True))
        await settled(harness, far, 2)
        reports = harness.received(NOTIFY_SENT.of("apprise"))
    assert [note["message"] for note in far.notes] == ["revision 1", "revision 3"]
    assert [note["type"] for note in far.notes] == ["warning", "info"]
    assert [len(note["attachments"]) for note in far.notes] == [1, 1]
    assert [(each.revision, each.target) for each in reports] == [(1, "phone"), (3, "phone")]


@pytest.mark.parametrize(("follow_up", "messages"), [("final", 1), ("all", 2)])
async def test_the_end_is_no_message_where_it_says_what_was_said_already(
    harness: ModuleHarness, follow_up: str, messages: int
) -> None:
    async with service() as far:
        await telling(harness, far, follow_up=follow_up)
        picture = file(harness, "snapshot.jpg")
        words: dict[str, Any] = {"text": "Ann was here for 40 s"}
        await harness.feed(QUEUED, alert(harness, media=(picture,), **words))
        await settled(harness, far, 1)
        media = (file(harness, "clip.mp4"), picture)
        await harness.feed(QUEUED, alert(harness, 2, media=media, is_final=True, **words))
        sent = NOTIFY_SENT.of("apprise")
        while [each.revision for each in harness.received(sent)] != [1, 2]:
            await harness.settle()
        assert len(far.notes) == messages
        await harness.feed(QUEUED, alert(harness, 3, media=media, loud_revision=3, **words))
        await settled(harness, far, messages + 1)
    assert len(far.notes) == messages + 1


async def test_a_service_that_hangs_takes_no_thread_that_others_need(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, may_go = threading.Event(), threading.Event()

    def hang(url: str, note: apprise_service.Note, timeout_s: float) -> None:
        del url, note, timeout_s
        is_asked.set()
        may_go.wait()

    monkeypatch.setattr(apprise_service, "send", hang)
    async with service() as far:
        await telling(harness, far)
        try:
            async with asyncio.timeout(20):
                await harness.feed(QUEUED, alert(harness))
                while not is_asked.is_set():
                    await harness.settle()
                assert await asyncio.to_thread(int) == 0  # there is one such thread in tests
        finally:
            may_go.set()
        while not harness.received(NOTIFY_SENT.of("apprise")):
            await harness.settle()


async def test_a_picture_that_cannot_come_is_named(harness: ModuleHarness) -> None:
    async with service() as far:
        await telling(harness, far, max_bytes=100, follow_up="all")
        await harness.feed(QUEUED, alert(harness, media=(file(harness, "big.jpg", 101),)))
        await settled(harness, far, 1)
        await harness.feed(QUEUED, alert(harness, 2, media=("media/gone.jpg",)))
        await settled(harness, far, 2)
    assert [note["message"].splitlines()[1] for note in far.notes] == [
        "big.jpg is too large to send (0.0 MB)",
        "gone.jpg cannot be read (No such file or directory)",
    ]


async def test_a_refusal_is_given_up_and_no_secret_is_told(
    harness: ModuleHarness, logged: Callable[[], str]
) -> None:
    async with service() as far:
        far.answers = [403]
        module = await telling(harness, far)
        await harness.feed(QUEUED, alert(harness))
        await settled(harness, far, 1)
        (report,) = harness.received(NOTIFY_FAILED.of("apprise"))
        assert report.reason == "JSON answered 403"
        log = logged()
        assert "not delivered" in log
        said = f"{report}{log}{await module.health()}{shown(module.settings)}"
        assert TOKEN not in said


async def test_a_service_that_was_removed_is_told_nothing(harness: ModuleHarness) -> None:
    async with service() as far:
        module = await telling(harness, far, picture_wait_s=5.0)
        await harness.feed(QUEUED, alert(harness))
        others = {"other": SecretStr(far.url)}
        await module.configure(module.settings.model_copy(update={"services": others}))
        await harness.clock.advance(6.0)
        while not harness.received(NOTIFY_FAILED.of("apprise")):
            await harness.settle()
        assert far.requests == 0


async def test_without_the_library_the_channel_says_what_to_install(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise_service, "is_installed", lambda: False)
    async with service() as far:
        module = await telling(harness, far)
        await harness.feed(QUEUED, alert(harness))
        for _ in range(6):
            await harness.settle()
        health = await module.health()
        assert far.requests == 0
    assert health.state is HealthState.DEGRADED
    assert "pip install 'spyoncino[apprise]'" in health.detail
    assert health.numbers["owed"] == 1


@pytest.mark.parametrize(
    ("services", "problem"),
    [({}, "services is empty"), ({"phone": "json://example.org/s3cret"}, "use jsons://")],
)
def test_settings_that_cannot_work_are_refused(services: dict[str, str], problem: str) -> None:
    secrets = {name: SecretStr(url) for name, url in services.items()}
    with pytest.raises(ValidationError, match=problem) as caught:
        AppriseSettings(enabled=True, services=secrets)
    assert "s3cret" not in str(caught.value)
    assert not AppriseSettings(services=secrets).enabled
