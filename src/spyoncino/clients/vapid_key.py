"""Who sends, for push services: a P-256 key that signs a short token (VAPID, RFC 8292).

Imported only by who tells by Web Push: ``py_vapid`` and ``cryptography`` belong to an extra.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException

from spyoncino.clients.push_subscription import PRIVATE_KEY_BYTES, packed, unpacked
from spyoncino.errors import DeliveryRefusedError, StorageError

TOKEN_LIFE: Final = timedelta(hours=12)
"""RFC 8292, 2: a token must not live longer than 24 hours; half leaves room for wrong clocks."""


class VapidKey:
    """The key pair of this house.

    Args:
        private_key: Base64url of ``PRIVATE_KEY_BYTES`` bytes.

    Raises:
        ValueError: It is no such key.
    """

    def __init__(self, private_key: str) -> None:
        if len(unpacked(private_key)) != PRIVATE_KEY_BYTES:
            raise ValueError(f"it is not base64url of {PRIVATE_KEY_BYTES} bytes")
        self._vapid = Vapid02.from_raw(private_key.rstrip("=").encode())

    @classmethod
    def load(cls, path: Path) -> "VapidKey":
        """Read it, or make it (readable by this user only); blocks on the file system.

        Browsers are bound to it: with another one each has to be asked again.

        Raises:
            StorageError: The file cannot be read or written, or holds no key.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return cls._read(path)
        except OSError as error:
            raise StorageError(
                f"the key for Web Push cannot be written to {path} ({error.strerror})"
            ) from error
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        text = packed(number.to_bytes(PRIVATE_KEY_BYTES, "big"))
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
        return cls(text)

    @classmethod
    def _read(cls, path: Path) -> "VapidKey":
        try:
            return cls(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it holds no key"
            raise StorageError(
                f"the key for Web Push cannot be read from {path} ({why}); without the file a new "
                "one is made, and every browser has to be asked again"
            ) from error

    @property
    def public_key(self) -> str:
        """What browsers are given, base64url of the uncompressed point."""
        key: ec.EllipticCurvePublicKey = self._vapid.public_key
        return packed(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def authorization(self, endpoint: str, contact: str, now: datetime) -> str:
        """The header of that name for one message.

        Args:
            endpoint: Where it goes; the token is for its origin alone.
            contact: ``mailto:`` or ``https:`` address of who sends.
            now: Wall time.

        Raises:
            DeliveryRefusedError: The library refuses the contact or the origin.
        """
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((now + TOKEN_LIFE).timestamp()),
            "sub": contact,
        }
        try:
            header: str = self._vapid.sign(claims)["Authorization"]
        except VapidException as error:
            raise DeliveryRefusedError(f"no token for a push service: {error}") from error
        return header
