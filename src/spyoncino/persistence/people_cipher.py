"""Encryption of faces at rest: AES-256-GCM with a key from a file.

What makes a face recognisable is encrypted: vectors, pictures and what is noted about them. Names
are not; the event database has them too. The library is an extra, loaded with the first key.
"""

import base64
import binascii
import os
import secrets
from pathlib import Path
from typing import Any, Protocol

from spyoncino.errors import ConfigError, StorageError

KEY_BYTES = 32
"""AES-256."""

NONCE_BYTES = 12
"""What GCM wants (NIST SP 800-38D, 8.2); random ones are safe for 2**32 values under one key."""


class Cipher(Protocol):
    """Turns values into what is written, and back."""

    def seal(self, value: bytes, purpose: str) -> bytes:
        """What is written instead of the value; ``purpose`` must be the same when it is opened."""
        ...

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The value again.

        Raises:
            ValueError: The key or the purpose is another one, or the bytes were changed.
        """
        ...


class NoCipher:
    """Writes values as they are."""

    def seal(self, value: bytes, purpose: str) -> bytes:  # noqa: ARG002 - see Cipher
        """The value."""
        return value

    def open(self, sealed: bytes, purpose: str) -> bytes:  # noqa: ARG002 - see Cipher
        """The value."""
        return sealed


class KeyCipher:
    """AES-256-GCM; the purpose is authenticated, so a value cannot stand in another column.

    Args:
        key: ``KEY_BYTES`` bytes.

    Raises:
        StorageError: The library is not installed.
    """

    def __init__(self, key: bytes) -> None:
        try:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        except ImportError as error:
            raise StorageError(
                "the gallery is encrypted and the library for it is missing; "
                "install it with `pip install 'spyoncino[encryption]'`"
            ) from error
        self._invalid: type[Exception] = InvalidTag
        self._aes: Any = AESGCM(key)

    def seal(self, value: bytes, purpose: str) -> bytes:
        """A random nonce and the encrypted value; nothing for nothing."""
        if not value:
            return b""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + bytes(self._aes.encrypt(nonce, value, purpose.encode()))

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The value again."""
        if not sealed:
            return b""
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return bytes(self._aes.decrypt(nonce, body, purpose.encode()))
        except self._invalid as error:
            raise ValueError("another key, or the bytes were changed") from error


def read_key(path: Path) -> bytes:
    """The key in a file: 32 bytes as base64 or hexadecimal text, or as they are.

    Raises:
        ConfigError: It is missing, of another length, or others may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(
                f"the key file {path} can be read by other users; run `chmod 600 {path}`"
            )
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the key file {path} cannot be read ({error.strerror}); without it the faces stay "
            "locked: put it back, or name its place in gallery.key_file"
        ) from error
    for decoded in (content, *_decoded(content.strip())):
        if len(decoded) == KEY_BYTES:
            return decoded
    raise ConfigError(
        f"{path} is no key file: it should hold {KEY_BYTES} bytes as base64, as "
        "`spyoncino faces encrypt NEW-FILE` writes it"
    )


def write_new_key(path: Path) -> bytes:
    """Make a key and write it, readable by this user only; a file that is there is not touched.

    Raises:
        ConfigError: It cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be written ({error.strerror})") from error
    return key


def _decoded(text: bytes) -> list[bytes]:
    found = []
    for decode in (bytes.fromhex, lambda each: base64.b64decode(each, validate=True)):
        try:
            found.append(decode(text.decode("ascii")))
        except (ValueError, binascii.Error):
            continue
    return found
