"""Tells a program: posts each event, and each change of it, as signed JSON."""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from spyoncino.clients.far_host import is_loopback, wrong_address
from spyoncino.core.context import ModuleContext
from spyoncino.errors import DeliveryError
from spyoncino.modules.delivery import DeliveryModule, Receipt
from spyoncino.modules.delivery_settings import DeliverySettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas.alerts import AlertNotification

if TYPE_CHECKING:
    from spyoncino.clients.webhook import WebhookClient


class WebhookSettings(DeliverySettings):
    """Section ``webhook``: a program that is told."""

    url: SecretStr = Field(
        default=SecretStr(""),
        description="Where to post; https, unless it is this machine. Often a secret by itself.",
    )
    secret: SecretStr = Field(
        default=SecretStr(""), description="Shared with the receiver, who checks signatures by it."
    )
    attach_picture: bool = Field(
        default=False, description="Put the first picture into the document, as base64."
    )
    max_picture_bytes: int = Field(
        default=1_000_000, ge=1, description="A larger picture is left out, and said so."
    )

    @property
    def reaches_out(self) -> bool:
        """A program on this machine is no outside."""
        if not self.enabled:
            return False  # its address was not read yet, and need not be one
        return not is_loopback(urlsplit(self.url.get_secret_value()).hostname or "")

    @model_validator(mode="after")
    def _has_a_good_address(self) -> Self:
        if self.enabled and (problem := wrong_address(self.url.get_secret_value())):
            raise ValueError(f"url cannot be used: {problem}")
        return self


class WebhookModule(DeliveryModule[WebhookSettings]):
    """Posts every revision; the receiver replaces the older one of the same ``event_ref``."""

    name = "output.webhook"
    section = "webhook"
    channel = "webhook"
    settings_model = WebhookSettings
    fixed_at_start = frozenset({"enabled", "url", "secret", "timeout_s"})

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._stack = AsyncExitStack()
        self._client: WebhookClient | None = None

    async def start(self) -> None:
        """Be ready to post; connects with the first document."""
        if self.settings.enabled:
            # aiohttp takes a quarter of a second: only who uses a webhook pays it.
            from spyoncino.clients.webhook import WebhookClient  # noqa: PLC0415

            settings = self.settings
            client = WebhookClient(
                settings.url.get_secret_value(),
                settings.secret.get_secret_value(),
                settings.timeout_s,
            )
            self._client = await self._stack.enter_async_context(client)
        await super().start()

    async def stop(self) -> None:
        """Leave the receiver."""
        await super().stop()
        self._client = None
        await self._stack.aclose()

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """The receiver's host: the rest of the address may be a secret."""
        del alert
        return (urlsplit(self.settings.url.get_secret_value()).hostname or "",)

    async def tell(self, delivery: Delivery) -> Receipt:
        """Post the document.

        Raises:
            DeliveryRefusedError: The receiver will never take it.
            DeliveryError: It did not take it now.
        """
        if self._client is None:
            raise DeliveryError("the webhook is not connected")
        document = await asyncio.to_thread(self._document, delivery.alert)
        now = self.context.clock.utc_now()
        await self._client.post(document, self.delivery_id(delivery), now)
        return Receipt(is_confirmed=True)

    def _document(self, alert: AlertNotification) -> dict[str, Any]:
        """The notification as JSON, with its picture where that is wanted; reads files."""
        document = alert.model_dump(mode="json")
        if self.settings.attach_picture:
            document["picture"], document["picture_note"] = self._picture(alert)
        return document

    def _picture(self, alert: AlertNotification) -> tuple[str | None, str]:
        for path in alert.media:
            if path.endswith(".jpg"):
                file = self.context.data.root / path
                try:
                    size_bytes = file.stat().st_size
                    if size_bytes > self.settings.max_picture_bytes:
                        return None, f"left out: {size_bytes} bytes, max_picture_bytes is less"
                    return base64.b64encode(file.read_bytes()).decode(), ""
                except OSError as error:
                    return None, f"left out: {error.strerror}"
        return None, "there is none yet"
