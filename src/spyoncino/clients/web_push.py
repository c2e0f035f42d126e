"""Hands messages to the push services of browsers (RFC 8030), encrypted for the browser (RFC 8291).

Imported only by who tells by Web Push: ``http_ece`` and ``cryptography`` belong to an extra.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

import aiohttp
import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from spyoncino.clients.http_session import HttpClient
from spyoncino.clients.push_subscription import Subscription
from spyoncino.clients.vapid_key import VapidKey
from spyoncino.clients.webhook import cause, retry_after_s
from spyoncino.errors import DeliveryError, DeliveryRefusedError

MAX_BODY_BYTES: Final = 4096
"""What every push service takes (RFC 8030, 7.2); more may be answered by 413."""

MAX_MESSAGE_BYTES: Final = 3993
"""What of it is left after header, padding delimiter and tag (RFC 8291, 4)."""

MAX_ANSWER_BYTES: Final = 4096
"""Of an answer only so much is read: nothing but its status counts."""

_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""The subscription has ended: RFC 8030, 7.3, and what services answer in its place."""

_PASSING: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Refusals that may pass (RFC 9110, 8470, and 8030, 8.4)."""


class SubscriptionGoneError(DeliveryRefusedError):
    """The browser has ended its subscription, or its push service has."""


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One message for one browser.

    Args:
        body: At most ``MAX_MESSAGE_BYTES``.
        topic: One that is not delivered yet is replaced by the next of the same topic; at most 32
            characters of base64url (RFC 8030, 5.4).
        ttl_s: How long the service keeps it for a browser that is away (RFC 8030, 5.2).
        urgency: ``low``, ``normal`` or ``high`` (RFC 8030, 5.3).
    """

    body: bytes
    topic: str
    ttl_s: int
    urgency: str


class WebPushClient(HttpClient):
    """Speaks to push services; an async context manager that keeps connections open.

    Args:
        key: Of this house.
        contact: Whom a push service writes to before it blocks somebody.
        timeout_s: What one request may take.
    """

    def __init__(self, key: VapidKey, contact: str, timeout_s: float) -> None:
        super().__init__(timeout_s)
        self._key = key
        self._contact = contact

    async def push(self, to: Subscription, message: PushMessage, now: datetime) -> None:
        """Hand over one message; the service brings it to the browser when it can.

        Raises:
            SubscriptionGoneError: Nobody will ever read it there.
            DeliveryRefusedError: The service will never take it.
            DeliveryError: It did not take it now.
        """
        body = encrypted(to, message.body)
        headers = {
            "Authorization": self._key.authorization(to.endpoint, self._contact, now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(message.ttl_s),
            "Topic": message.topic,
            "Urgency": message.urgency,
            "User-Agent": "spyoncino",
        }
        try:
            # A redirect would take the message to somebody whom the browser did not choose.
            async with self._session.post(
                to.endpoint, data=body, headers=headers, allow_redirects=False
            ) as response:
                await response.content.read(MAX_ANSWER_BYTES)
                _judge(response.status, response.headers.get("Retry-After"), now)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeliveryError(f"the push service cannot be reached: {cause(error)}") from error


def encrypted(to: Subscription, body: bytes) -> bytes:
    """The body that only this browser can read, one record of aes128gcm (RFC 8188 and 8291).

    Args:
        to: The browser.
        body: 1 to ``MAX_MESSAGE_BYTES`` bytes; of nothing the library makes no record.

    Raises:
        DeliveryRefusedError: The browser's key is none.
    """
    try:
        sealed: bytes = http_ece.encrypt(
            body,
            salt=os.urandom(16),
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=to.public_key,
            auth_secret=to.auth,
            version="aes128gcm",
            rs=MAX_BODY_BYTES,
        )
    except (http_ece.ECEException, ValueError) as error:
        raise DeliveryRefusedError("the browser's key cannot be used") from error
    return sealed


def _judge(status: int, retry_after: str | None, now: datetime) -> None:
    if 200 <= status < 300:
        return
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    sentence = f"the push service answered {status} {phrase}".rstrip()
    if status in _GONE:
        raise SubscriptionGoneError(f"{sentence}: this browser is told no more")
    if status in _PASSING or status >= 500:
        raise DeliveryError(sentence, retry_after_s(retry_after, now))
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        sentence += "; if the key of this house was changed, press the button on the page again"
    raise DeliveryRefusedError(sentence)
