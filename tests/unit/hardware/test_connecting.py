"""Why a connection fails, in sentences."""

import errno
import os
import socket

import av
import pytest
from av.error import (
    ExitError,
    FFmpegError,
    HTTPNotFoundError,
    HTTPServerError,
    HTTPUnauthorizedError,
)

from spyoncino.errors import SourceError, SourceRefusedError
from spyoncino.hardware import connecting
from spyoncino.hardware.connecting import broken, connected
from spyoncino.hardware.stream_address import StreamAddress

ADDRESS = StreamAddress.parse("rtsp://anna:s3cret@cam.lan/live")


class Answering:
    """Stands for a socket that got through."""

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (socket.gaierror(-2, "unknown"), "The name cam.lan is not known"),
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), "nothing listens on port 554"),
        (TimeoutError(), "does not answer on port 554 within 5 s"),
        (OSError(errno.EHOSTUNREACH, ""), "There is no route to cam.lan"),
        (OSError(errno.ENETUNREACH, ""), "There is no route to cam.lan"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), "cannot be reached.*Permission"),
    ],
)
def test_a_machine_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, error: OSError, sentence: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(SourceError, match=sentence):
        connected(ADDRESS, {}, silence_s=1)


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (HTTPUnauthorizedError(1, "401"), SourceRefusedError, "not accept the name 'anna'"),
        (HTTPNotFoundError(1, "404"), SourceError, "has no stream at this path"),
        (HTTPServerError(1, "500 mine"), SourceError, "error of its own .500 mine"),
        (ExitError(1, "stop"), SourceError, "sends no video within 10 s"),
        (ValueError("s3cret"), SourceError, "not with a video that can be read"),
    ],
)
def test_a_machine_that_answers_badly(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[SourceError], sentence: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", lambda *_: Answering())
    monkeypatch.setattr(av, "open", fail)
    monkeypatch.setattr(connecting, "diagnosed", lambda _: "")
    with pytest.raises(kind, match=sentence) as caught:
        connected(ADDRESS, {}, silence_s=1)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_camera_without_an_account_in_the_settings_asks_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise HTTPUnauthorizedError(1, "401")

    monkeypatch.setattr(socket, "create_connection", lambda *_: Answering())
    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(SourceRefusedError, match="asks for a name and a password"):
        connected(StreamAddress.parse("rtsp://cam.lan/live"), {}, silence_s=1)


def test_an_answer_without_any_stream_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty(Answering):
        streams = ()

    monkeypatch.setattr(socket, "create_connection", lambda *_: Answering())
    monkeypatch.setattr(av, "open", lambda *_, **__: Empty())
    with pytest.raises(SourceError, match="sends no video; check the path"):
        connected(ADDRESS, {}, silence_s=1)


def test_a_broken_connection_says_how_and_quotes_no_address() -> None:
    assert str(broken(ExitError(1, "x"), "cam", 16)) == "cam sent nothing for 16 s."
    failure = FFmpegError(5, "Input/output error", "rtsp://anna:s3cret@cam")
    assert str(broken(failure, "cam", 16)) == "The connection to cam broke (Input/output error)."
