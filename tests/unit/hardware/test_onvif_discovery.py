"""WS-Discovery over real UDP on loopback multicast."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.onvif_camera import Neighbourhood, probe_match

from spyoncino.errors import SourceError
from spyoncino.hardware import onvif_discovery
from spyoncino.hardware.onvif_discovery import Interface, device_of, discover, ipv4_interfaces

LOOPBACK = [Interface("lo", "127.0.0.1")]
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">'
    '<!ENTITY f SYSTEM "file:///etc/passwd">]>'
)


async def test_several_cameras_answer_and_each_is_there_once() -> None:
    answers = [
        (0.0, probe_match("urn:uuid:1")),
        (0.0, probe_match("urn:uuid:2", scopes=("name/Yard", "hardware/P1"))),
        (0.05, probe_match("urn:uuid:1")),
    ]
    with Neighbourhood(answers) as street:
        found = await discover(0.8, LOOPBACK, port=street.port)
    one, two = found.devices
    assert (one.name, one.model, one.location) == ("Door one", "DS-2CD2143", "Bern")
    assert one.service == "http://127.0.0.1:8080/onvif/device_service"
    assert (two.name, two.model, two.location) == ("Yard", "P1", "")
    assert (found.answers, found.repeated, found.unreadable) == (3, 1, 0)
    assert found.asked == ["lo"]
    kinds = [b"NetworkVideoTransmitter" in probe for probe in street.probes]
    assert kinds == [True, False, True, False]


async def test_a_late_camera_is_waited_for() -> None:
    with Neighbourhood([(0.7, probe_match())]) as street:
        assert len((await discover(1.2, LOOPBACK, port=street.port)).devices) == 1


async def test_garbage_and_bombs_are_counted_and_harm_nothing() -> None:
    answers = [
        (0.0, b""),
        (0.0, b"\xff\xfe\x00"),
        (0.0, probe_match()[:200]),
        (0.0, b"<?xml version='1.0'?><html/>"),
        (0.0, probe_match(head=BOMB).replace(b"Door%20one", b"&c;")),
        (0.0, b"<a>" * 5_000),
        (0.0, probe_match().replace(b"ProbeMatch>", b"Bye>")),
        (0.0, probe_match()),
    ]
    with Neighbourhood(answers) as street:
        found = await discover(0.8, LOOPBACK, port=street.port)
    assert found.answers == 8
    assert found.unreadable == 7
    assert [each.name for each in found.devices] == ["Door one"]


async def test_more_cameras_than_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onvif_discovery, "MAX_DEVICES", 2)
    monkeypatch.setattr(onvif_discovery, "MAX_ANSWERS", 3)
    answers = [(0.0, probe_match(f"urn:uuid:{number}")) for number in range(5)]
    with Neighbourhood(answers) as street:
        found = await discover(0.5, LOOPBACK, port=street.port)
    assert len(found.devices) == 2
    assert (found.answers, found.left_out) == (5, 3)


async def test_a_machine_can_be_asked_directly() -> None:
    with Neighbourhood([(0.0, probe_match())], is_multicast=False) as street:
        found = await discover(0.4, hosts=["127.0.0.1"], port=street.port)
    assert [each.host for each in found.devices] == ["127.0.0.1"]


async def test_asking_nobody_is_an_error_with_the_reason() -> None:
    with pytest.raises(SourceError, match="no network with an IPv4 address"):
        await discover(0.01, [])
    # 192.0.2.1 is kept for documentation: no interface has it, and nothing is sent.
    with pytest.raises(SourceError, match="eth9: cannot assign"):
        await discover(0.01, [Interface("eth9", "192.0.2.1")])
    with pytest.raises(SourceError, match="this name is not known"):
        await discover(0.01, hosts=["nowhere.invalid"])


async def test_a_question_that_cannot_be_sent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onvif_discovery, "MULTICAST", "255.255.255.255")  # needs SO_BROADCAST
    with pytest.raises(SourceError, match="lo: permission denied"):
        await discover(0.1, LOOPBACK)


def test_interfaces_have_names_and_addresses_and_loopback_is_left_out() -> None:
    found = ipv4_interfaces()
    names = {name for _, name in socket.if_nameindex()}
    assert all(each.name in names and socket.inet_aton(each.address) for each in found)
    assert "127.0.0.1" not in {each.address for each in found}


def test_what_a_terminal_would_obey_is_left_out() -> None:
    scopes = ("name/Door%1B%5B2J%0Aevil", "hardware/" + "x" * 500)
    (device,) = device_of(probe_match(scopes=scopes, endpoint=""), "127.0.0.1")
    assert device.name == "Door[2Jevil"
    assert len(device.model) == 120
    assert device.endpoint == "127.0.0.1"


def test_the_service_of_another_machine_is_not_the_camera_s() -> None:
    elsewhere = "http://192.0.2.9/x ftp://127.0.0.1/ http://[bad http://127.0.0.1:99999/"
    (device,) = device_of(probe_match(service=elsewhere), "127.0.0.1")
    assert device.services == ("http://192.0.2.9/x",)
    assert device.service == ""
    both = "http://192.0.2.9/x http://127.0.0.1/onvif"
    (device,) = device_of(probe_match(service=both), "127.0.0.1")
    assert device.service == "http://127.0.0.1/onvif"


@given(st.binary(max_size=300) | st.integers(0, 600).map(lambda cut: probe_match()[:cut]))
def test_no_answer_raises_anything_else(answer: bytes) -> None:
    try:
        list(device_of(answer, "127.0.0.1"))
    except ValueError:
        return
