import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from spyoncino.host.notify import ServiceManager


@pytest.fixture
def manager_socket() -> Iterator[tuple[str, socket.socket]]:
    """What systemd would listen on, with an abstract name: paths may be too long for a socket."""
    address = f"@spyoncino-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + address[1:])
        ear.settimeout(5)
        yield address, ear


def test_ready_reaches_the_service_manager(manager_socket: tuple[str, socket.socket]) -> None:
    address, ear = manager_socket
    assert ServiceManager.from_environment({"NOTIFY_SOCKET": address}).tell("READY=1", "STATUS=up")
    assert ear.recv(200) == b"READY=1\nSTATUS=up"


def test_a_socket_with_a_path_is_reached_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("notify")
        assert ServiceManager("notify").tell("READY=1")
        assert ear.recv(100) == b"READY=1"


def test_without_a_service_manager_nothing_is_sent() -> None:
    manager = ServiceManager.from_environment({})
    assert manager.watchdog_s == 0
    assert not manager.tell("READY=1")


def test_a_manager_that_is_gone_stops_nothing() -> None:
    assert not ServiceManager("@spyoncino-nobody-listens").tell("READY=1")


def test_a_watchdog_of_another_process_is_not_ours() -> None:
    variables = {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}
    assert ServiceManager.from_environment(variables).watchdog_s == 0
    variables["WATCHDOG_PID"] = str(os.getpid())
    assert ServiceManager.from_environment(variables).watchdog_s == 3.0


async def test_signs_of_life_come_three_times_within_the_watchdog(
    manager_socket: tuple[str, socket.socket],
) -> None:
    address, ear = manager_socket
    ear.setblocking(False)
    manager = ServiceManager(address, watchdog_s=0.15)
    loop = asyncio.get_running_loop()
    beating = asyncio.create_task(manager.keep_alive())
    began = loop.time()
    for _ in range(4):
        assert await asyncio.wait_for(loop.sock_recv(ear, 100), 5) == b"WATCHDOG=1"
    assert loop.time() - began >= 0.14
    beating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beating


async def test_nobody_who_waits_for_signs_gets_none() -> None:
    await asyncio.wait_for(ServiceManager("@spyoncino-nobody").keep_alive(), 1)
