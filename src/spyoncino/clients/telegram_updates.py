"""What somebody said to a bot, out of Telegram's updates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wrote to the bot, or pressed.

    Args:
        chat_id: Where.
        chat_type: private, group, supergroup or channel.
        text: What was written, or what the button says.
        sent_s: Unix time in seconds; ``None`` of a press: Telegram does not tell.
        query_id: Of a press, for its answer; empty for what was written.
        quoted: Words of the bot's message that is answered; empty: no answer to a bot.
    """

    chat_id: int
    chat_type: str
    text: str
    sent_s: float | None
    query_id: str
    quoted: str = ""


def said(update: Mapping[str, Any]) -> Said | None:
    """What an update ("Update") says; ``None`` where it is of another kind."""
    try:
        if "callback_query" in update:
            query = update["callback_query"]
            chat = query["message"]["chat"]
            return _said(chat, str(query["data"]), None, str(query["id"]))
        message = update["message"]
        text, sent_s = str(message["text"]), float(message["date"])
        return _said(message["chat"], text, sent_s, "", _quoted(message))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _said(
    chat: Mapping[str, Any], text: str, sent_s: float | None, query_id: str, quoted: str = ""
) -> Said:
    return Said(int(chat["id"]), str(chat.get("type", "")), text, sent_s, query_id, quoted)


def _quoted(message: Mapping[str, Any]) -> str:
    """Words of the message that is answered ("Message": reply_to_message), if a bot wrote it.

    What a person wrote is no question of the bot's, whatever it looks like. Telegram hands a bot
    none of another bot's messages, but it may quote one.
    """
    answered = message.get("reply_to_message")
    if not isinstance(answered, Mapping) or not answered.get("from", {}).get("is_bot"):
        return ""
    return str(answered.get("caption") or answered.get("text") or "")
