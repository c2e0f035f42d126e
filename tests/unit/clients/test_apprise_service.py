"""Apprise's services: only over TLS, and what goes wrong is told without the address."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from apprise.plugins import N_MGR
from tests.fixtures.apprise_stand_in import TOKEN, service

from spyoncino.clients.apprise_service import (
    Note,
    _Statuses,
    first_wrong,
    send,
    wrong_service,
)
from spyoncino.errors import DeliveryError, DeliveryRefusedError

NOTE = Note("Somebody rang", "Somebody rang at door, 12:00")
PATIENCE_S = 20.0


async def test_a_note_arrives_with_its_picture(tmp_path: Path) -> None:
    picture = tmp_path / "snapshot.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0 no real picture")
    async with service() as far:
        await asyncio.to_thread(send, far.url, NOTE, PATIENCE_S)
        urgent = Note("Ann", "Ann rang", picture, is_urgent=True)
        await asyncio.to_thread(send, far.url, urgent, PATIENCE_S)
    first, second = far.notes
    assert (first["title"], first["message"], first["type"]) == (NOTE.title, NOTE.text, "info")
    assert first["attachments"] == []
    assert second["type"] == "warning"
    assert [each["filename"] for each in second["attachments"]] == ["snapshot.jpg"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, DeliveryRefusedError), (429, DeliveryError), (503, DeliveryError), (302, DeliveryError)],
)
async def test_a_refusal_is_told_apart_from_a_bad_moment_and_no_redirect_is_followed(
    status: int,
    kind: type[DeliveryError],
    logged: Callable[[], str],
) -> None:
    async with service() as far:
        far.answers = [status]
        with pytest.raises(DeliveryError, match=f"JSON answered {status}") as caught:
            await asyncio.to_thread(send, far.url, NOTE, PATIENCE_S)
        assert far.requests == 1
    assert type(caught.value) is kind
    assert TOKEN not in str(caught.value) + logged()


@pytest.mark.parametrize(("asked", "is_waited_for"), [("", False), ("?rto=20", True)])
async def test_the_settings_say_how_long_an_answer_may_take_unless_the_address_does(
    asked: str, is_waited_for: bool
) -> None:
    async with service() as far:
        far.delay_s = 0.3
        sending = asyncio.to_thread(send, far.url + asked, NOTE, 0.05)
        if is_waited_for:
            await sending
        else:
            with pytest.raises(DeliveryError, match="JSON was not reached or did not take it"):
                await sending
    assert len(far.notes) == 1


async def test_a_service_that_is_not_there_is_told_without_its_address(
    logged: Callable[[], str],
) -> None:
    async with service() as far:
        url = far.url
    with pytest.raises(DeliveryError, match="was not reached") as caught:
        await asyncio.to_thread(send, url, NOTE, PATIENCE_S)
    assert TOKEN not in str(caught.value) + logged()
    with pytest.raises(DeliveryRefusedError, match="does not understand"):
        await asyncio.to_thread(send, "nonsense", NOTE, PATIENCE_S)
    log = logging.getLogger("apprise")
    assert not log.propagate  # its lines may hold addresses
    assert not any(isinstance(each, _Statuses) for each in log.handlers)


@pytest.mark.parametrize(
    "url",
    [
        "jsons://example.org/x",
        "json://localhost/x",
        "json://127.0.0.1:8080/x",
        "ntfys://example.org/topic",
        "discord://" + "1" * 18 + "/" + "a" * 64,
    ],
)
def test_addresses_with_tls_or_on_this_machine_are_right(url: str) -> None:
    assert wrong_service(url) == ""


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("json://example.org/x", "use jsons://"),
        ("rsyslog://example.org", "it knows no TLS"),
        ("jsons://example.org/x?verify=no", "verify=no lets anybody listen"),
        ("pigeon://s3cret", "pigeon:// is no address that Apprise understands"),
        ("s3cret without a scheme", "it is no address that Apprise understands"),
        ("", "it is no address"),
    ],
)
def test_other_addresses_are_refused_without_repeating_them(url: str, problem: str) -> None:
    said = first_wrong({"right": "json://localhost", "phone": url})
    assert said.startswith("phone: ")
    assert problem in said
    assert "s3cret" not in said


@pytest.mark.parametrize("scheme", ["dbus", "macosx", "windows"])
def test_the_desktop_is_a_service_that_needs_no_tls_where_its_library_is(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = N_MGR[scheme]
    monkeypatch.setattr(plugin, "enabled", True)
    assert wrong_service(f"{scheme}://") == ""
    monkeypatch.setattr(plugin, "enabled", False)
    assert wrong_service(f"{scheme}://").startswith(f"{scheme}:// does not work here")
