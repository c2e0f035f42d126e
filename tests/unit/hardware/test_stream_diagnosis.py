"""Who listens at an address, found out from real sockets."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.fixtures.mjpeg_camera import MjpegCamera
from tests.fixtures.odd_rtsp import Habits, OddCamera
from tests.fixtures.rtsp_camera import camera_clip

from spyoncino.errors import SourceError
from spyoncino.hardware import connecting, stream_diagnosis
from spyoncino.hardware.sources import SourceSpec, build_source
from spyoncino.hardware.stream_address import StreamAddress
from spyoncino.hardware.stream_diagnosis import diagnosed

SIGN = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x")


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port behind which somebody talks like this."""
    server = socket.create_server(("127.0.0.1", 0))
    peers: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                peer, _ = server.accept()
                peers.append(peer)
                talk(peer)
            except OSError:
                if server.fileno() < 0:
                    return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    with closing(server):
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for peer in peers:
        peer.close()


def said_of(url: str) -> str:
    return diagnosed(StreamAddress.parse(url))


def hang_up(peer: socket.socket) -> None:
    peer.close()


def say(answer: bytes) -> Callable[[socket.socket], None]:
    def talk(peer: socket.socket) -> None:
        peer.recv(1000)
        peer.sendall(answer)
        peer.close()

    return talk


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "is a web server, not RTSP"),
        (say(b"<!DOCTYPE html><html>"), "is a web server, not RTSP"),
        (say(b"SSH-2.0-dropbear\r\n"), "something that does not speak RTSP"),
        (say(b"RTSP/1.0 404 Not Found\r\n\r\n"), ""),
        (hang_up, "hangs up on port"),
    ],
)
def test_who_speaks_plainly(talk: Callable[[socket.socket], None], words: str) -> None:
    with listening(talk) as port:
        said = said_of(f"rtsp://anna:s3cret@127.0.0.1:{port}/live")
    assert words in said
    assert bool(words) == bool(said)
    assert "s3cret" not in said


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps"])
def test_a_camera_that_hangs(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setattr(stream_diagnosis, "ANSWER_S", 0.2)
    with listening(lambda _: None) as port:
        assert "never answers; restart the camera" in said_of(f"{scheme}://127.0.0.1:{port}/live")


def test_tls_where_none_is_and_none_where_tls_is(tmp_path: Path) -> None:
    with listening(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert "no TLS: write rtsp://" in said_of(f"rtsps://127.0.0.1:{port}/live")
        assert "no TLS: write http://" in said_of(f"https://127.0.0.1:{port}/live")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [*SIGN, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def talk(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as secure:
            say(b"RTSP/1.0 404 Not Found\r\n\r\n")(secure)

    with listening(talk) as port:
        assert "is TLS: write rtsps://" in said_of(f"rtsp://127.0.0.1:{port}/live")
        assert said_of(f"rtsps://127.0.0.1:{port}/live") == ""
        assert said_of(f"https://127.0.0.1:{port}/live") == ""


def test_an_old_camera_s_tls_is_told_with_its_reason() -> None:
    alert = bytes([0x15, 3, 3, 0, 2, 2, 70])  # RFC 8446, 6.2: protocol_version
    with listening(say(alert)) as port:
        said = said_of(f"rtsps://127.0.0.1:{port}/live")
    assert "No TLS connection to port" in said
    assert "protocol version" in said


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("404 Not Found", "no stream at this path"),
        ("403 Forbidden", "asks for a name and a password"),
        ("453 Not Enough Bandwidth", "refuses the stream"),
        ("503 Service Unavailable", "error of its own"),
    ],
)
def test_what_a_camera_answers_is_told(tmp_path: Path, status: str, words: str) -> None:
    clip = camera_clip(tmp_path, seconds=1)
    with (
        OddCamera(clip, habits=Habits(status=status)) as camera,
        pytest.raises(SourceError, match=words),
    ):
        build_source(SourceSpec("rtsp", camera.url)).open()


def test_the_diagnosis_is_what_connecting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "OPEN_S", 0.5)
    monkeypatch.setattr(stream_diagnosis, "ANSWER_S", 0.2)
    with (
        listening(lambda _: None) as port,
        pytest.raises(SourceError, match="accepts the connection on port"),
    ):
        build_source(SourceSpec("rtsp", f"rtsp://127.0.0.1:{port}/live")).open()
    with MjpegCamera() as camera:
        url = camera.url.replace("http://", "rtsp://")
        with pytest.raises(SourceError, match="is a web server, not RTSP"):
            build_source(SourceSpec("rtsp", url)).open()
