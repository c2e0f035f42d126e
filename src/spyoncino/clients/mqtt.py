"""A connection to an MQTT broker that comes back by itself (OASIS MQTT 5.0 and 3.1.1).

Everything is published with quality of service 1: a publication has succeeded when the broker has
acknowledged it. The last will is told by the broker when this program vanishes without a goodbye.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import aiomqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from spyoncino.clock import Clock
from spyoncino.errors import DeliveryError, DeliveryRefusedError

FIRST_PAUSE_S: Final = 1.0
"""Pause before the second try to connect; it doubles with each further."""

LONGEST_PAUSE_S: Final = 60.0
"""A broker of the house is usually back within minutes; one connection a minute harms nobody."""

STEADY_S: Final = 30.0
"""A connection that held so long was a good one: the next pause is the first again."""

JITTER: Final = 0.3
"""Share of a pause that chance may take off."""

KEEPALIVE_S: Final = 30
"""A silent connection is asked so often; the broker tells the will after one and a half times."""

MAX_WAITING: Final = 256
"""Messages from the broker that wait to be handled; only orders come that way."""

AT_LEAST_ONCE: Final = 1
"""The quality of service of everything (MQTT 5.0, section 4.3.2)."""

_REFUSES_USER: Final = frozenset({0x86, 0x87})
"""Bad user name or password, and not authorized (MQTT 5.0, section 3.2.2.2)."""

_TAKEN_OVER: Final = 0x8E
"""Somebody else has connected with the same client id (MQTT 5.0, section 3.14.2.1)."""


class _Client(aiomqtt.Client):
    """Remembers what the broker said about itself when it let us in; the library forgets it."""

    largest_packet_bytes: int | None = None
    """Maximum Packet Size (MQTT 5.0, section 3.2.2.3.6); ``None``: any, or nothing was said."""

    def _on_connect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        largest = getattr(properties, "MaximumPacketSize", None)
        self.largest_packet_bytes = largest if isinstance(largest, int) else None
        super()._on_connect(client, userdata, flags, reason_code, properties)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to connect, and as whom.

    Args:
        host: Name or address.
        port: Usually 8883 with TLS and 1883 without.
        client_id: The same for ever; two clients of one broker may not share it.
        will_topic: Where the broker tells, retained, that this program has vanished.
        will: What it tells there.
        security: ``none`` only where nobody can listen.
        user: Who logs in; empty: nobody.
        password: Of the user.
        certificate_file: Authorities to trust instead of the system's, PEM.
        protocol: Version of MQTT.
        timeout_s: What connecting, and each acknowledgement, may take.
    """

    host: str
    port: int
    client_id: str
    will_topic: str
    will: bytes
    security: Literal["tls", "none"] = "tls"
    user: str = ""
    password: str = field(default="", repr=False)
    certificate_file: Path | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message from the broker.

    Args:
        topic: Where it was published.
        payload: Its bytes.
        is_retained: It was published before this connection began.
    """

    topic: str
    payload: bytes
    is_retained: bool


class MqttLink:
    """Keeps connected while ``run`` runs.

    Args:
        broker: Where to.
        topics: What to hear.
        on_connected: Awaited after each connection, with everything subscribed; when it raises
            ``DeliveryError``, the connection is given up and begun anew.
        on_arrival: Takes what comes in, one message after the other.
        clock: For the pauses.
    """

    def __init__(
        self,
        broker: Broker,
        topics: tuple[str, ...],
        on_connected: Callable[[], Awaitable[None]],
        on_arrival: Callable[[Arrival], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._on_connected = on_connected
        self._on_arrival = on_arrival
        self._clock = clock
        self._client: _Client | None = None
        self._up = asyncio.Event()
        self.connections = 0
        self.last_error = ""

    @property
    def is_connected(self) -> bool:
        """Whether the broker listens now."""
        return self._client is not None

    async def wait_connected(self) -> None:
        """Return as soon as the broker listens."""
        await self._up.wait()

    async def run(self) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled."""
        failures = 0
        while True:
            begun_ns = self._clock.monotonic_ns()
            try:
                await self._live()
            except (aiomqtt.MqttError, DeliveryError, OSError) as error:
                self.last_error = self._sentence(error)
            held_s = (self._clock.monotonic_ns() - begun_ns) / 1e9
            failures = 1 if held_s >= STEADY_S else failures + 1
            await self._clock.sleep(_pause_s(failures))

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish and wait for the acknowledgement.

        Raises:
            DeliveryRefusedError: The broker takes no packet of this size; it was not sent.
            DeliveryError: There is no connection, or no acknowledgement in time.
        """
        client = self._client
        if client is None:
            raise DeliveryError(self.last_error or f"{self._where} is not connected yet")
        size_bytes, largest = packet_bytes(topic, payload), client.largest_packet_bytes
        if largest is not None and size_bytes > largest:
            raise DeliveryRefusedError(
                f"{self._where} takes {largest} bytes at most, and this has {size_bytes}; "
                "raise max_packet_size there"
            )
        try:
            await client.publish(topic, payload, qos=AT_LEAST_ONCE, retain=retain)
        except aiomqtt.MqttError as error:
            raise DeliveryError(self._sentence(error)) from error

    async def _live(self) -> None:
        """One connection, until it is lost."""
        client = await self._new_client()
        try:
            await self._live_with(client)
        finally:
            _retrieve_errors(client)

    async def _live_with(self, client: _Client) -> None:
        async with client:
            for topic in self._topics:
                await client.subscribe(topic, qos=AT_LEAST_ONCE)
            self._client = client
            try:
                await self._on_connected()
                self.last_error = ""
                self.connections += 1
                self._up.set()
                async for message in client.messages:
                    payload = message.payload
                    data = payload if isinstance(payload, bytes) else str(payload).encode()
                    await self._on_arrival(Arrival(message.topic.value, data, message.retain))
            finally:
                self._client = None
                self._up.clear()

    async def _new_client(self) -> _Client:
        broker = self._broker
        tls = None
        if broker.security == "tls":
            tls = await asyncio.to_thread(_trust, broker.certificate_file)
        is_5 = broker.protocol == "5"
        return _Client(
            broker.host,
            broker.port,
            username=broker.user or None,
            password=broker.password or None,
            identifier=broker.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if is_5 else aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(broker.will_topic, broker.will, AT_LEAST_ONCE, retain=True),
            # A fresh client begins a clean session: what was missed is told anew, and orders are
            # not kept for later.
            timeout=broker.timeout_s,
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=MAX_WAITING,
            tls_context=tls,
        )

    @property
    def _where(self) -> str:
        return f"the MQTT broker {self._broker.host}:{self._broker.port}"

    def _sentence(self, error: Exception) -> str:
        """Why, in one sentence that holds no secret."""
        if isinstance(error, DeliveryError):
            return str(error)
        if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
            return f"{self._where} {self._refusal(error.rc)}"
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return f"{self._where} has a certificate that is not trusted; set mqtt.certificate_file"
        if isinstance(error, OSError):
            return f"certificate_file {self._broker.certificate_file} cannot be used: {text}"
        return f"{self._where} cannot be reached: {text}"

    def _refusal(self, code: ReasonCode) -> str:
        if code.value in _REFUSES_USER:
            return "refuses the user or the password; check mqtt.user and mqtt.password"
        if code.value == _TAKEN_OVER:
            return (
                f"has let somebody else in as {self._broker.client_id!r}; "
                "give each house its own mqtt.topic_prefix"
            )
        return f"ended the connection: {code}"


def packet_bytes(topic: str, payload: bytes) -> int:
    """Size of the packet that publishes this (MQTT 5.0, sections 2.1 and 3.3).

    After a byte and the length of the rest in seven bits each come topic and its length, the
    packet's number, the length of the properties, of which there are none, and the payload.
    """
    rest = 2 + len(topic.encode()) + 2 + 1 + len(payload)
    return 1 + max(1, -(-rest.bit_length() // 7)) + rest


def _retrieve_errors(client: aiomqtt.Client) -> None:
    """Take why a connection ended from the futures in which the library keeps it.

    Leaving the client does not: whoever leaves it for another reason (no acknowledgement in time,
    the end of the program) would have the loop complain that an exception was never retrieved.
    """
    for future in (client._connected, client._disconnected):  # noqa: SLF001 - it has no other way
        future.add_done_callback(lambda done: done.cancelled() or done.exception())


def _pause_s(failures: int) -> float:
    doubled_s = FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10)
    chance = random.random()  # noqa: S311 - no secret hangs on it
    return min(LONGEST_PAUSE_S, doubled_s) * (1 - JITTER * chance)


def _trust(certificate_file: Path | None) -> ssl.SSLContext:
    """Whom to believe; reads files."""
    context = ssl.create_default_context(cafile=certificate_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
