"""Posts signed JSON documents to a web address.

The signature is HMAC-SHA256 (RFC 2104) with the shared secret over ``<timestamp>.<body>``; who
checks that the timestamp is fresh and remembers idempotency keys cannot be fooled by a repetition.
"""

import email.utils
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from spyoncino.clients.http_session import HttpClient
from spyoncino.errors import DeliveryError, DeliveryRefusedError

TIMESTAMP: Final = "X-Spyoncino-Timestamp"
SIGNATURE: Final = "X-Spyoncino-Signature"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"

MAX_ANSWER_BYTES: Final = 4096
"""Of an answer only so much is read: nothing but its status counts."""

_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Refusals that may pass (RFC 9110, 8470 and 6585); every other 4xx says the same next time."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the receiver compares, as ``sha256=<hex>``."""
    text = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class WebhookClient(HttpClient):
    """One receiver; an async context manager that keeps its connection open.

    Args:
        url: Where to post; ``far_host.wrong_address`` has nothing against it.
        secret: Shared with the receiver; empty: nothing is signed.
        timeout_s: What one request may take.
    """

    def __init__(self, url: str, secret: str, timeout_s: float) -> None:
        super().__init__(timeout_s)
        self._url = url
        self._secret = secret

    async def post(self, document: Mapping[str, Any], key: str, now: datetime) -> None:
        """Post one document.

        Args:
            document: Becomes JSON.
            key: The same for each repetition of the document and for no other.
            now: Wall time, signed with it.

        Raises:
            DeliveryRefusedError: The receiver will never take it.
            DeliveryError: It did not take it now.
        """
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "spyoncino",
            IDEMPOTENCY_KEY: key,
            TIMESTAMP: timestamp,
        }
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, timestamp, body)
        try:
            # A redirect would take the document to somebody who was not chosen.
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                await response.content.read(MAX_ANSWER_BYTES)
                judge("the webhook", response.status, response.headers.get("Retry-After"), now)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeliveryError(f"the webhook cannot be reached: {cause(error)}") from error


def judge(who: str, status: int, retry_after: str | None, now: datetime) -> None:
    """Nothing for a success.

    Args:
        who: Answered, for people.
        status: Of the answer.
        retry_after: Its header of that name.
        now: Wall time.

    Raises:
        DeliveryRefusedError: It will say the same next time.
        DeliveryError: It may pass.
    """
    if 200 <= status < 300:
        return
    sentence = f"{who} answered {status} {_phrase(status)}".rstrip()
    if status in _PASSING or status >= 500:
        raise DeliveryError(sentence, retry_after_s(retry_after, now))
    if 300 <= status < 400:
        raise DeliveryRefusedError(f"{sentence}: set the address to which it redirects")
    raise DeliveryRefusedError(sentence)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110, section 10.2.3).

    Returns:
        ``None`` where there is none that can be read.
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def cause(error: Exception) -> str:
    """Why, without the address: it may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or type(error).__name__
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return type(error).__name__
