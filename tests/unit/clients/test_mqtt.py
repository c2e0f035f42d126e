"""A connection that cannot be made says why in a sentence; pauses grow and have an end."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from tests.fixtures.rtsp_camera import free_port

from spyoncino.clients.mqtt import LONGEST_PAUSE_S, Arrival, Broker, MqttLink, _pause_s
from spyoncino.clock import FakeClock
from spyoncino.errors import DeliveryError

BROKER = Broker(
    host="127.0.0.1",
    port=1,
    client_id="house",
    will_topic="house/status",
    will=b"offline",
    security="none",
    user="house",
    password="mqtt-s3cret",  # noqa: S106 - of a test
    timeout_s=1.0,
)


async def nothing() -> None:
    """Say nothing."""


async def ignore(arrival: Arrival) -> None:
    del arrival


def link(broker: Broker) -> MqttLink:
    return MqttLink(broker, (), nothing, ignore, FakeClock())


@contextmanager
def running(connection: MqttLink) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(connection.run())
    try:
        yield
    finally:
        task.cancel()


async def until_it_failed(connection: MqttLink) -> str:
    with running(connection):
        while not connection.last_error:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    return connection.last_error


async def test_a_broker_that_is_not_there_is_told_and_nothing_can_be_published() -> None:
    connection = link(replace(BROKER, port=free_port()))
    said = await until_it_failed(connection)
    assert "cannot be reached: " in said
    assert "mqtt-s3cret" not in said + repr(BROKER)
    with pytest.raises(DeliveryError, match="cannot be reached"):
        await connection.publish("a", b"", retain=False)
    assert not connection.is_connected


async def test_a_file_of_authorities_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none.pem"
    said = await until_it_failed(link(replace(BROKER, security="tls", certificate_file=file)))
    assert f"certificate_file {file} cannot be used" in said


@pytest.mark.parametrize(
    ("packet", "name", "sentence"),
    [
        (PacketTypes.CONNACK, "Bad user name or password", "refuses the user or the password"),
        (PacketTypes.CONNACK, "Not authorized", "refuses the user or the password"),
        (PacketTypes.DISCONNECT, "Session taken over", "give each house its own"),
        (PacketTypes.DISCONNECT, "Server shutting down", "ended the connection: Server shutting"),
    ],
)
def test_what_the_broker_answers_becomes_a_sentence(packet: int, name: str, sentence: str) -> None:
    async def said() -> str:
        await asyncio.sleep(0)
        return link(BROKER)._sentence(aiomqtt.MqttCodeError(ReasonCode(packet, name)))

    assert sentence in asyncio.run(said())


def test_pauses_grow_and_have_an_end() -> None:
    pauses = [_pause_s(failures) for failures in range(1, 2000)]
    assert 0.7 <= pauses[0] <= 1.0
    assert all(pause <= LONGEST_PAUSE_S for pause in pauses)
    assert min(pauses[10:]) >= 0.7 * LONGEST_PAUSE_S


class Refuser:
    """Talks as a broker does until it hangs up (MQTT 3.1.1, sections 3.2 and 3.9).

    Args:
        greeting: Answer to ``CONNECT``; empty: none.
        hangs_up_on: Type of the packet, four bits, at which it closes the connection.
    """

    def __init__(self, greeting: bytes, hangs_up_on: int) -> None:
        self._greeting = greeting
        self._hangs_up_on = hangs_up_on
        self.port = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(2):
            kind = head[0] >> 4
            await reader.read(head[1])
            if kind == self._hangs_up_on:
                break
            if kind == CONNECT:
                writer.write(self._greeting)
        writer.close()


CONNECT, PUBLISH = 1, 3
WELCOME, NOT_AUTHORIZED = b"\x20\x02\x00\x00", b"\x20\x02\x00\x05"


@pytest.mark.parametrize(
    ("greeting", "hangs_up_on"),
    [(WELCOME, PUBLISH), (NOT_AUTHORIZED, PUBLISH), (b"", CONNECT), (b"\x55\x00\x00\x00", PUBLISH)],
)
async def test_no_error_of_a_connection_is_left_for_the_loop_to_complain_about(
    greeting: bytes, hangs_up_on: int
) -> None:
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, facts: complaints.append(str(facts["message"])))
    broker = Refuser(greeting, hangs_up_on)
    async with await asyncio.start_server(broker.meet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]

        async def publish_in_vain() -> None:
            with suppress(DeliveryError):
                await connection.publish("a", b"", retain=False)
            raise DeliveryError("it is gone again")

        facts = replace(BROKER, port=port, protocol="3.1.1", timeout_s=0.2)
        connection = MqttLink(facts, (), publish_in_vain, ignore, FakeClock())
        await until_it_failed(connection)
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(0.01)
    gc.collect()
    await asyncio.sleep(0)
    assert "Future exception was never retrieved" not in complaints
