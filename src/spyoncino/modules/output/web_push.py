"""Tells browsers by Web Push: one notification for each event, replaced as facts arrive.

Which browsers: those whose owner pressed the button of the page. What is told is encrypted for the
browser; its push service sees who sends, when, how much, and the hash of an id.
"""

import asyncio
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field, SecretStr, model_validator

from spyoncino.clients.push_subscription import PRIVATE_KEY_BYTES, Subscription, unpacked
from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Misfit, ModuleSettings
from spyoncino.core.registry import Registry
from spyoncino.core.settings import Settings
from spyoncino.errors import DeliveryError, DeliveryRefusedError, StorageError
from spyoncino.modules.delivery import DeliveryModule, Receipt
from spyoncino.modules.delivery_settings import DeliverySettings
from spyoncino.modules.push_note import URGENCY, compose, topic_of
from spyoncino.persistence.deliveries import Delivery
from spyoncino.persistence.push_browsers import PushBrowser, PushBrowserStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.base import Payload
from spyoncino.schemas.push import PushKey, PushKeyInquiry
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import PUSH_KEY, PUSH_KEY_INQUIRY

if TYPE_CHECKING:
    from spyoncino.clients.vapid_key import VapidKey
    from spyoncino.clients.web_push import WebPushClient

MISSING: Final = (
    "the libraries of Web Push are missing: install them with `pip install 'spyoncino[push]'`"
)

LATER: Final = "Web Push begins with the next start of the program"

NOBODY: Final = "nobody is told: open the page on a device and press 'Tell this browser'"

_LEFT: Final = "has left: its subscription ended"
"""How every sentence about a browser ends that does not want to be told any more."""

MAX_TTL_S: Final = 28 * 86_400
"""What known push services keep at most; they shorten longer wishes."""

_CONTACT: Final = re.compile(r"mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https://[\w-]+(\.[\w-]+)+")
"""What RFC 8292, 2.1 has as contact, and every known push service takes."""


class WebPushSettings(DeliverySettings):
    """Section ``web_push``: browsers that are told although the page is closed."""

    contact: str = Field(
        default="",
        description="Whom a push service writes to before it blocks this house: "
        "mailto:you@example.org or the https address of a site. Services of browsers see it.",
    )
    private_key: SecretStr = Field(
        default=SecretStr(""),
        description="Own key pair's private half (base64url of 32 bytes); empty: made once and "
        "kept in the file web-push-key of the data folder. With another one, every browser has to "
        "be asked again.",
    )
    keep_for_s: int = Field(
        default=3600,
        ge=0,
        le=MAX_TTL_S,
        description="How long the push service keeps a message for a browser that is away.",
    )
    show_picture: bool = Field(
        default=True, description="Show the event's picture; the browser fetches it from the page."
    )

    def misfits(
        self, sections: Mapping[str, ModuleSettings], house: Settings, registry: Registry
    ) -> Iterable[Misfit]:
        """The libraries, where this installation does not have them."""
        del sections, house, registry
        return [Misfit(("enabled",), MISSING)] if self.enabled and not _is_installed() else []

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.enabled and not _CONTACT.fullmatch(self.contact):
            raise ValueError(
                "contact must be an address such as mailto:you@example.org, or https:// and a host"
            )
        key = self.private_key.get_secret_value()
        if key and len(unpacked(key)) != PRIVATE_KEY_BYTES:
            raise ValueError(f"private_key must be base64url of {PRIVATE_KEY_BYTES} bytes")
        return self


def _is_installed() -> bool:
    names = ("cryptography", "http_ece", "py_vapid")
    return all(importlib.util.find_spec(name) is not None for name in names)


class WebPushModule(DeliveryModule[WebPushSettings]):
    """Sends every revision; the browser shows the newest in place of the former."""

    name = "output.web_push"
    section = "web_push"
    channel = "web_push"
    settings_model = WebPushSettings
    fixed_at_start = frozenset({"enabled", "contact", "private_key", "timeout_s"})
    publishes = (*DeliveryModule.publishes, PUSH_KEY)
    answers = (PUSH_KEY_INQUIRY,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._browsers = PushBrowserStore(context.database)
        self._names: tuple[str, ...] = ()
        self._gone = 0
        self._stack = AsyncExitStack()
        self._key: VapidKey | None = None
        self._client: WebPushClient | None = None

    async def start(self) -> None:
        """Have a key and be ready to send; connects with the first message.

        Raises:
            StorageError: The key cannot be kept or read, or the database does not answer.
        """
        if self.settings.enabled and _is_installed():
            # aiohttp and cryptography take a quarter of a second: only who uses them pays it.
            from spyoncino.clients.web_push import WebPushClient  # noqa: PLC0415

            self._key = await asyncio.to_thread(self._load_key)
            client = WebPushClient(self._key, self.settings.contact, self.settings.timeout_s)
            self._client = await self._stack.enter_async_context(client)
        if self.settings.enabled:
            await self._look_who_is_told()
        await super().start()

    async def stop(self) -> None:
        """Leave the push services."""
        await super().stop()
        self._client = self._key = None
        await self._stack.aclose()

    async def health(self) -> HealthStatus:
        """As of every channel; also degraded while nobody is told. Who left is no trouble."""
        health = await super().health()
        if not self.settings.enabled:
            return health
        problem = "" if health.detail.endswith(_LEFT) else health.detail
        if not _is_installed():
            problem = MISSING
        elif not self._names:
            problem = problem or NOBODY
        return health.model_copy(
            update={
                "state": HealthState.DEGRADED if problem else HealthState.OK,
                "detail": problem,
                "numbers": {
                    **health.numbers,
                    "browsers": float(len(self._names)),
                    "browsers_gone": float(self._gone),
                },
            }
        )

    async def handle_request(self, request: Payload) -> Payload | None:
        """Give the page the key with which a browser subscribes."""
        if not isinstance(request, PushKeyInquiry):
            return None
        public_key, reason = "", ""
        if self._key is not None:
            public_key = self._key.public_key
        elif not self.settings.enabled:
            reason = "Web Push is off: set web_push.enabled"
        else:
            reason = LATER if _is_installed() else MISSING
        return PushKey(source=self.name, public_key=public_key, reason=reason)

    # --- telling ---------------------------------------------------------------------------------

    async def take(self, alert: AlertNotification) -> None:
        """Owe a revision to every browser that wants to be told now."""
        await self._look_who_is_told()
        await super().take(alert)

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """Every browser, by a name that does not give its endpoint away."""
        del alert
        return self._names

    async def tell(self, delivery: Delivery) -> Receipt:
        """Hand the message over; the push service has it then, the browser when it is there.

        Raises:
            DeliveryRefusedError: Nobody will ever read it there.
            DeliveryError: The push service did not take it now.
        """
        if self._client is None:
            raise DeliveryError(LATER if _is_installed() else MISSING)
        from spyoncino.clients.web_push import (  # noqa: PLC0415
            MAX_MESSAGE_BYTES,
            PushMessage,
            SubscriptionGoneError,
        )

        browser = await self._browsers.get(delivery.key.target)
        if browser is None:
            raise DeliveryRefusedError(f"{delivery.key.target} {_LEFT}")
        alert = delivery.alert
        message = PushMessage(
            body=compose(alert, MAX_MESSAGE_BYTES, with_picture=self.settings.show_picture),
            topic=topic_of(alert.event_ref),
            ttl_s=self.settings.keep_for_s,
            urgency=URGENCY[alert.priority],
        )
        try:
            to = Subscription.parse(browser.endpoint, browser.p256dh, browser.auth)
        except ValueError as error:
            raise DeliveryRefusedError(f"{browser.name} cannot be told: {error}") from error
        try:
            await self._client.push(to, message, self.context.clock.utc_now())
        except SubscriptionGoneError as error:
            await self._forget(browser)
            raise DeliveryRefusedError(f"{browser.name} {_LEFT}") from error
        return Receipt()

    async def _forget(self, browser: PushBrowser) -> None:
        try:
            is_first = await self._browsers.remove(browser.name)
            await self._look_who_is_told()
        except StorageError as error:
            raise DeliveryError(f"a browser that left is not forgotten yet: {error}") from error
        if is_first:  # several messages may find it gone at once
            self._gone += 1
            self.context.log.warning("a browser is told no more", target=browser.name)

    async def _look_who_is_told(self) -> None:
        self._names = tuple(browser.name for browser in await self._browsers.all())

    def _load_key(self) -> "VapidKey":
        from spyoncino.clients.vapid_key import VapidKey  # noqa: PLC0415

        own = self.settings.private_key.get_secret_value()
        return VapidKey(own) if own else VapidKey.load(self.context.data.push_key)
