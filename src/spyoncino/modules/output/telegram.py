"""Tells people by Telegram: one message for each event and chat, edited as facts arrive.

An edit makes no sound. What is to be heard once more, for somebody rang, is sent anew in place of
the former message, which is deleted: there is still one.

The same bot takes orders; see ``modules.telegram_console``. Both share one connection and one pace,
because Telegram counts and answers by bot.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume
from spyoncino.core.guard import sentence
from spyoncino.core.queues import Policy
from spyoncino.errors import DeliveryError, DeliveryLaterError, StorageError
from spyoncino.modules.delivery import DeliveryModule, Receipt
from spyoncino.modules.delivery_lane import OWED_AT_ONCE
from spyoncino.modules.telegram_settings import Role, TelegramSettings
from spyoncino.persistence.deliveries import Delivery, DeliveryKey
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import CLOSED_STATES
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.status import CameraStatus, HealthState, HealthStatus, HealthSummary
from spyoncino.schemas.topics import (
    CONTROL_COMMAND,
    GALLERY_CHANGED,
    STATUS_CAMERA,
    STATUS_HEALTH,
)

MAYBE = "it may be there already"
"""End of the reason of a message of its own of which nobody knows whether it arrived."""

IN_TRY = f"its first try did not end; {MAYBE}"

CLIP_WAIT_S: Final = 2.0
"""How long the end of a visit waits for its clip, so that both are one edit."""

PERHAPS_TWICE = "(This may be here twice: the connection broke while it was sent.)"

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
    publishes = (*DeliveryModule.publishes, CONTROL_COMMAND, GALLERY_CHANGED)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._stack = AsyncExitStack()
        self._client: TelegramClient | None = None
        self._console: TelegramConsole | None = None
        self._media = MediaStore(context.database)
        self._moved: dict[int, int] = {}
        self._doubtful: set[DeliveryKey] = set()
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
                    self.context, self._client, lambda: self.settings, self._order, self._tell_named
                )
                self._chores.start(self._console.run(), f"{self.name} console")
            await self._find_doubtful()
        await super().start()

    async def stop(self) -> None:
        """Leave Telegram."""
        await super().stop()
        if self._console is not None:
            await self._console.close()
        self._client = self._console = None
        self._doubtful.clear()
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

    async def _tell_named(self, change: GalleryChange) -> None:
        await self.publish(GALLERY_CHANGED, change)

    # --- telling ---------------------------------------------------------------------------------

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """Every chat that is to be told."""
        del alert
        return [str(chat.id) for chat in self.settings.chats if chat.alerts]

    def may_wait_s(self, delivery: Delivery) -> float:
        """A moment for a picture, which telephones show first; at the end one for the clip.

        Every edit counts as a message of its chat, and the clip is mostly there within a second.
        """
        alert = delivery.alert
        if alert.event is None or alert.is_final:
            return 0.0
        if delivery.is_loud:
            has_picture = any(path.endswith(".jpg") for path in alert.media)
            return 0.0 if has_picture else self.settings.picture_wait_s
        return CLIP_WAIT_S if alert.event.state in CLOSED_STATES else 0.0

    async def tell(self, delivery: Delivery) -> Receipt:
        """Send the message, or edit it.

        Raises:
            DeliveryRefusedError: Telegram will never take it.
            DeliveryError: It did not take it now.
        """
        from spyoncino.clients.telegram_errors import PostRefusedError  # noqa: PLC0415
        from spyoncino.modules.telegram_post import Choice  # noqa: PLC0415

        choice = await self._choice(delivery.alert)
        try:
            return await self._tell(delivery, choice)
        except PostRefusedError as error:
            if choice.attachment is None:
                raise
            self.context.log.warning("a message goes without its file", why=str(error))
            note = f"The {choice.attachment.type} could not be shown here; the page has it."
            return await self._tell(delivery, Choice(note=note))

    async def _tell(self, delivery: Delivery, choice: "Choice") -> Receipt:
        from spyoncino.clients.telegram_errors import (  # noqa: PLC0415
            ChatMovedError,
            MessageGoneError,
        )
        from spyoncino.modules.telegram_post import RemoteMessage, compose  # noqa: PLC0415

        if self._client is None:
            raise DeliveryError("Telegram is not connected")
        target = int(delivery.key.target)
        chat = self.settings.chat(target)
        post = compose(delivery.alert, choice, chat.rank if chat else Role.VIEWER)
        shown = RemoteMessage.parse(delivery.remote_id)
        is_begun_anew = delivery.is_loud and not post.is_silent  # an edit makes no sound
        post = replace(post, is_silent=not is_begun_anew)  # nor what takes the place of one
        if shown is not None and not is_begun_anew:
            try:
                receipt = await self._edit(self._client, shown, post, choice)
            except (MessageGoneError, ChatMovedError) as error:
                self.context.log.info("a message is sent anew", target=target, why=str(error))
            else:
                self._doubtful.discard(delivery.key)
                return receipt
        chat_id = self._moved.get(target, target)
        post = await self._begin_try(delivery, post)
        try:
            return await self._send(delivery.key, chat_id, post, choice, shown)
        except ChatMovedError as error:
            self._moved[target] = error.chat_id
            self.context.log.warning(
                "a group has a new id, set it in telegram.chats", old=target, new=error.chat_id
            )
            return await self._send(delivery.key, error.chat_id, post, choice, shown)

    async def _choice(self, alert: AlertNotification) -> "Choice":
        from spyoncino.modules.telegram_post import choose  # noqa: PLC0415

        root = self.context.data.root
        choice = await asyncio.to_thread(choose, root, alert.media)
        if choice.note and alert.event is not None:  # too large: there may be a preview of it
            found = await self._media.of_event(alert.event_ref)
            previews = [each.path for each in found if each.kind is MediaKind.GIF]
            choice = await asyncio.to_thread(choose, root, [*alert.media, *previews])
        return choice

    async def _find_doubtful(self) -> None:
        """Messages of their own that a former run had sent, or was sending, when it was killed."""
        for delivery in await self._store.owed(self.channel, OWED_AT_ONCE):
            if delivery.reason.endswith(MAYBE):
                self._doubtful.add(delivery.key)
                self._maybe_twice += 1

    async def _begin_try(self, delivery: Delivery, post: "Post") -> "Post":
        """Note that a message of its own is on its way; one that may be there already says so.

        The Bot API knows no idempotency keys: who is killed before the answer is noted does not
        know more than that. A press that nobody is told of is worse than one that is told twice.
        """
        retry_at = delivery.retry_at or self.context.clock.utc_now()
        try:
            await self._store.postponed(delivery.key, delivery.attempts, retry_at, IN_TRY)
        except StorageError as error:  # telling comes before book-keeping
            self.context.log.warning("a try was not noted", why=str(error))
        if delivery.key not in self._doubtful:
            return post
        return replace(post, text=f"{post.text}\n{PERHAPS_TWICE}".strip())

    async def _send(
        self,
        key: DeliveryKey,
        chat_id: int,
        post: "Post",
        choice: "Choice",
        former: "RemoteMessage | None",
    ) -> Receipt:
        from spyoncino.clients.telegram_errors import TelegramUncertainError  # noqa: PLC0415
        from spyoncino.modules.telegram_post import RemoteMessage  # noqa: PLC0415

        if self._client is None:
            raise DeliveryError("Telegram is not connected")
        instead_of = former.message_id if former and former.chat_id == chat_id else None
        try:
            message_id = await self._client.send(chat_id, post, instead_of)
        except (TelegramUncertainError, asyncio.CancelledError):  # cancelled: the time was over
            self._doubtful.add(key)
            self._maybe_twice += 1
            raise
        self._doubtful.discard(key)
        shown = RemoteMessage(chat_id, message_id, choice.digest)
        return Receipt(str(shown), is_confirmed=True)

    async def _postpone(self, delivery: Delivery, error: Exception) -> None:
        """Keep the doubt in the row: a later failure that is certain does not end it."""
        if delivery.key in self._doubtful:
            asked_s = error.retry_after_s if isinstance(error, DeliveryError) else None
            is_later = isinstance(error, DeliveryLaterError)
            kind = DeliveryLaterError if is_later else DeliveryError
            error = kind(f"{sentence(error)}; {MAYBE}", asked_s)
        await super()._postpone(delivery, error)

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
