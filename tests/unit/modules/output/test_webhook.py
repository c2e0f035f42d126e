"""One event is one document at the receiver, replaced by its newer revisions."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.fixtures.payloads import EVENT_ID, event
from tests.fixtures.webhook_stand_in import Receiver, receiver

from spyoncino.modules.output.webhook import WebhookModule, WebhookSettings
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.topics import NOTIFY_CONFIRMED, NOTIFY_FAILED, NOTIFY_QUEUED
from spyoncino.testing.harness import ModuleHarness

SECRET = "s3cret-of-the-house"  # noqa: S105 - of a test


def alert(harness: ModuleHarness, revision: int = 1, **changes: Any) -> AlertNotification:
    return AlertNotification(
        event_ref=EVENT_ID,
        channel="webhook",
        text="Ann rang",
        revision=revision,
        timestamp=harness.clock.utc_now(),
        event=event(),
        **changes,
    )


async def settled(harness: ModuleHarness, far: Receiver, requests: int) -> None:
    while far.requests < requests:
        await harness.settle()
    for _ in range(4):
        await harness.settle()


async def test_every_revision_arrives_once_and_names_its_event(harness: ModuleHarness) -> None:
    async with receiver(SECRET, harness.clock.utc_now().timestamp()) as far:
        await harness.add(
            WebhookModule, enabled=True, url=SecretStr(far.url), secret=SecretStr(SECRET)
        )
        for revision in (1, 2, 2):
            await harness.feed(NOTIFY_QUEUED.of("webhook"), alert(harness, revision))
            await settled(harness, far, min(revision, 2))
        assert [each["revision"] for each in far.documents.values()] == [1, 2]
        assert {each["event"]["event_id"] for each in far.documents.values()} == {EVENT_ID}
        assert far.requests == 2
        reports = harness.received(NOTIFY_CONFIRMED.of("webhook"))
        assert [each.revision for each in reports] == [1, 2]
        assert {each.target for each in reports} == {"127.0.0.1"}


async def test_the_picture_travels_along_where_it_is_wanted(
    harness: ModuleHarness,
) -> None:
    picture = harness.context.data.root / "media" / "snapshot.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"jpeg")
    async with receiver("", harness.clock.utc_now().timestamp()) as far:
        module = await harness.add(
            WebhookModule, enabled=True, url=SecretStr(far.url), attach_picture=True
        )
        path = harness.context.data.relative(picture)
        await harness.feed(
            NOTIFY_QUEUED.of("webhook"), alert(harness, media=("media/clip.mp4", path))
        )
        await settled(harness, far, 1)
        (document,) = far.documents.values()
        assert base64.b64decode(document["picture"]) == b"jpeg"
        too_small = module.settings.model_copy(update={"max_picture_bytes": 1})
        await module.configure(too_small)
        await harness.feed(NOTIFY_QUEUED.of("webhook"), alert(harness, 2, media=(path,)))
        await settled(harness, far, 2)
        await harness.feed(NOTIFY_QUEUED.of("webhook"), alert(harness, 3, media=("gone.jpg",)))
        await settled(harness, far, 3)
        await harness.feed(NOTIFY_QUEUED.of("webhook"), alert(harness, 4))
        await settled(harness, far, 4)
        notes = [each["picture_note"] for each in far.documents.values()]
        assert notes == [
            "",
            "left out: 4 bytes, max_picture_bytes is less",
            "left out: No such file or directory",
            "there is none yet",
        ]


async def test_a_receiver_that_refuses_for_good_is_told_without_secrets(
    harness: ModuleHarness, logged: Callable[[], str]
) -> None:
    async with receiver(SECRET, harness.clock.utc_now().timestamp()) as far:
        module = await harness.add(
            WebhookModule, enabled=True, url=SecretStr(far.url), secret=SecretStr("wr0ng-one")
        )
        await harness.feed(NOTIFY_QUEUED.of("webhook"), alert(harness))
        await settled(harness, far, 1)
        (report,) = harness.received(NOTIFY_FAILED.of("webhook"))
        assert report.reason == "the webhook answered 401 Unauthorized"
        log = logged()
        assert "not delivered" in log
        said = log + report.model_dump_json() + (await module.health()).detail
        assert "wr0ng-one" not in said
        assert "/hook" not in said


@pytest.mark.parametrize(
    ("url", "problem"),
    [("", "must begin with https"), ("http://example.org/x", "is another machine")],
)
def test_an_address_without_tls_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        WebhookSettings(enabled=True, url=SecretStr(url))
    assert not WebhookSettings(url=SecretStr(url)).enabled
