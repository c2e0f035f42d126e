"""Tells people by mail: one thread for each event, few mails in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import ByteSize, Field, SecretStr, field_validator, model_validator

from spyoncino.clients.far_host import is_loopback
from spyoncino.modules.delivery import Receipt
from spyoncino.modules.follow_up import FollowUpModule, FollowUpSettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas.alerts import AlertNotification

if TYPE_CHECKING:
    from spyoncino.clients.mail import Letter, MailServer

ATTACHED: Final = {".mp4": ("clip.mp4", "video/mp4"), ".gif": ("preview.gif", "image/gif")}
"""Files that come with a mail, by their ending: name and MIME type there."""

WORDS_BYTES: Final = 20_000
"""Kept free in a mail for its head, its words (twice: plain and as HTML) and the borders of parts;
an alert says a few hundred bytes, a digest some thousand."""


class EmailSettings(FollowUpSettings):
    """Section ``email``: mail to people."""

    host: str = Field(default="", description="Name of the mail server that takes mail from you.")
    port: int = Field(default=587, ge=1, le=65535, description="587 for starttls, 465 for tls.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none is refused unless the server is this machine."
    )
    user: str = Field(default="", description="Who logs in; empty: nobody.")
    password: SecretStr = Field(default=SecretStr(""), description="Of the user.")
    certificate_file: Path | None = Field(
        default=None, description="Authorities to trust instead of the system's."
    )
    sender: str = Field(default="", description="Address that mail comes from; empty: the user.")
    to: tuple[str, ...] = Field(default=(), description="Addresses of those who are told.")
    max_bytes: ByteSize = Field(
        default=ByteSize(10_000_000),
        description="Of a whole mail as it travels, in which files are a third larger; what does "
        "not fit is left out, and the mail says so.",
    )

    @field_validator("to")
    @classmethod
    def _addresses_have_an_at(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        for address in to:
            if not _is_address(address):
                raise ValueError(f"{address!r} is no mail address")
        return to

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if not self.enabled:
            return self
        for key in ("host", "to"):
            if not getattr(self, key):
                raise ValueError(f"{key} is empty: without it no mail can be sent")
        if not (self.sender or self.user):
            raise ValueError("sender is empty: name the address that mail comes from")
        if not _is_address(self.sender or self.user):
            key = "sender" if self.sender else "sender is empty and user"
            raise ValueError(
                f"{key} is no mail address: set sender to the address that mail comes from"
            )
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(
                f"security is none, but {self.host} is another machine: use starttls or tls"
            )
        return self


def _is_address(text: str) -> bool:
    name, at, host = text.partition("@")
    return bool(name and at and host) and not any(letter.isspace() for letter in text)


class EmailModule(FollowUpModule[EmailSettings]):
    """Sends a first mail with the picture, and as few more as ``follow_up`` says."""

    name = "output.email"
    section = "email"
    channel = "email"
    settings_model = EmailSettings

    async def start(self) -> None:
        """Be ready to write; connects with each mail."""
        if self.settings.enabled:  # a tenth of a second that no press shall wait for
            await asyncio.to_thread(import_module, "spyoncino.clients.mail")
        await super().start()

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """Every address gets a mail of its own."""
        del alert
        return self.settings.to

    async def tell(self, delivery: Delivery) -> Receipt:
        """Send a mail.

        Raises:
            DeliveryRefusedError: The server will never take it.
            DeliveryError: It did not take it now.
        """
        from spyoncino.clients.mail import MailTooLargeError, message_id, send  # noqa: PLC0415

        letter = await asyncio.to_thread(self._letter, delivery)
        try:
            await send(self._server(), letter)
        except MailTooLargeError as error:
            if letter.picture is None and letter.attachment is None:
                raise
            self.context.log.warning("a mail goes without its files", why=str(error))
            text = (
                f"{letter.text}\nIts files are not here: the mail server takes no such large mail."
            )
            letter = replace(letter, text=text, picture=None, attachment=None)
            await send(self._server(), letter)
        return Receipt(delivery.remote_id or message_id(letter.thread, letter.number))

    def _server(self) -> "MailServer":
        from spyoncino.clients.mail import MailServer  # noqa: PLC0415

        settings = self.settings
        return MailServer(
            host=settings.host,
            port=settings.port,
            security=settings.security,
            user=settings.user,
            password=settings.password.get_secret_value(),
            timeout_s=settings.timeout_s,
            certificate_file=settings.certificate_file,
        )

    def _letter(self, delivery: Delivery) -> "Letter":
        """The mail with its files; reads them."""
        from spyoncino.clients.mail import Letter, encoded_bytes  # noqa: PLC0415

        alert = delivery.alert
        picture: bytes | None = None
        attachment: tuple[str, str, bytes] | None = None
        notes: list[str] = []
        room_bytes = int(self.settings.max_bytes) - WORDS_BYTES
        for path in sorted(alert.media, key=_rank):
            file = self.context.data.root / path
            is_picture = file.suffix == ".jpg"
            if (picture if is_picture else attachment) is not None:
                continue  # one of each is shown
            try:
                size_bytes = file.stat().st_size
                if encoded_bytes(size_bytes) > room_bytes:
                    notes.append(f"{file.name} is too large for a mail ({size_bytes / 1e6:.1f} MB)")
                    continue
                if is_picture:
                    picture = file.read_bytes()
                elif file.suffix in ATTACHED:
                    attachment = (*ATTACHED[file.suffix], file.read_bytes())
                else:
                    continue
                room_bytes -= encoded_bytes(size_bytes)
            except OSError as error:
                notes.append(f"{file.name} cannot be read ({error.strerror})")
        return Letter(
            sender=self.settings.sender or self.settings.user,
            recipient=delivery.key.target,
            subject=alert.title or alert.text,
            text="\n".join([alert.text, *notes]),
            picture=picture,
            attachment=attachment,
            thread=alert.event_ref,
            number=1 if delivery.sent_revision == 0 else alert.revision,
            written_at=alert.timestamp,
        )


def _rank(path: str) -> int:
    """The picture first, so that a clip never takes its room; a preview only without a clip."""
    endings = (".jpg", *ATTACHED)
    return next((place for place, end in enumerate(endings) if path.endswith(end)), len(endings))
