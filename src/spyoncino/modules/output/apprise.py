"""Tells through everything else: the hundred services that the library Apprise speaks to."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

from pydantic import ByteSize, Field, SecretStr, model_validator

from spyoncino.clients import apprise_service
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Misfit, ModuleSettings
from spyoncino.core.registry import Registry
from spyoncino.core.settings import Settings
from spyoncino.errors import DeliveryError, DeliveryRefusedError
from spyoncino.modules.delivery import Receipt
from spyoncino.modules.follow_up import FollowUpModule, FollowUpSettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.status import HealthState, HealthStatus

MISSING: Final = f"the library apprise is missing: {apprise_service.INSTALL}"


class AppriseSettings(FollowUpSettings):
    """Section ``apprise``: services that Spyoncino does not speak to by itself."""

    services: dict[str, SecretStr] = Field(
        default={},
        description="Own name to Apprise address, such as phone: ntfys://host/topic. The address "
        "is a secret, the name is not.",
    )
    max_bytes: ByteSize = Field(
        default=ByteSize(5_000_000), description="A larger picture is left out, and said so."
    )

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if not self.enabled:
            return self
        if not self.services:
            raise ValueError("services is empty: without one nobody is told")
        if apprise_service.is_installed():  # without it the module says what to install
            urls = {name: url.get_secret_value() for name, url in self.services.items()}
            if problem := apprise_service.first_wrong(urls):
                raise ValueError(f"services.{problem}")
        return self

    def misfits(
        self, sections: Mapping[str, ModuleSettings], house: Settings, registry: Registry
    ) -> Iterable[Misfit]:
        """The library, where this installation does not have it."""
        del sections, house, registry
        return (
            [Misfit(("enabled",), MISSING)]
            if self.enabled and not apprise_service.is_installed()
            else []
        )


class AppriseModule(FollowUpModule[AppriseSettings]):
    """Sends a first message with the picture, and as few more as ``follow_up`` says."""

    name = "output.apprise"
    section = "apprise"
    channel = "apprise"
    settings_model = AppriseSettings

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._threads: dict[str, ThreadPoolExecutor] = {}

    async def stop(self) -> None:
        """Leave what is not told in the table; who is being told may finish."""
        await super().stop()
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        self._threads.clear()

    async def health(self) -> HealthStatus:
        """As of every channel; also degraded while the library is missing."""
        health = await super().health()
        if self.settings.enabled and not apprise_service.is_installed():
            return health.model_copy(update={"state": HealthState.DEGRADED, "detail": MISSING})
        return health

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """Every service, by the name that the settings give it."""
        del alert
        return tuple(self.settings.services)

    async def tell(self, delivery: Delivery) -> Receipt:
        """Send a message; the library blocks, so it does in a thread of its service.

        The threads that all share have better to do than to wait for a service that hangs: the
        next press is written down there, and mails are. A revision that reads like the message
        before it and is not to be heard is none: clips do not come here, so the end of a visit
        may say what was said already.

        Raises:
            DeliveryRefusedError: The service will never take it.
            DeliveryError: It did not take it now.
        """
        if not apprise_service.is_installed():
            raise DeliveryError(f"the library apprise is missing: {apprise_service.INSTALL}")
        url = self.settings.services.get(delivery.key.target)
        if url is None:
            raise DeliveryRefusedError(f"there is no service {delivery.key.target!r} any more")
        told = _digest(delivery.alert)
        is_news = delivery.is_loud or self.settings.follow_up == "all"
        if is_news or told != delivery.remote_id:
            threads = self._threads_of(delivery.key.target)
            send, to = self._send, url.get_secret_value()
            await asyncio.get_running_loop().run_in_executor(threads, send, to, delivery.alert)
        return Receipt(told)

    def _threads_of(self, service: str) -> ThreadPoolExecutor:
        """As many as its lane has places: for new messages and for edits."""
        threads = self._threads.get(service)
        if threads is None:
            threads = ThreadPoolExecutor(2 * self.settings.at_once, f"apprise {service}")
            self._threads[service] = threads
        return threads

    def _send(self, url: str, alert: AlertNotification) -> None:
        picture, note = self._picture(alert)
        apprise_service.send(
            url,
            apprise_service.Note(
                title=alert.title,
                text="\n".join(part for part in (alert.text, note) if part),
                picture=picture,
                is_urgent=alert.priority is AlertPriority.HIGH,
            ),
            self.settings.timeout_s,
        )

    def _picture(self, alert: AlertNotification) -> tuple[Path | None, str]:
        """The first picture of the event, or why it does not come."""
        for path in alert.media:
            if path.endswith(".jpg"):
                file = self.context.data.root / path
                try:
                    size_bytes = file.stat().st_size
                except OSError as error:
                    return None, f"{file.name} cannot be read ({error.strerror})"
                if size_bytes > int(self.settings.max_bytes):
                    return None, f"{file.name} is too large to send ({size_bytes / 1e6:.1f} MB)"
                return file, ""
        return None, ""


def _digest(alert: AlertNotification) -> str:
    """Of what a reader sees: title, text, and whether there is a picture."""
    has_picture = any(path.endswith(".jpg") for path in alert.media)
    words = f"{alert.title}\n{alert.text}\n{has_picture}"
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:12]
