"""Writes and sends one mail (RFC 5322 over SMTP, RFC 5321); one thread for each subject.

A mail with a clip takes a third of a second to write, so that is done in a thread.
"""

import asyncio
import html
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, formataddr
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from spyoncino.errors import DeliveryError, DeliveryRefusedError

Security = Literal["tls", "starttls", "none"]

DOMAIN: Final = "spyoncino.invalid"
"""Right side of message ids: a name that nobody owns (RFC 2606) tells nothing about this house."""


_LINE_BYTES: Final = 57
"""Of a file that make one line of base64 (RFC 2045, section 6.8: 76 characters)."""

_TOO_LARGE: Final = 552
"""The message exceeds the server's maximum size (RFC 1870, section 6.1)."""


class MailTooLargeError(DeliveryRefusedError):
    """The server takes no mail of this size; it may take the same words without files."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail leaves.

    Args:
        host: Name of the server.
        port: Its port.
        security: ``tls`` from the first byte, ``starttls`` after the greeting, or ``none``.
        user: Empty: no login.
        password: Of the user.
        timeout_s: What one step of the conversation may take.
        certificate_file: Authorities to trust instead of the system's.
    """

    host: str
    port: int
    security: Security
    user: str
    password: str
    timeout_s: float
    certificate_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail.

    Args:
        sender: Address that it comes from.
        recipient: Address that it goes to.
        subject: One line.
        text: What it says.
        picture: JPEG that is shown in it; ``None``: none.
        attachment: Name, MIME type and bytes of a file that comes with it; ``None``: none.
        thread: Mails of the same thread are shown together.
        number: Of this mail within the thread, from 1; a repetition has the same.
        written_at: When.
    """

    sender: str
    recipient: str
    subject: str
    text: str
    picture: bytes | None
    attachment: tuple[str, str, bytes] | None
    thread: str
    number: int
    written_at: datetime


def message_id(thread: str, number: int) -> str:
    """The same for a repeated mail: servers and readers then show it once (RFC 5322, 3.6.4)."""
    return f"<{thread}.{number}@{DOMAIN}>"


def encoded_bytes(size_bytes: int) -> int:
    """Bytes that a file takes in a mail: base64 in lines of 76 characters and CRLF."""
    return -(-size_bytes // _LINE_BYTES) * 78


def compose(letter: Letter) -> EmailMessage:
    """The letter as a MIME message: plain text, the same as HTML around the picture, the file."""
    policy = SMTPUTF8 if needs_utf8(letter) else SMTP
    mail = EmailMessage(policy.clone(cte_type="7bit"))  # any server takes it (RFC 6152)
    mail["From"] = formataddr(("Spyoncino", letter.sender))
    mail["To"] = letter.recipient
    mail["Subject"] = " ".join(letter.subject.split())
    mail["Date"] = format_datetime(letter.written_at)
    mail["Message-ID"] = message_id(letter.thread, letter.number)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers that he is on holiday
    if letter.number > 1:
        first = message_id(letter.thread, 1)
        mail["In-Reply-To"] = first
        mail["References"] = first
    mail.set_content(letter.text)
    body = f"<p>{html.escape(letter.text)}</p>"
    if letter.picture is not None:
        body += '<img src="cid:picture" alt="" style="max-width:100%">'
    mail.add_alternative(body, subtype="html")
    shown = mail.get_body(("html",))
    if letter.picture is not None and shown is not None:
        shown.add_related(letter.picture, "image", "jpeg", cid="<picture>", disposition="inline")
    if letter.attachment is not None:
        name, kind, content = letter.attachment
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, main, sub, filename=name)
    return mail


def needs_utf8(letter: Letter) -> bool:
    """Whether an address wants a server that takes more than ASCII (RFC 6531)."""
    return not (letter.sender + letter.recipient).isascii()


@lru_cache(maxsize=4)
def _tls_context(certificate_file: Path | None, changed_ns: int) -> ssl.SSLContext:
    """Whom to trust; made once, for reading the system's authorities takes 35 ms."""
    del changed_ns  # another file makes another context
    return ssl.create_default_context(cafile=certificate_file)


def _prepared(server: MailServer, letter: Letter) -> tuple[bytes, ssl.SSLContext | None]:
    """The mail as it travels, and whom to trust with it; computes and reads files."""
    trusted = None
    if server.security != "none":
        file = server.certificate_file
        trusted = _tls_context(file, 0 if file is None else file.stat().st_mtime_ns)
    return compose(letter).as_bytes(), trusted


async def send(server: MailServer, letter: Letter) -> None:
    """Hand a letter to the server.

    Raises:
        MailTooLargeError: It takes no mail of this size.
        DeliveryRefusedError: It will never take it: wrong password, unknown address.
        DeliveryError: It did not take it now.
    """
    try:
        mail, trusted = await asyncio.to_thread(_prepared, server, letter)
        await aiosmtplib.send(
            mail,
            sender=letter.sender,
            recipients=[letter.recipient],
            mail_options=["SMTPUTF8"] if needs_utf8(letter) else None,
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=server.timeout_s,
            tls_context=trusted,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _judged(server, error.recipients[0].code, error.recipients[0].message) from error
    except aiosmtplib.SMTPAuthenticationError as error:
        raise DeliveryRefusedError(
            f"{_where(server)} does not accept the user name or the password; check email.user "
            "and email.password"
        ) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _judged(server, error.code, error.message) from error
    except aiosmtplib.SMTPNotSupported as error:
        raise DeliveryRefusedError(f"{_where(server)} cannot do this: {error}") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise DeliveryError(_unreached(server, error)) from error


def _where(server: MailServer) -> str:
    return f"the mail server {server.host}:{server.port}"


def _unreached(server: MailServer, error: Exception) -> str:
    where, text = _where(server), " ".join(str(error).split())
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"{where} has a certificate that is not trusted; set email.certificate_file"
    if "WRONG_VERSION_NUMBER" in text:
        return f"{where} speaks no TLS from the first byte; set email.security to starttls"
    return f"{where} cannot be reached: {text}"


def _judged(server: MailServer, code: int, message: str) -> DeliveryError:
    """RFC 5321, section 4.2.1: 4yz may pass, 5yz will not."""
    sentence = f"{_where(server)} answered {code} {' '.join(message.split())}"
    if code == _TOO_LARGE:
        return MailTooLargeError(sentence)
    return DeliveryRefusedError(sentence) if code >= 500 else DeliveryError(sentence)
