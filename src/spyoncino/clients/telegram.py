"""Talks to Telegram's Bot API (core.telegram.org/bots/api) over HTTPS; knows no alerts.

What its answers mean is in ``clients.telegram_errors``.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp

from spyoncino.clients.http_session import HttpClient
from spyoncino.clients.pacing import Limit, Pacer
from spyoncino.clients.telegram_errors import (
    PostRefusedError,
    TelegramUncertainError,
    judged,
    unreachable,
)
from spyoncino.clock import Clock
from spyoncino.errors import DeliveryError, DeliveryLaterError, DeliveryRefusedError

MAX_TEXT: Final = 4096
"""Of a message ("sendMessage": text, 1-4096 characters); counted in UTF-16 units to be safe."""

MAX_CAPTION: Final = 1024
"""Of a picture or video ("sendPhoto": caption, 0-1024 characters)."""

MAX_PHOTO_BYTES: Final = 10_000_000
"""Of a photo ("Sending files": 10 MB max size for photos)."""

MAX_PHOTO_SIDES_PX: Final = 10_000
"""Of a photo, width and height together ("sendPhoto": must not exceed 10000 in total)."""

MAX_PHOTO_RATIO: Final = 20
"""Of a photo, longer to shorter side ("sendPhoto": ratio must be at most 20)."""

MAX_UPLOAD_BYTES: Final = 50_000_000
"""Of any other file ("Sending files": 50 MB for other files)."""

MAX_BUTTON_BYTES: Final = 64
"""Of what a button says when it is pressed ("InlineKeyboardButton": callback_data, 1-64 bytes)."""

MAX_PLACEHOLDER: Final = 64
"""Of the hint in an empty field ("ForceReply": input_field_placeholder, 1-64 characters)."""

PATIENCE_S: Final = 2.0
"""A pause that the pace wants is waited for so long; longer ones are no part of a try."""

MAX_ANSWER_BYTES: Final = 4_000_000
"""Of an answer; a hundred updates are far less."""

EVERYWHERE: Final = "everywhere"
ALL_CHATS: Final = (Limit(30, 1.0, 5),)
ONE_CHAT: Final = (Limit(3, 3.0, 1),)
ONE_GROUP: Final = (*ONE_CHAT, Limit(20, 60.0, 5))
"""Bots FAQ, "My bot is hitting limits": one message a second in a chat with short bursts, 20 a
minute in a group, about 30 a second altogether. Edits are counted as messages."""

UPDATES_WANTED: Final = ("message", "callback_query")

MediaType = Literal["photo", "video", "animation"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is shown in a message.

    Args:
        type: How it is shown; an animation is a GIF.
        file: Where it lies, or its bytes: then it is a JPEG.
    """

    type: MediaType
    file: Path | bytes


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message.

    Args:
        label: What is on it.
        data: What the bot is told when it is pressed, ``MAX_BUTTON_BYTES`` at most.
    """

    label: str
    data: str


@dataclass(frozen=True, slots=True)
class Post:
    """What a message shows.

    Args:
        title: First line, bold; may be empty.
        text: The rest; plain, nothing in it is markup.
        attachment: Picture or video; ``None``: text only.
        buttons: Rows of buttons.
        is_silent: Nobody's telephone makes a sound.
        question: Of a new message without buttons that wants an answer in words: what stands in the
            empty field, ``MAX_PLACEHOLDER`` characters at most.
    """

    title: str
    text: str
    attachment: Attachment | None = None
    buttons: tuple[tuple[Button, ...], ...] = ()
    is_silent: bool = False
    question: str = ""


class TelegramClient(HttpClient):
    """One bot; an async context manager that keeps its connections open.

    Args:
        token: Of the bot.
        api_url: Where the Bot API is; ``far_host.wrong_address`` has nothing against it.
        timeout_s: What one request may take.
        clock: Source of time for the pace.
    """

    def __init__(self, token: str, api_url: str, timeout_s: float, clock: Clock) -> None:
        super().__init__(None)
        self._base = f"{api_url.rstrip('/')}/bot{token}"
        self._timeout_s = timeout_s
        self._pacer = Pacer(clock)

    # --- messages --------------------------------------------------------------------------------

    async def send(self, chat_id: int, post: Post, instead_of: int | None = None) -> int:
        """Send a new message.

        Args:
            chat_id: Where to.
            post: What it shows.
            instead_of: A message there that goes when this one may come.

        Returns:
            The id of the message within its chat.

        Raises:
            ChatMovedError: The chat has another id now.
            TelegramUncertainError: It may have arrived; sending again may show it twice.
            DeliveryRefusedError: Telegram will never take it.
            DeliveryError: It did not take it now.
        """
        fields: dict[str, Any] = {"disable_notification": post.is_silent, **_buttons(post)}
        if post.question:  # an edit knows inline buttons only
            hint = post.question[:MAX_PLACEHOLDER]
            fields["reply_markup"] = {"force_reply": True, "input_field_placeholder": hint}
        if post.attachment is None:
            fields |= {**_words(post, "text", MAX_TEXT), "link_preview_options": _NO_PREVIEW}
            files: dict[str, Path | bytes] = {}
            method = "sendMessage"
        else:
            kind = post.attachment.type
            fields |= _words(post, "caption", MAX_CAPTION)
            if kind == "video":
                fields["supports_streaming"] = True  # it can be watched before it has come whole
            files = {kind: post.attachment.file}
            method = f"send{kind.capitalize()}"
        async with self._turn(chat_id, is_new=True):
            if instead_of is not None:
                await self._delete(chat_id, instead_of)
            sent = await self._call(method, {"chat_id": chat_id, **fields}, files)
        return int(sent["message_id"])

    async def _delete(self, chat_id: int, message_id: int) -> None:
        try:
            await self._call("deleteMessage", {"chat_id": chat_id, "message_id": message_id})
        except DeliveryRefusedError:
            return  # somebody did it before, or it is older than 48 h and stays
        except TelegramUncertainError as error:  # the new one was not sent: no doubt about that
            raise DeliveryError(f"the former message is not deleted yet: {error}") from None

    async def edit_words(
        self, chat_id: int, message_id: int, post: Post, *, has_media: bool
    ) -> None:
        """Change the words and buttons of a message, whose picture or video stays.

        Args:
            chat_id: Where it is.
            message_id: Its number there.
            post: Its words and buttons.
            has_media: Whether it shows a picture or video.

        Raises:
            MessageGoneError: It cannot be changed any more.
            DeliveryRefusedError: Telegram will never take it.
            DeliveryError: It did not take it now.
        """
        fields: dict[str, Any] = {"message_id": message_id, **_buttons(post)}
        if not has_media:
            fields |= {**_words(post, "text", MAX_TEXT), "link_preview_options": _NO_PREVIEW}
            method = "editMessageText"
        else:
            fields |= _words(post, "caption", MAX_CAPTION)
            method = "editMessageCaption"
        async with self._turn(chat_id):
            await self._call(method, {"chat_id": chat_id, **fields})

    async def edit_media(self, chat_id: int, message_id: int, post: Post) -> None:
        """Change everything of a message; one that was text only gets a picture or video.

        Raises:
            MessageGoneError: It cannot be changed any more.
            DeliveryRefusedError: Telegram will never take it.
            DeliveryError: It did not take it now.
        """
        if post.attachment is None:
            await self.edit_words(chat_id, message_id, post, has_media=False)
            return
        media = {
            "type": post.attachment.type,
            "media": "attach://file",
            **_words(post, "caption", MAX_CAPTION),
        }
        fields = {"message_id": message_id, "media": media, **_buttons(post)}
        files: dict[str, Path | bytes] = {"file": post.attachment.file}
        async with self._turn(chat_id):
            await self._call("editMessageMedia", {"chat_id": chat_id, **fields}, files)

    # --- what people ask -------------------------------------------------------------------------

    async def updates(self, offset: int | None, wait_s: float) -> list[dict[str, Any]]:
        """What happened since ``offset``; waits for the first so long.

        Args:
            offset: One more than the last that was taken, which is then forgotten by Telegram;
                negative: begin so many before the end and forget the rest.
            wait_s: 0: answer at once.

        Raises:
            DeliveryError: There is no answer now, or (refused) never.
        """
        fields: dict[str, Any] = {"timeout": round(wait_s), "allowed_updates": UPDATES_WANTED}
        if offset is not None:
            fields["offset"] = offset
        found = await self._call("getUpdates", fields, timeout_s=self._timeout_s + wait_s)
        return [each for each in found if isinstance(each, dict)]

    async def answer_button(self, query_id: str, text: str = "") -> None:
        """Say that a press of a button was seen.

        Raises:
            DeliveryRefusedError: It is too long ago.
            DeliveryError: It cannot be said now.
        """
        await self._call("answerCallbackQuery", {"callback_query_id": query_id, "text": text[:200]})

    async def set_commands(self, chat_id: int, commands: Mapping[str, str]) -> None:
        """Have Telegram offer commands in one chat: name to what it does.

        Raises:
            DeliveryError: It did not take them.
        """
        listed = [{"command": name, "description": text} for name, text in commands.items()]
        scope = {"type": "chat", "chat_id": chat_id}
        await self._call("setMyCommands", {"commands": listed, "scope": scope})

    # --- one request -----------------------------------------------------------------------------

    @asynccontextmanager
    async def _turn(self, chat_id: int, *, is_new: bool = False) -> AsyncIterator[None]:
        """Room for one request about a chat, not sooner than Telegram wants."""
        place = str(chat_id)
        if (blocked_s := self._pacer.blocked_s(place)) > 0:
            raise DeliveryLaterError("Telegram asked for a pause in this chat", blocked_s)
        in_chat = ONE_CHAT if chat_id > 0 else ONE_GROUP
        limits = {place: in_chat, EVERYWHERE: ALL_CHATS}
        async with self._pacer.turn(limits, is_new=is_new, patience_s=PATIENCE_S):
            try:
                yield
            except DeliveryError as error:
                if error.retry_after_s is not None:
                    self._pacer.block(place, error.retry_after_s)
                raise

    async def _call(
        self,
        method: str,
        fields: Mapping[str, Any],
        files: Mapping[str, Path | bytes] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Any:
        """One request; its ``result``, or ``{}`` where nothing was to be changed."""
        timeout = aiohttp.ClientTimeout(total=timeout_s or self._timeout_s)
        async with AsyncExitStack() as stack:
            body = await _body(fields, files or {}, stack)
            try:
                # A redirect would take the token to somebody who was not chosen.
                async with self._session.post(
                    f"{self._base}/{method}", timeout=timeout, allow_redirects=False, **body
                ) as response:
                    raw = await response.content.read(MAX_ANSWER_BYTES)
                    while part := await response.content.read(MAX_ANSWER_BYTES - len(raw)):
                        raw += part
                    return judged(response.status, raw)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise unreachable(error) from None  # the cause may hold the address


_NO_PREVIEW: Final = {"is_disabled": True}


def clipped(text: str, room: int) -> str:
    """The beginning of a text that has so many UTF-16 units at most."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * room:
        return text
    return units[: 2 * (room - 1)].decode("utf-16-le", errors="ignore") + "…"


def _words(post: Post, field: str, room: int) -> dict[str, Any]:
    """Title and text as plain words; the bold title is an entity, so nothing can be injected.

    "MessageEntity": offset and length are in UTF-16 code units.
    """
    title = clipped(" ".join(post.title.split()), room // 2)
    text = clipped("\n".join(part for part in (title, post.text.strip()) if part), room)
    words: dict[str, Any] = {field: text}
    if title:
        length = len(title.encode("utf-16-le")) // 2
        key = "entities" if field == "text" else "caption_entities"
        words[key] = [{"type": "bold", "offset": 0, "length": length}]
    return words


def _buttons(post: Post) -> dict[str, Any]:
    rows = [
        [
            {"text": button.label, "callback_data": button.data}
            for button in row
            if len(button.data.encode()) <= MAX_BUTTON_BYTES
        ]
        for row in post.buttons
    ]
    return {"reply_markup": {"inline_keyboard": [row for row in rows if row]}}


async def _body(
    fields: Mapping[str, Any], files: Mapping[str, Path | bytes], stack: AsyncExitStack
) -> dict[str, Any]:
    """JSON where no file travels, else a form whose nested fields are JSON ("Making requests")."""
    if not files:
        return {"json": fields}
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    for name, file in files.items():
        if isinstance(file, bytes):
            form.add_field(name, file, filename="picture.jpg", content_type="image/jpeg")
            continue
        try:
            opened = await asyncio.to_thread(file.open, "rb")
        except OSError as error:
            raise PostRefusedError(f"{file.name} cannot be read: {error.strerror}") from error
        stack.callback(opened.close)
        form.add_field(name, opened, filename=file.name)
    return {"data": form}


def listed(words: Sequence[str], room: int = MAX_TEXT) -> str:
    """As many lines as fit into one message, and how many did not."""
    kept: list[str] = []
    left = room - 40
    for number, line in enumerate(words):
        left -= len(line.encode("utf-16-le")) // 2 + 1
        if left < 0:
            kept.append(f"… and {len(words) - number} more")
            break
        kept.append(line)
    return "\n".join(kept)
