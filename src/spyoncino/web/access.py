"""Who may come in: Host, Origin and the access token, checked on every request.

Loopback needs no token. A request counts as loopback only when its address *and* its Host are, and
no proxy says that it passes somebody else on. Names in Host are limited against DNS rebinding;
plain addresses are safe there.
"""

import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from spyoncino.errors import StorageError
from spyoncino.web.token_page import OPEN_FILES, token_page

COOKIE = "spyoncino_access"
COOKIE_MAX_AGE_S = 365 * 24 * 3600
TOKEN_BYTES = 24
"""192 random bits: cannot be guessed, so guesses need no counting."""

OPEN_PATHS = frozenset({"/health/live", "/health/ready"}) | OPEN_FILES
"""Say nothing of the house: yes or no for monitors, and how the page for the token looks."""

PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The secret that other machines show.

    Args:
        value: The secret.
        is_new: Made just now: the person has not seen it yet.
    """

    value: str
    is_new: bool

    @classmethod
    def load(cls, path: Path) -> "AccessToken":
        """Read it, or make it (readable by this user only); blocks on the file system.

        Raises:
            StorageError: The file cannot be written or read, or is empty.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return cls(_read_token(path), is_new=False)
        except OSError as error:
            raise StorageError(
                f"the access token cannot be written to {path} ({error.strerror})"
            ) from error
        value = secrets.token_urlsafe(TOKEN_BYTES)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{value}\n")
        return cls(value, is_new=True)


def _read_token(path: Path) -> str:
    try:
        value = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the access token cannot be read from {path} ({error})") from error
    if not value:
        raise StorageError(f"{path} is empty; remove it and a new access token is made")
    return value


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The rules.

    Args:
        token: What other machines must show.
        allowed_hosts: Names under which this machine may be called, in small letters, besides
            localhost and plain addresses.
    """

    token: str
    allowed_hosts: frozenset[str] = frozenset()

    @classmethod
    def for_this_machine(cls, token: str, more_hosts: tuple[str, ...] = ()) -> "AccessPolicy":
        """Allow the machine's own name, also as ``name.local``, and those that were set."""
        own = socket.gethostname().lower()
        names = {own, f"{own.partition('.')[0]}.local", *(host.lower() for host in more_hosts)}
        return cls(token, frozenset(names))


class AccessGuard:
    """ASGI: answers what may not come in, passes on the rest.

    Args:
        app: What is guarded.
        policy: The rules.
    """

    def __init__(self, app: ASGIApp, policy: AccessPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = self._answer(scope, Headers(scope=scope))
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})  # policy violation, RFC 6455

    def _answer(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to what may not come in, or that strips the token off an address."""
        host = headers.get("host", "")
        name = _host_name(host)
        if not self._is_ours(name):
            return _refusal(
                HTTPStatus.BAD_REQUEST,
                f"This machine does not answer to the name {name[:80]!r}. "
                "If it is its name, add it to web.allowed_hosts.",
            )
        if _is_foreign(headers, host):
            return _refusal(
                HTTPStatus.FORBIDDEN, "Another site may not use this page in your name."
            )
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        if scope["type"] == "http" and self._is_token(query.get("token", "")):
            return self._let_in(scope, query)
        if (
            scope["path"] in OPEN_PATHS
            or _is_loopback(scope, name, headers)
            or self._is_token(_shown_token(headers))
        ):
            return None
        if scope["type"] == "http" and "text/html" in headers.get("accept", ""):
            return token_page(was_wrong="token" in query)
        return _refusal(
            HTTPStatus.UNAUTHORIZED,
            "From another machine this page needs its access token: open it once as "
            f"http://{host}/?token=TOKEN. The first start has printed it; it is kept in the "
            "file access-token of the data folder.",
        )

    def _is_ours(self, name: str) -> bool:
        return (
            name == "localhost" or _address(name) is not None or name in self._policy.allowed_hosts
        )

    def _is_token(self, shown: str) -> bool:
        return bool(shown) and secrets.compare_digest(shown.encode(), self._policy.token.encode())

    def _let_in(self, scope: Scope, query: dict[str, str]) -> Response:
        """Keep the token in a cookie and take it out of the address bar and the history."""
        rest = urlencode({name: value for name, value in query.items() if name != "token"})
        path = "/" + scope["path"].lstrip("/\\")  # "//name" would lead to another machine
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            COOKIE,
            self._policy.token,
            max_age=COOKIE_MAX_AGE_S,
            httponly=True,
            samesite="lax",  # strict would forget it when the address was a link in a message
        )
        return answer


def _refusal(status: HTTPStatus, sentence: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return PlainTextResponse(f"{sentence}\n", status, headers)


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_foreign(headers: Headers, host: str) -> bool:
    """Whether a page of somebody else asks; browsers say so, and scripts there cannot lie."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return True
    site = headers.get("sec-fetch-site", "none")
    return site not in ("none", "same-origin") and headers.get("sec-fetch-mode") != "navigate"


def _is_loopback(scope: Scope, name: str, headers: Headers) -> bool:
    client = _address((scope.get("client") or ("", 0))[0])
    host = _address(name)
    return (
        client is not None
        and client.is_loopback
        and (name == "localhost" or (host is not None and host.is_loopback))
        and not any(header in headers for header in PROXY_HEADERS)
    )


def _shown_token(headers: Headers) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
