"""What a browser hands over when it wants to be told: an address and two keys (RFC 8291, 3.2)."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from spyoncino.clients.far_host import wrong_address

PUBLIC_KEY_BYTES: Final = 65
"""A point of P-256, uncompressed: 4 and two coordinates (RFC 8291, 3.1)."""

AUTH_BYTES: Final = 16
"""The authentication secret (RFC 8291, 3.2)."""

PRIVATE_KEY_BYTES: Final = 32
"""A number below the order of P-256."""

MAX_ENDPOINT_CHARACTERS: Final = 2000
"""Known push services stay below 700."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where and with which keys one browser is told; all of it is secret.

    Args:
        endpoint: Where its push service takes messages.
        public_key: Of the browser, ``PUBLIC_KEY_BYTES``.
        auth: ``AUTH_BYTES``.
    """

    endpoint: str = field(repr=False)
    public_key: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @classmethod
    def parse(cls, endpoint: str, p256dh: str, auth: str) -> "Subscription":
        """As a browser writes it: keys in base64url.

        Raises:
            ValueError: One sentence without what is secret.
        """
        if len(endpoint) > MAX_ENDPOINT_CHARACTERS:
            raise ValueError(f"the endpoint has more than {MAX_ENDPOINT_CHARACTERS} characters")
        if problem := wrong_address(endpoint):
            raise ValueError(f"the endpoint cannot be used: {problem}")
        public_key = unpacked(p256dh)
        if len(public_key) != PUBLIC_KEY_BYTES or public_key[0] != 4:
            raise ValueError("p256dh is no point of P-256")
        if len(unpacked(auth)) != AUTH_BYTES:
            raise ValueError(f"auth has not {AUTH_BYTES} bytes")
        return cls(endpoint, public_key, unpacked(auth))


def packed(value: bytes) -> str:
    """Base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def unpacked(text: str) -> bytes:
    """The bytes of base64url, with or without padding; none where it is something else."""
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return b""
