"""What Telegram's answers mean: whether trying again can help, and in which way.

No address is ever in an error: it holds the token. The words of refusals are not promised to stay;
those that have no number of their own are told apart by them.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

from spyoncino.errors import DeliveryError, DeliveryRefusedError

_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")
_NOT_MODIFIED = "message is not modified"


class TelegramUncertainError(DeliveryError):
    """The answer got lost: nobody knows whether the message arrived."""


class MessageGoneError(DeliveryRefusedError):
    """The message cannot be edited any more: somebody deleted it, or it is too old."""


class PostRefusedError(DeliveryRefusedError):
    """This message is not taken as it is; another one would be."""


class ChatMovedError(DeliveryRefusedError):
    """A group became a supergroup, which has another id.

    Args:
        sentence: What happened.
        chat_id: The new id.
    """

    def __init__(self, sentence: str, chat_id: int) -> None:
        super().__init__(sentence)
        self.chat_id = chat_id


def judged(status: int, raw: bytes) -> Any:
    """What an answer says, or the error that it means ("Making requests", "ResponseParameters")."""
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise TelegramUncertainError(f"Telegram answered {status} with something that is no JSON")
    if answer.get("ok"):
        return answer.get("result")
    why = str(answer.get("description", "no reason"))
    parameters = answer.get("parameters") or {}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        pause_s = float(parameters.get("retry_after", 1))
        raise DeliveryError(f"Telegram wants a pause of {pause_s:g} s", pause_s)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TelegramUncertainError(f"Telegram answered {status}: {why}")
    if status == HTTPStatus.CONFLICT:
        raise DeliveryError(
            "another program asks Telegram with the same token: stop it, or give this one a bot "
            "of its own"
        )
    if status == HTTPStatus.BAD_REQUEST and _NOT_MODIFIED in why.lower():
        return {}
    raise _refusal(status, why, parameters)


def _refusal(status: int, why: str, parameters: Mapping[str, Any]) -> DeliveryRefusedError:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
        return DeliveryRefusedError(
            "Telegram does not know the token: set telegram.token as @BotFather gave it"
        )
    if "migrate_to_chat_id" in parameters:
        chat_id = int(parameters["migrate_to_chat_id"])
        return ChatMovedError(f"the group has the id {chat_id} now", chat_id)
    if status == HTTPStatus.FORBIDDEN:
        return DeliveryRefusedError(
            f"the bot may not write to this chat ({why}): unblock or add it"
        )
    if "chat not found" in why.lower():
        return DeliveryRefusedError(
            "there is no such chat for this bot: write /start to the bot in that chat, and take "
            "its id from the log"
        )
    if any(word in why.lower() for word in _GONE):
        return MessageGoneError(f"the message cannot be edited any more ({why})")
    return PostRefusedError(f"Telegram refused: {why}")


def unreachable(error: Exception) -> DeliveryError:
    """Why, without the address, and whether the request may have arrived all the same."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return DeliveryError("Telegram cannot be reached: its certificate is not trusted")
    if isinstance(error, aiohttp.ClientConnectorError):
        why = error.os_error.strerror or type(error).__name__
        return DeliveryError(f"Telegram cannot be reached: {why}")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return DeliveryError("Telegram cannot be reached: no connection in time")
    if isinstance(error, TimeoutError):
        return TelegramUncertainError("Telegram did not answer in time")
    return TelegramUncertainError(f"the connection to Telegram broke ({type(error).__name__})")
