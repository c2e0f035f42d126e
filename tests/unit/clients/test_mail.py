"""A letter is one MIME message that mail programs show as one thread with its picture."""

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.mail_stand_in import PASSWORD, USER, Postman, postman

from spyoncino.clients import mail
from spyoncino.clients.mail import (
    Letter,
    MailServer,
    MailTooLargeError,
    compose,
    encoded_bytes,
    message_id,
    send,
)
from spyoncino.errors import DeliveryError, DeliveryRefusedError

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CLIP = ("clip.mp4", "video/mp4", b"moving")


def letter(number: int = 1, picture: bytes | None = b"jpeg", subject: str = "Ann rang") -> Letter:
    return Letter(
        sender="house@example.org",
        recipient="ann@example.org",
        subject=subject,
        text="Ann & <Bob> rang – grüßt",
        picture=picture,
        attachment=CLIP if picture else None,
        thread="visit-1",
        number=number,
        written_at=NOON,
    )


def server(far: Postman, password: str = PASSWORD, **changes: object) -> MailServer:
    facts = {
        "host": "localhost",
        "port": far.port,
        "security": "starttls",
        "user": USER,
        "password": password,
        "timeout_s": 5.0,
        "certificate_file": far.certificate,
    }
    return MailServer(**{**facts, **changes})  # type: ignore[arg-type]  # facts of a test


async def test_a_letter_is_written_beside_the_loop_in_bytes_that_any_server_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def watched(each: Letter) -> EmailMessage:
        threads.append(threading.current_thread())
        return compose(each)

    monkeypatch.setattr(mail, "compose", watched)
    with postman(tmp_path) as far:
        await send(server(far), letter())
    assert threads
    assert threading.main_thread() not in threads
    assert compose(letter()).as_bytes().isascii()


async def test_an_address_beyond_ascii_wants_a_server_that_takes_it(tmp_path: Path) -> None:
    with postman(tmp_path) as far:
        await send(server(far), replace(letter(), recipient="jürgen@example.org"))
    assert far.recipients == ["jürgen@example.org"]


def test_words_beyond_ascii_are_encoded_and_addresses_beyond_it_are_not() -> None:
    plain = compose(letter(subject="Jürgen rang")).as_bytes()
    assert plain.isascii()
    beyond = compose(replace(letter(), recipient="jürgen@example.org")).as_bytes()
    assert "To: jürgen@example.org".encode() in beyond
    assert mail.needs_utf8(replace(letter(), sender="jürgen@example.org"))
    assert not mail.needs_utf8(letter(subject="Jürgen rang"))


def test_a_file_of_authorities_that_is_renewed_is_read_anew(tmp_path: Path) -> None:
    with postman(tmp_path) as far:
        _, first = mail._prepared(server(far), letter())
        assert mail._prepared(server(far), letter())[1] is first
        os.utime(far.certificate, ns=(1, 1))
        assert mail._prepared(server(far), letter())[1] is not first


async def test_a_letter_arrives_encrypted_with_picture_and_clip(tmp_path: Path) -> None:
    with postman(tmp_path) as far:
        await send(server(far), letter())
    (mail,) = far.mails
    assert far.was_encrypted == [True]
    assert far.recipients == ["ann@example.org"]
    assert mail["Subject"] == "Ann rang"
    parts = {part.get_content_type(): part for part in mail.walk()}
    assert "grüßt" in parts["text/plain"].get_content()
    html = parts["text/html"].get_content()
    assert "Ann &amp; &lt;Bob&gt;" in html
    assert 'src="cid:picture"' in html
    assert parts["image/jpeg"].get_content() == b"jpeg"
    assert parts["image/jpeg"]["Content-ID"] == "<picture>"
    assert parts["video/mp4"].get_content() == b"moving"


def test_later_mails_of_an_event_answer_its_first() -> None:
    first, third = compose(letter(1)), compose(letter(3, picture=None))
    assert first["In-Reply-To"] is None
    assert third["In-Reply-To"] == first["Message-ID"] == message_id("visit-1", 1)
    assert third["Message-ID"] != first["Message-ID"]
    assert compose(letter(1))["Message-ID"] == first["Message-ID"]
    assert [part.get_content_type() for part in third.iter_parts()] == ["text/plain", "text/html"]


def test_a_subject_cannot_smuggle_headers_in() -> None:
    mail = compose(letter(subject="Ann\r\nBcc: eve@example.org"))
    assert mail["Subject"] == "Ann Bcc: eve@example.org"
    assert mail["Bcc"] is None


async def test_a_wrong_password_is_refused_without_being_told(tmp_path: Path) -> None:
    with postman(tmp_path) as far:
        wrong = server(far, password="gu3ss")  # noqa: S106 - of a test
        with pytest.raises(DeliveryRefusedError, match="user name or the password") as caught:
            await send(wrong, letter())
    assert "gu3ss" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "is_final"),
    [
        ("451 later", False),
        ("550 no such user here", True),
        ("552 too large", True),
        ("421 shutting down", False),
    ],
)
async def test_an_answer_says_whether_to_try_again(
    tmp_path: Path, answer: str, is_final: bool
) -> None:
    with postman(tmp_path) as far:
        far.answers = [answer]
        with pytest.raises(DeliveryError, match=answer[:3]) as caught:
            await send(server(far), letter())
    assert isinstance(caught.value, DeliveryRefusedError) is is_final


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    with postman(tmp_path) as far:
        with pytest.raises(DeliveryError) as caught:
            await send(server(far, certificate_file=None), letter())
        sentence = (
            f"the mail server localhost:{far.port} has a certificate that is not trusted; "
            "set email.certificate_file"
        )
    assert str(caught.value) == sentence
    assert not isinstance(caught.value, DeliveryRefusedError)
    assert far.mails == []


async def test_a_server_with_tls_from_the_first_byte_takes_mail(tmp_path: Path) -> None:
    with postman(tmp_path, "tls") as far:
        await send(server(far, security="tls"), letter())
        with pytest.raises(DeliveryRefusedError, match="check email"):
            await send(server(far, "gu3ss", security="tls"), letter())
        with pytest.raises(DeliveryError, match="is not trusted; set email"):
            await send(server(far, security="tls", certificate_file=None), letter())
    assert far.was_encrypted == [True]
    assert [mail["Subject"] for mail in far.mails] == ["Ann rang"]


async def test_the_wrong_kind_of_tls_says_which_to_set(tmp_path: Path) -> None:
    with postman(tmp_path) as far, pytest.raises(DeliveryError, match="security to starttls"):
        await send(server(far, security="tls"), letter())


async def test_a_mail_that_is_too_large_for_the_server_is_told_apart(tmp_path: Path) -> None:
    with postman(tmp_path, max_bytes=10_000) as far:
        await send(server(far), letter(picture=None))
        with pytest.raises(MailTooLargeError, match=f"localhost:{far.port} answered 552"):
            await send(server(far), letter(picture=bytes(10_000)))


@settings(max_examples=30)
@given(st.integers(0, 2000))
def test_the_size_of_a_file_in_a_mail_is_known_before_it_is_written(size_bytes: int) -> None:
    mail = EmailMessage(policy=policy.SMTP)
    mail.set_content(bytes(size_bytes), "video", "mp4")
    body = mail.as_bytes().partition(b"\r\n\r\n")[2]
    assert len(body) <= encoded_bytes(size_bytes) <= len(body) + 78


async def test_a_server_that_is_down_may_come_back(tmp_path: Path) -> None:
    with postman(tmp_path) as far:
        pass
    with pytest.raises(DeliveryError, match="cannot be reached") as caught:
        await send(server(far), letter())
    assert not isinstance(caught.value, DeliveryRefusedError)
