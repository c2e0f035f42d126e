"""The address of a camera on the network, with and without its name and password."""

from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit, urlunsplit

DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""As registered with IANA."""


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """Where a stream is fetched.

    Args:
        shown: The address without name and password; what sentences and logs may say.
        host: Name or number of the machine.
        port: Its port.
        username: Empty without.
        password: Empty without.
    """

    shown: str
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, username: str = "", password: str = "") -> "StreamAddress":
        """Take an address apart.

        Args:
            url: The address; may carry ``name:password@``, with special letters as ``%40``.
            username: Wins over what the address carries.
            password: The same.

        Raises:
            ValueError: It is no address of a stream; the sentence quotes no secret.
        """
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("the port must be a number from 1 to 65535") from None
        if parts.scheme not in DEFAULT_PORTS:
            schemes = ", ".join(f"{scheme}://" for scheme in DEFAULT_PORTS)
            raise ValueError(f"the address must begin with one of {schemes}")
        if not host:
            raise ValueError("the address names no machine, as in rtsp://192.168.1.20/stream")
        if any(ord(letter) < 33 for letter in url.strip()):
            raise ValueError("the address must be one word, without spaces")
        place = f"[{host}]" if ":" in host else host
        place = f"{place}:{port}" if port else place
        return cls(
            shown=urlunsplit((parts.scheme, place, parts.path, parts.query, "")),
            host=host,
            port=port or DEFAULT_PORTS[parts.scheme],
            username=username or unquote(parts.username or ""),
            password=password or unquote(parts.password or ""),
        )

    @property
    def with_secrets(self) -> str:
        """The whole address, for the library that connects and for nobody else."""
        if not self.username and not self.password:
            return self.shown
        scheme, rest = self.shown.split("://", 1)
        account = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return f"{scheme}://{account}@{rest}"
