"""What a browser is told about one event: a small JSON document that always fits.

The service worker of the page (``web/static/push-worker.js``) reads it.
"""

import base64
import hashlib
import json
from typing import Any, Final
from urllib.parse import quote

from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.web.views import MEDIA_PREFIX

MAX_TITLE_CHARACTERS: Final = 120
"""Systems cut titles far earlier; more would take the text's place."""

MAX_ID_CHARACTERS: Final = 200
"""Ids of this program have 40; a longer one is replaced by its hash."""

TOPIC_BYTES: Final = 24
"""They become 32 characters of base64url, the most that RFC 8030, 5.4 allows."""

ELLIPSIS: Final = "…"

URGENCY: Final[dict[AlertPriority, str]] = {
    AlertPriority.LOW: "low",
    AlertPriority.NORMAL: "normal",
    AlertPriority.HIGH: "high",
}
"""RFC 8030, 5.3: a telephone that saves power is woken up for ``high`` alone."""


def topic_of(event_ref: str) -> str:
    """The same for all messages about one event, and nothing that a push service can read."""
    digest = hashlib.sha256(event_ref.encode()).digest()
    return base64.urlsafe_b64encode(digest[:TOPIC_BYTES]).decode()


def compose(alert: AlertNotification, max_bytes: int, *, with_picture: bool = True) -> bytes:
    """The document, as JSON in UTF-8.

    Args:
        alert: What is to be told.
        max_bytes: Where it would be larger, its text is shortened, then its picture left out.
        with_picture: Whether the address of its first picture comes along.

    Returns:
        At most ``max_bytes``, for any ``max_bytes`` of 1500 or more.
    """
    event_id = alert.event_ref
    if len(event_id) > MAX_ID_CHARACTERS:
        event_id = topic_of(event_id)
    document: dict[str, Any] = {
        "title": _cut(alert.title or alert.text, MAX_TITLE_CHARACTERS),
        "text": alert.text if alert.title else "",
        "event": event_id if alert.event is not None else "",
        "tag": event_id,
        "revision": alert.revision,
        "loud": alert.loud_revision,
        "final": alert.is_final,
        "time": int(alert.timestamp.timestamp() * 1000),
        "picture": _picture_url(alert) if with_picture else "",
    }
    if len(_packed({**document, "text": ""})) + len(ELLIPSIS.encode()) > max_bytes:
        document["picture"] = ""
    text = document["text"]
    low, high = 0, len(text)
    while low < high:  # the most characters that fit
        middle = (low + high + 1) // 2
        if len(_packed({**document, "text": _cut(text, middle)})) <= max_bytes:
            low = middle
        else:
            high = middle - 1
    return _packed({**document, "text": _cut(text, low)})


def _picture_url(alert: AlertNotification) -> str:
    """Relative to the page; a better picture has the same path, so its revision is part of it."""
    for path in alert.media:
        if path.endswith(".jpg"):
            return f"{MEDIA_PREFIX}{quote(path)}?v={alert.revision}"
    return ""


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return text[: most - 1].rstrip() + ELLIPSIS if most else ""


def _packed(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # half a surrogate pair cannot be told
