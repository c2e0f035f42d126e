"""What the page asks about Web Push: the key from its channel, the browsers from the database."""

from typing import Final

from spyoncino.clients.push_subscription import Subscription
from spyoncino.core.context import ModuleContext
from spyoncino.errors import RequestError, UsageError
from spyoncino.persistence.push_browsers import PushBrowser, PushBrowserStore
from spyoncino.schemas.push import PushKey, PushKeyInquiry
from spyoncino.schemas.topics import PUSH_KEY_INQUIRY
from spyoncino.web.views import BrowserView, PushOrder, PushView

CHANNEL: Final = "web_push"


class PagePush:
    """Implements ``web.backend.PushDesk``.

    Args:
        context: Of the module that serves the page.
    """

    def __init__(self, context: ModuleContext) -> None:
        self._context = context
        self._browsers = PushBrowserStore(context.database)

    async def view(self) -> PushView:
        """Whether browsers can be told, and which are."""
        browsers = tuple(_view(browser) for browser in await self._browsers.all())
        if CHANNEL not in self._context.channels():
            return PushView(public_key="", browsers=browsers)
        try:
            answer = await self._context.bus.request(
                PUSH_KEY_INQUIRY, PushKeyInquiry(source="page")
            )
        except RequestError as error:
            return PushView(public_key="", reason=str(error), browsers=browsers)
        key = PushKey.model_validate(answer.model_dump())
        return PushView(public_key=key.public_key, reason=key.reason, browsers=browsers)

    async def add(self, order: PushOrder, label: str) -> BrowserView:
        """Tell a browser from here on.

        Raises:
            UsageError: The subscription is none, nobody can subscribe, or there are too many.
        """
        if CHANNEL not in self._context.channels():
            raise UsageError("Web Push is off: set web_push.enabled")
        try:
            Subscription.parse(order.endpoint, order.keys.p256dh, order.keys.auth)
        except ValueError as error:
            raise UsageError(f"this subscription cannot be used: {error}") from error
        browser = await self._browsers.put(
            PushBrowser(
                name=PushBrowser.name_of(order.endpoint, label),
                endpoint=order.endpoint,
                p256dh=order.keys.p256dh,
                auth=order.keys.auth,
                label=label,
                created_at=self._context.clock.utc_now(),
            )
        )
        self._context.log.info("a browser wants to be told", target=browser.name)
        return _view(browser)

    async def remove(self, name: str) -> bool:
        """Tell a browser no more; whether there was such a one."""
        was_there = await self._browsers.remove(name)
        if was_there:
            self._context.log.info("a browser is told no more", target=name)
        return was_there


def _view(browser: PushBrowser) -> BrowserView:
    return BrowserView(name=browser.name, label=browser.label, created_at=browser.created_at)
