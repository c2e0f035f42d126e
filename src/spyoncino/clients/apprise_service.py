"""Tells through any of the services that the library Apprise speaks to; the library blocks.

Apprise says in its log only why something failed, and a log line of a stranger's plug-in may hold a
secret: of those lines nothing is kept but an HTTP status.
"""

import importlib.util
import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from spyoncino.clients.far_host import is_loopback
from spyoncino.errors import DeliveryError, DeliveryRefusedError

if TYPE_CHECKING:
    from apprise import AppriseAsset
    from apprise.plugins import NotifyBase

INSTALL: Final = "install it with `pip install 'spyoncino[apprise]'`"

ON_THIS_MACHINE: Final = frozenset(
    {"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}
)
"""Services without TLS that reach nobody outside: the desktop, the system's log, a light."""

PASSING: Final = frozenset({408, 409, 425, 429})
"""Refusals that may pass (RFC 9110, 8470 and 6585); every other 4xx says the same next time."""

_STATUS = re.compile(r"\berror=(\d{3})\b")
"""How Apprise's plug-ins write the status of an answer into their log."""


@dataclass(frozen=True, slots=True)
class Note:
    """One message.

    Args:
        title: One line.
        text: The rest.
        picture: A file to come with it, where the service takes files.
        is_urgent: Told to services that know a difference.
    """

    title: str
    text: str
    picture: Path | None = None
    is_urgent: bool = False


def is_installed() -> bool:
    """Whether the library is there; it is not imported for that."""
    return importlib.util.find_spec("apprise") is not None


def wrong_service(url: str) -> str:
    """What is wrong with the address of a service that is to be told something private.

    Returns:
        One sentence without what may be secret in the address; empty when it is right.
    """
    service = _service(url)
    scheme = url.partition("://")[0].lower()
    if service is None and scheme in ON_THIS_MACHINE:
        return f"{scheme}:// does not work here: see Apprise's page for the library that it needs"
    if service is None:
        named = f"{scheme}://" if re.fullmatch(r"[a-z0-9]{1,20}", scheme) else "it"
        return f"{named} is no address that Apprise understands: see its page about that service"
    if getattr(service, "verify_certificate", True) is False:
        return "verify=no lets anybody listen: leave it out"
    if scheme in _schemes(service.secure_protocol) or scheme in ON_THIS_MACHINE:
        return ""
    host = getattr(service, "host", None)
    if isinstance(host, str) and is_loopback(host):
        return ""
    secure = sorted(_schemes(service.secure_protocol))
    hint = f"use {secure[0]}://" if secure else "it knows no TLS"
    return f"{scheme}:// would be read by everybody on the way: {hint}"


def send(url: str, note: Note, timeout_s: float) -> None:
    """Tell one service; blocks until it has answered.

    Who is taken for dead too soon has the message and gets it again: the library waits 4 s for
    each part of an answer unless the address says otherwise (``rto``).

    Args:
        url: Its address.
        note: What it is told.
        timeout_s: What it may take to answer.

    Raises:
        DeliveryRefusedError: It will never take it.
        DeliveryError: It did not take it now.
    """
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415

    service = _service(url)
    if service is None:
        raise DeliveryRefusedError("Apprise does not understand the address")
    if service.socket_read_timeout == type(service).socket_read_timeout:
        service.socket_read_timeout = timeout_s
    takes_file = note.picture is not None and service.attachment_support
    with _Statuses() as statuses:
        is_told = service.notify(
            title=note.title,
            body=note.text,
            body_format=NotifyFormat.TEXT,
            notify_type=NotifyType.WARNING if note.is_urgent else NotifyType.INFO,
            attach=[str(note.picture)] if takes_file else None,
        )
    if is_told:
        return
    status = statuses.last
    if status is None:
        raise DeliveryError(f"{service.service_name} was not reached or did not take it")
    sentence = f"{service.service_name} answered {status}"
    if 400 <= status < 500 and status not in PASSING:
        raise DeliveryRefusedError(sentence)
    raise DeliveryError(sentence)


def _asset() -> "AppriseAsset":
    from apprise import AppriseAsset  # noqa: PLC0415

    return AppriseAsset(
        app_id="Spyoncino",
        app_desc="Spyoncino",
        async_mode=False,
        # A redirect would take the message to somebody who was not chosen.
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
    )


def _service(url: str) -> "NotifyBase | None":
    """A new one each time: it is cheap, and remembers nothing of other messages."""
    with _Statuses():  # what is wrong with an address is said by us, without the address
        import apprise  # noqa: PLC0415

        return apprise.Apprise.instantiate(url, asset=_asset())


def _schemes(named: object) -> frozenset[str]:
    if isinstance(named, str):
        return frozenset({named})
    if isinstance(named, list | tuple | set | frozenset):
        return frozenset(str(each) for each in named)
    return frozenset()


class _Statuses(logging.Handler):
    """The HTTP statuses that this thread's sending wrote into Apprise's log; no line goes on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.last: int | None = None

    def __enter__(self) -> Self:
        logger = logging.getLogger("apprise")
        logger.propagate = False
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the status only."""
        if record.thread == self._thread and (found := _STATUS.search(record.getMessage())):
            self.last = int(found[1])


def first_wrong(services: Mapping[str, str]) -> str:
    """The first address that cannot be used, by its name, and why; empty when all are right."""
    for name, url in services.items():
        if problem := wrong_service(url):
            return f"{name}: {problem}"
    return ""
