"""Finds ONVIF cameras by WS-Discovery: a question to everybody in the network, and their answers.

Asks for video transmitters and, because some cameras answer only to that, for devices. Every
answer is a stranger's: small, checked, without entities, and what cannot be read is counted.
"""

import asyncio
import contextlib
import errno
import fcntl
import socket
import struct
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from spyoncino.errors import SourceError
from spyoncino.hardware.small_xml import Element, parse_xml

MULTICAST = "239.255.255.250"
PORT = 3702
"""As registered with IANA for WS-Discovery."""

REPEATS_S = (0.0, 0.3, 0.9)
"""When the question is asked: multicast gets lost, above all over Wi-Fi."""

MAX_DEVICES = 512
MAX_ANSWERS = 8_192
MAX_ADDRESSES = 8
MAX_TEXT = 120
"""Letters of a name, bounded like everything that strangers send."""

_SCOPE = "onvif://www.onvif.org/"
_SIOCGIFADDR, _SIOCGIFFLAGS = 0x8915, 0x8913
_IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
"""From linux/sockios.h and linux/if.h."""

_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:t="{space}"><e:Header><w:MessageID>uuid:{number}</w:MessageID>
<w:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action e:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>
</e:Header><e:Body><d:Probe><d:Types>t:{kind}</d:Types></d:Probe></e:Body></e:Envelope>"""

_KINDS = (
    ("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter"),
    ("http://www.onvif.org/ver10/device/wsdl", "Device"),
)


@dataclass(frozen=True, slots=True)
class Interface:
    """A way into a network.

    Args:
        name: As the system calls it, for example ``eth0``.
        address: Its IPv4 address.
    """

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class OnvifDevice:
    """One camera that answered.

    Args:
        endpoint: Its own name for itself, which stays when its address changes.
        host: The address that the answer came from.
        name: What its owner or maker calls it; may be empty, as the next two.
        model: Hardware.
        location: Where it hangs.
        services: Addresses of its ONVIF service, those at ``host`` first.
    """

    endpoint: str
    host: str
    name: str
    model: str
    location: str
    services: tuple[str, ...]

    @property
    def service(self) -> str:
        """The ONVIF service at the machine that answered; empty when it names only others."""
        return next((each for each in self.services if urlsplit(each).hostname == self.host), "")


@dataclass(slots=True)
class Discovery:
    """What came back.

    Args:
        devices: Each camera once, in the order of their addresses.
        asked: Interfaces or machines that were asked.
        unasked: Those where asking failed, with the reason.
        answers: Datagrams that came, the following two included.
        unreadable: Answers that were no answer, or were made to harm.
        repeated: Answers of cameras that had answered before.
        left_out: Cameras and answers beyond the limits.
    """

    devices: list[OnvifDevice] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    unasked: dict[str, str] = field(default_factory=dict)
    answers: int = 0
    unreadable: int = 0
    repeated: int = 0
    left_out: int = 0


def ipv4_interfaces() -> list[Interface]:
    """Interfaces that are up, each with its first IPv4 address, loopback left out."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):  # it has no IPv4 address
                flags = fcntl.ioctl(asking, _SIOCGIFFLAGS, request)
                (bits,) = struct.unpack_from("=H", flags, 16)
                if not bits & _IFF_UP or bits & _IFF_LOOPBACK:
                    continue
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, request)
                found.append(Interface(name, socket.inet_ntoa(answer[20:24])))
    return found


async def discover(
    timeout_s: float,
    interfaces: Sequence[Interface] | None = None,
    hosts: Sequence[str] = (),
    port: int = PORT,
) -> Discovery:
    """Ask, and listen for some seconds.

    Args:
        timeout_s: How long to listen.
        interfaces: Through which; ``None`` for all.
        hosts: Machines to ask directly instead, which also reaches other networks.
        port: Where cameras listen.

    Raises:
        SourceError: There is no network, or the question could not be sent anywhere.
    """
    found = Discovery()
    loop = asyncio.get_running_loop()
    collector = _Collector(found)
    if hosts:
        ways = [(host, "0.0.0.0", host) for host in hosts]  # noqa: S104 -- listens to answers only
    else:
        chosen = ipv4_interfaces() if interfaces is None else interfaces
        ways = [(each.name, each.address, MULTICAST) for each in chosen]
    async with contextlib.AsyncExitStack() as open_until_done:
        sending = []
        for name, local, to in ways:
            try:
                where = (await loop.getaddrinfo(to, port, family=socket.AF_INET))[0][4]
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: collector, sock=_socket(local, is_multicast=not hosts)
                )
            except OSError as error:
                found.unasked[name] = _reason(error)
                continue
            open_until_done.callback(transport.close)
            sending.append((name, transport, (str(where[0]), port)))
        asking = asyncio.create_task(_ask(sending, collector))
        await asyncio.sleep(timeout_s)
        asking.cancel()
    found.unasked |= collector.failed
    found.asked = [name for name, _, _ in sending if name not in found.unasked]
    if not found.asked:
        raise SourceError(_not_asked(found))
    found.devices = sorted(collector.devices.values(), key=_order)
    return found


def device_of(answer: bytes, host: str) -> Iterable[OnvifDevice]:
    """The devices in an answer.

    Args:
        answer: A datagram.
        host: Who sent it.

    Raises:
        ValueError: It is no answer to our question.
    """
    envelope = parse_xml(answer)
    if envelope.name != "Envelope":
        raise ValueError("not an envelope of SOAP")
    matches = [each for each in envelope.walk() if each.name == "ProbeMatch"]
    if not matches:
        raise ValueError("not an answer to a probe")
    return [_device(match, host) for match in matches]


def _device(match: Element, host: str) -> OnvifDevice:
    endpoint = next(
        (each.text for each in match.walk() if each.name == "Address" and each.text.strip()), ""
    )
    services = [each for each in match.text_of("XAddrs").split() if _is_service(each)]
    services.sort(key=lambda each: urlsplit(each).hostname != host)
    scopes = match.text_of("Scopes").split()
    return OnvifDevice(
        endpoint=_clean(endpoint) or host,
        host=host,
        name=_scope(scopes, "name/"),
        model=_scope(scopes, "hardware/"),
        location=_scope(scopes, "location/"),
        services=tuple(services[:MAX_ADDRESSES]),
    )


def _scope(scopes: Sequence[str], kind: str) -> str:
    """The last word of the first scope of a kind; ``location/city/Bern`` gives ``Bern``."""
    for scope in scopes:
        if scope.lower().startswith(_SCOPE + kind):
            return _clean(unquote(scope[len(_SCOPE + kind) :].rsplit("/", 1)[-1]))
    return ""


def _clean(text: str) -> str:
    """One line without anything that a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:MAX_TEXT]


def _is_service(address: str) -> bool:
    if len(address) > 2 * MAX_TEXT or address != _clean(address.ljust(1))[: len(address)]:
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _order(device: OnvifDevice) -> tuple[bytes, str]:
    return socket.inet_aton(device.host), device.endpoint


def _socket(local: str, *, is_multicast: bool) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.bind((local, 0))
        if is_multicast:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(local))
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    except OSError:
        opened.close()
        raise
    return opened


async def _ask(
    sending: Sequence[tuple[str, asyncio.DatagramTransport, tuple[str, int]]],
    collector: "_Collector",
) -> None:
    probes = [
        _PROBE.format(space=space, kind=kind, number=uuid.uuid4()).encode()
        for space, kind in _KINDS
    ]
    waited_s = 0.0
    for at_s in REPEATS_S:
        await asyncio.sleep(at_s - waited_s)
        waited_s = at_s
        for name, transport, to in sending:
            collector.asking = name
            for probe in probes:
                transport.sendto(probe, to)


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "this name is not known"
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENODEV):
        return "it leads nowhere"
    return (error.strerror or type(error).__name__).lower()


def _not_asked(found: Discovery) -> str:
    if not found.unasked:
        return (
            "This computer has no network with an IPv4 address; connect it (`ip address` shows "
            "what there is)."
        )
    reasons = "; ".join(f"{name}: {reason}" for name, reason in found.unasked.items())
    return f"Nobody could be asked for cameras ({reasons}); check the network or the firewall."


class _Collector(asyncio.DatagramProtocol):
    """Takes answers in."""

    def __init__(self, found: Discovery) -> None:
        self.devices: dict[str, OnvifDevice] = {}
        self.failed: dict[str, str] = {}
        self.asking = ""
        self._found = found

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing to do."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep a device, or count why not."""
        found = self._found
        found.answers += 1
        if found.answers > MAX_ANSWERS:
            found.left_out += 1
            return
        try:
            devices = device_of(data, addr[0])
        except ValueError:
            found.unreadable += 1
            return
        for device in devices:
            if device.endpoint in self.devices:
                found.repeated += 1
            elif len(self.devices) >= MAX_DEVICES:
                found.left_out += 1
            else:
                self.devices[device.endpoint] = device

    def error_received(self, exc: OSError) -> None:  # type: ignore[override]  # asyncio gives OSError
        """A machine that is not there answers so; sending may fail as well."""
        if self.asking:
            self.failed[self.asking] = _reason(exc)
