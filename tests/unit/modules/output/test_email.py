"""One event is one thread of few mails, the first with its picture."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.fixtures.channel_reports import until_reported
from tests.fixtures.mail_stand_in import PASSWORD, USER, Postman, postman
from tests.fixtures.payloads import EVENT_ID, event
from tests.unit.alerts.test_rules import identity

from spyoncino.clients.mail import encoded_bytes
from spyoncino.modules.output.email import WORDS_BYTES, EmailModule, EmailSettings
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import Verdict
from spyoncino.schemas.topics import NOTIFY_QUEUED, NOTIFY_SENT
from spyoncino.testing.harness import ModuleHarness

QUEUED = NOTIFY_QUEUED.of("email")
ANN = (identity(Verdict.KNOWN, "Ann"),)


async def mailing(harness: ModuleHarness, far: Postman, **changes: Any) -> EmailModule:
    facts: dict[str, Any] = {
        "enabled": True,
        "host": "localhost",
        "port": far.port,
        "user": USER,
        "password": SecretStr(PASSWORD),
        "certificate_file": far.certificate,
        "sender": "house@example.org",
        "to": ("ann@example.org",),
        "picture_wait_s": 0.0,
    }
    return await harness.add(EmailModule, **{**facts, **changes})


def alert(harness: ModuleHarness, revision: int = 1, **changes: Any) -> AlertNotification:
    facts: dict[str, Any] = {
        "event_ref": EVENT_ID,
        "text": f"revision {revision}",
        "title": "Somebody rang",
    }
    return AlertNotification(
        channel="email",
        revision=revision,
        timestamp=harness.clock.utc_now(),
        **{**facts, "event": event(), **changes},
    )


def file(harness: ModuleHarness, name: str, size_bytes: int = 10) -> str:
    path = harness.context.data.root / "media" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size_bytes))
    return harness.context.data.relative(path)


async def arrived(harness: ModuleHarness, far: Postman, count: int) -> None:
    await until_reported(harness, "email", lambda: len(far.mails) >= count, count)


async def test_an_event_is_a_mail_at_first_and_one_when_it_is_over(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    with postman(tmp_path) as far:
        await mailing(harness, far)
        picture, clip = file(harness, "snapshot.jpg"), file(harness, "clip.mp4")
        await harness.feed(QUEUED, alert(harness, media=(picture,)))
        await arrived(harness, far, 1)
        await harness.feed(QUEUED, alert(harness, 2, media=(picture,)))
        await harness.feed(QUEUED, alert(harness, 3, media=(picture, clip), is_final=True))
        await arrived(harness, far, 2)
    first, last = far.mails
    assert last["In-Reply-To"] == first["Message-ID"]
    assert [part.get_filename() for part in last.iter_attachments()] == ["clip.mp4"]


async def test_a_name_is_worth_a_mail_and_the_same_name_is_not_worth_another(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    with postman(tmp_path) as far:
        await mailing(harness, far, follow_up="names")
        for revision, identities in enumerate(((), (), ANN, ANN), 1):
            told = alert(harness, revision, event=event(identities=identities))
            await harness.feed(QUEUED, told)
            await arrived(harness, far, 1 if revision < 3 else 2)
        await harness.feed(QUEUED, alert(harness, 5, event=event(identities=ANN), is_final=True))
        for _ in range(10):
            await harness.settle()
    texts = [mail.get_body(("plain",)) for mail in far.mails]
    assert [part.get_content().strip() for part in texts if part] == ["revision 1", "revision 3"]


async def test_a_name_that_another_channel_was_told_first_is_worth_a_mail_all_the_same(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    with postman(tmp_path) as far:
        await mailing(harness, far, follow_up="names")
        await harness.feed(QUEUED, alert(harness, event=event()))
        await arrived(harness, far, 1)
        named = alert(harness, 2, event=event(identities=ANN))
        elsewhere = named.model_copy(update={"channel": "mqtt"})
        await harness.feed(NOTIFY_QUEUED.of("mqtt"), elsewhere)
        await harness.feed(QUEUED, named)
        await arrived(harness, far, 2)


async def test_a_name_that_is_known_after_a_restart_is_worth_a_mail(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    with postman(tmp_path) as far:
        former = await mailing(harness, far, follow_up="names")
        await harness.feed(QUEUED, alert(harness))
        await arrived(harness, far, 1)
        await former.stop()
        module = EmailModule(harness.context)
        await module.configure(former.settings)
        await module.start()
        await module.on_alert(alert(harness, 2, event=event(end_s=99.0)))
        await module.on_alert(alert(harness, 3, event=event(identities=ANN)))
        await arrived(harness, far, 2)
        await module.stop()
    texts = [mail.get_body(("plain",)) for mail in far.mails]
    assert [part.get_content().strip() for part in texts if part] == ["revision 1", "revision 3"]


@pytest.mark.parametrize(("follow_up", "expected"), [("none", 1), ("all", 3)])
async def test_how_many_mails_follow_is_chosen(
    harness: ModuleHarness, tmp_path: Path, follow_up: str, expected: int
) -> None:
    with postman(tmp_path) as far:
        await mailing(harness, far, follow_up=follow_up)
        for revision in (1, 2, 3):
            await harness.feed(QUEUED, alert(harness, revision, is_final=revision == 3))
            await arrived(harness, far, min(revision, expected))
        assert len(far.mails) == expected


async def test_the_first_mail_waits_for_its_picture_and_not_for_ever(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    with postman(tmp_path) as far:
        await mailing(harness, far, picture_wait_s=1.0)
        await harness.feed(QUEUED, alert(harness))
        await harness.clock.advance(0.5)
        await harness.settle()
        assert far.mails == []
        await harness.feed(QUEUED, alert(harness, 2, media=(file(harness, "snapshot.jpg"),)))
        await harness.clock.advance(0.1)
        await arrived(harness, far, 1)
        (mail,) = far.mails
        assert "image/jpeg" in [part.get_content_type() for part in mail.walk()]
        await harness.feed(QUEUED, alert(harness, event_ref="without"))
        await harness.settle()
        for _ in range(22):
            await harness.clock.advance(0.05)
            await harness.settle()
        await arrived(harness, far, 2)


async def test_what_does_not_fit_is_left_out_and_said(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    with postman(tmp_path) as far:
        await mailing(harness, far, max_bytes=WORDS_BYTES + 100)
        media = (file(harness, "snapshot.jpg"), file(harness, "clip.mp4", 2_000_000), "gone.gif")
        await harness.feed(QUEUED, alert(harness, media=media))
        await arrived(harness, far, 1)
    body = far.mails[0].get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == [
        "revision 1",
        "clip.mp4 is too large for a mail (2.0 MB)",
        "gone.gif cannot be read (No such file or directory)",
    ]


@pytest.mark.parametrize(("more_bytes", "names"), [(0, ["clip.mp4"]), (1, ["preview.gif"])])
async def test_a_mail_is_filled_to_its_limit_and_never_above(
    harness: ModuleHarness, tmp_path: Path, more_bytes: int, names: list[str]
) -> None:
    picture, clip = 57 * 1000, 57 * 20_000  # whole lines of base64: one byte more is a line more
    most_bytes = WORDS_BYTES + encoded_bytes(picture) + encoded_bytes(clip)
    with postman(tmp_path, max_bytes=most_bytes) as far:
        await mailing(harness, far, max_bytes=most_bytes)
        media = (
            file(harness, "preview.gif", 100),
            file(harness, "clip.mp4", clip + more_bytes),
            file(harness, "snapshot.jpg", picture),
        )
        await harness.feed(QUEUED, alert(harness, media=media))
        await arrived(harness, far, 1)
    (mail,) = far.mails
    assert [part.get_filename() for part in mail.iter_attachments()] == names
    body = mail.get_body(("plain",))
    assert body is not None
    assert ("clip.mp4 is too large for a mail (1.1 MB)" in body.get_content()) is bool(more_bytes)
    assert len(mail.as_bytes()) <= most_bytes


async def test_a_server_with_a_lower_limit_gets_the_words_without_the_files(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    with postman(tmp_path, max_bytes=100_000) as far:
        await mailing(harness, far)
        media = (file(harness, "snapshot.jpg", 200_000),)
        await harness.feed(QUEUED, alert(harness, media=media))
        await arrived(harness, far, 1)
    body = far.mails[0].get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == [
        "revision 1",
        "Its files are not here: the mail server takes no such large mail.",
    ]
    assert len(harness.received(NOTIFY_SENT.of("email"))) == 1


async def test_every_address_gets_a_mail_of_its_own(harness: ModuleHarness, tmp_path: Path) -> None:
    with postman(tmp_path) as far:
        await mailing(harness, far, to=("ann@example.org", "bob@example.org"))
        await harness.feed(QUEUED, alert(harness))
        await arrived(harness, far, 2)
    assert sorted(mail["To"] for mail in far.mails) == ["ann@example.org", "bob@example.org"]


GOOD = {"enabled": True, "host": "mail.example.org", "to": ("a@b.c",), "sender": "x@y.z"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"host": ""}, "host is empty"),
        ({"to": ()}, "to is empty"),
        ({"to": ("nobody",)}, "'nobody' is no mail address"),
        ({"to": ("a b@c",)}, "is no mail address"),
        ({"sender": ""}, "sender is empty"),
        ({"sender": "", "user": "door"}, "sender is empty and user is no mail address"),
        ({"sender": "Our door"}, "sender is no mail address"),
        ({"sender": "door@example.org", "user": "door"}, ""),
        ({"security": "none"}, "mail.example.org is another machine"),
        ({"security": "none", "host": "127.0.0.1"}, ""),
        ({"enabled": False, "host": ""}, ""),
    ],
)
def test_settings_that_cannot_send_are_refused(changes: dict[str, Any], problem: str) -> None:
    facts = {**GOOD, **changes}
    if not problem:
        assert EmailSettings.model_validate(facts)
        return
    with pytest.raises(ValidationError, match=problem):
        EmailSettings.model_validate(facts)
