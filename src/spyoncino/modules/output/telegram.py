"""Tells people by Telegram: one message for each event and chat, edited as facts arrive.

The same bot takes orders; see ``modules.telegram_console``. Both share one connection and one pace,
because Telegram counts and answers by bot.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume
from spyoncino.core.queues import Policy
from spyoncino.errors import DeliveryError
from spyoncino.modules.delivery import DeliveryModule, Receipt
from spyoncino.modules.telegram_settings import Role, TelegramSettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.status import CameraStatus, HealthState, HealthStatus, HealthSummary
from spyoncino.schemas.topics import CONTROL_COMMAND, STATUS_CAMERA, STATUS_HEALTH

if TYPE_CHECKING:
    from spyoncino.clients.telegram import Post, TelegramClient
    from spyoncino.modules.telegram_console import TelegramConsole
    from spyoncino.modules.telegram_post import Choice, RemoteMessage


class TelegramModule(DeliveryModule[TelegramSettings]):
    """A bot: tells, and obeys those whom the settings name."""

    name = "output.telegram"
    section = "telegram"
    channel = "telegram"
    settings_model = TelegramSettings
    fixed_at_start = frozenset({"enabled", "token", "api_url", "timeout_s", "console"})
    consumes = (
        *DeliveryModule.consumes,
        Consume(STATUS_HEALTH, "on_health", Policy.LATEST),
        Consume(STATUS_CAMERA, "on_camera", Policy.DROP_OLDEST),
    )
    publishes = (*DeliveryModule.publishes, CONTROL_COMMAND)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._stack = AsyncExitStack()
        self._client: TelegramClient | None = None
        self._console: TelegramConsole | None = None
        self._media = MediaStore(context.database)
        self._moved: dict[int, int] = {}
        self._maybe_twice = 0

    async def start(self) -> None:
        """Be ready to tell and to be asked; connects with the first message."""
        settings = self.settings
        if settings.enabled:
            # aiohttp takes a quarter of a second: only who uses a bot pays it.
            from spyoncino.clients.telegram import TelegramClient  # noqa: PLC0415
            from spyoncino.modules.telegram_console import TelegramConsole  # noqa: PLC0415

            client = TelegramClient(
                settings.token.get_secret_value(),
                settings.api_url,
                settings.timeout_s,
                self.context.clock,
            )
            self._client = await self._stack.enter_async_context(client)
            if settings.console and not self.context.lossless:
                self._console = TelegramConsole(
                    self.context, self._client, lambda: self.settings, self._order
                )
                self._chores.start(self._console.run(), f"{self.name} console")
        await super().start()

    async def stop(self) -> None:
        """Leave Telegram."""
        await super().stop()
        if self._console is not None:
            await self._console.close()
        self._client = self._console = None
        await self._stack.aclose()

    async def health(self) -> HealthStatus:
        """As of every channel; also degraded while nobody can give orders."""
        health = await super().health()
        console = self._console
        problem = health.detail or (console.problem if console else "")
        if self.settings.enabled and not self.settings.chats:
            problem = problem or (
                "nobody is told: write to the bot, take the chat's id from the log and set "
                "telegram.chats"
            )
        return health.model_copy(
            update={
                "state": HealthState.DEGRADED if problem else HealthState.OK,
                "detail": problem,
                "numbers": {
                    **health.numbers,
                    "maybe_twice": float(self._maybe_twice),
                    **(console.numbers if console else {}),
                },
            }
        )

    async def on_health(self, summary: HealthSummary) -> None:
        """Know how the whole is doing."""
        if self._console is not None:
            self._console.summary = summary

    async def on_camera(self, status: CameraStatus) -> None:
        """Know how a camera is doing."""
        if self._console is not None:
            self._console.cameras[status.camera] = status

    async def _order(self, camera: str, for_s: float) -> None:
        from spyoncino.core.mute_orders import mute_command  # noqa: PLC0415

        await self.publish(CONTROL_COMMAND, mute_command(camera, for_s, self.name))

    # --- telling ---------------------------------------------------------------------------------

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """Every chat that is to be told."""
        del alert
        return [str(chat.id) for chat in self.settings.chats if chat.alerts]

    def may_wait_s(self, delivery: Delivery) -> float:
        """A moment for a picture: telephones show the first state of a message."""
        has_picture = any(path.endswith(".jpg") for path in delivery.alert.media)
        wants_one = delivery.alert.event is not None and not has_picture
        return self.settings.picture_wait_s if wants_one else 0.0

    async def tell(self, delivery: Delivery) -> Receipt:
        """Send the message, or edit it.

        Raises:
            DeliveryRefusedError: Telegram will never take it.
            DeliveryError: It did not take it now.
        """
        from spyoncino.clients.telegram_errors import (  # noqa: PLC0415
            ChatMovedError,
            MessageGoneError,
        )
        from spyoncino.modules.telegram_post import RemoteMessage, compose  # noqa: PLC0415

        if self._client is None:
            raise DeliveryError("Telegram is not connected")
        target = int(delivery.key.target)
        chat = self.settings.chat(target)
        choice = await self._choice(delivery.alert)
        post = compose(delivery.alert, choice, chat.rank if chat else Role.VIEWER)
        shown = RemoteMessage.parse(delivery.remote_id)
        if shown is not None:
            try:
                return await self._edit(self._client, shown, post, choice)
            except (MessageGoneError, ChatMovedError) as error:
                self.context.log.info("a message is sent anew", target=target, why=str(error))
        chat_id = self._moved.get(target, target)
        try:
            return await self._send(self._client, chat_id, post, choice)
        except ChatMovedError as error:
            self._moved[target] = error.chat_id
            self.context.log.warning(
                "a group has a new id, set it in telegram.chats", old=target, new=error.chat_id
            )
            return await self._send(self._client, error.chat_id, post, choice)

    async def _choice(self, alert: AlertNotification) -> "Choice":
        from spyoncino.modules.telegram_post import choose  # noqa: PLC0415

        root = self.context.data.root
        choice = await asyncio.to_thread(choose, root, alert.media)
        if choice.note and alert.event is not None:  # too large: there may be a preview of it
            found = await self._media.of_event(alert.event_ref)
            previews = [each.path for each in found if each.kind is MediaKind.GIF]
            choice = await asyncio.to_thread(choose, root, [*alert.media, *previews])
        return choice

    async def _send(
        self, client: "TelegramClient", chat_id: int, post: "Post", choice: "Choice"
    ) -> Receipt:
        from spyoncino.clients.telegram_errors import TelegramUncertainError  # noqa: PLC0415
        from spyoncino.modules.telegram_post import RemoteMessage  # noqa: PLC0415

        try:
            message_id = await client.send(chat_id, post)
        except TelegramUncertainError:
            self._maybe_twice += 1  # the Bot API knows no idempotency keys
            raise
        shown = RemoteMessage(chat_id, message_id, choice.digest)
        return Receipt(str(shown), is_confirmed=True)

    async def _edit(
        self, client: "TelegramClient", shown: "RemoteMessage", post: "Post", choice: "Choice"
    ) -> Receipt:
        if choice.digest and choice.digest != shown.shows:
            await client.edit_media(shown.chat_id, shown.message_id, post)
            shown = replace(shown, shows=choice.digest)
        else:
            await client.edit_words(
                shown.chat_id, shown.message_id, post, has_media=bool(shown.shows)
            )
        return Receipt(str(shown), is_confirmed=True)
