"""Finds out who listens at an address that FFmpeg could not use: its errors do not tell.

Asks once, without name and password, and reads the first bytes of the answer.
"""

import contextlib
import socket
import ssl
from urllib.parse import urlsplit

from spyoncino.hardware.stream_address import DEFAULT_PORTS, StreamAddress

ANSWER_S = 3.0
"""Longest wait for the first bytes; cameras answer within a tenth of that."""

SECURE = {"rtsps": "rtsp", "https": "http"}
"""Scheme inside TLS to the same without."""

_TLS_ALERT = b"\x15\x03"
"""First bytes of what a TLS server says to somebody who speaks plainly (RFC 8446, 5.1)."""


def diagnosed(address: StreamAddress) -> str:
    """A sentence on who listens there; empty when it speaks what was expected.

    Args:
        address: A machine that accepts connections at its port.
    """
    scheme = urlsplit(address.shown).scheme
    place = f"port {address.port} of {address.host}"
    with contextlib.ExitStack() as open_until_done:
        try:
            peer = open_until_done.enter_context(
                socket.create_connection((address.host, address.port), ANSWER_S)
            )
            if scheme in SECURE:
                peer = open_until_done.enter_context(_without_trust().wrap_socket(peer))
            if scheme not in ("rtsp", "rtsps"):
                return ""
            asked = f"OPTIONS {address.shown} RTSP/1.0\r\nCSeq: 1\r\n\r\n"
            peer.sendall(asked.encode("ascii", "replace"))
            answer = peer.recv(64)
        except ssl.SSLError as error:
            return _tls_trouble(error, place, scheme)
        except TimeoutError:
            return (
                f"{address.host} accepts the connection on port {address.port}, but never answers; "
                f"restart the camera, and close other viewers: it may serve only a few."
            )
        except OSError:
            answer = b""
    return _of_answer(answer, address, scheme)


def _of_answer(answer: bytes, address: StreamAddress, scheme: str) -> str:
    place = f"port {address.port} of {address.host}"
    if answer.startswith(b"RTSP/"):
        return ""
    if scheme == "rtsp" and (answer.startswith(_TLS_ALERT) or not answer) and _speaks_tls(address):
        return f"Behind {place} is TLS: write rtsps:// instead of rtsp://."
    if answer.startswith(b"HTTP/") or answer.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return (
            f"Behind {place} is a web server, not RTSP: this is the camera's page. RTSP is mostly "
            f"on port {DEFAULT_PORTS['rtsp']}; look it up there."
        )
    if not answer:
        return (
            f"{address.host} hangs up on port {address.port} without an answer: this is not RTSP, "
            f"or the camera serves no more viewers."
        )
    return (
        f"Behind {place} is something that does not speak RTSP; RTSP is mostly on port "
        f"{DEFAULT_PORTS['rtsp']}."
    )


def _tls_trouble(error: ssl.SSLError, place: str, scheme: str) -> str:
    plain = SECURE.get(scheme, scheme)
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return (
            f"Behind {place} is no TLS: write {plain}:// instead of {scheme}://, with the port "
            f"that belongs to it ({DEFAULT_PORTS[plain]})."
        )
    reason = (error.reason or "no reason given").replace("_", " ").lower()
    return (
        f"No TLS connection to {place} ({reason}); update the camera's firmware, or use {plain}:// "
        f"in a network that you trust."
    )


def _speaks_tls(address: StreamAddress) -> bool:
    try:
        with (
            socket.create_connection((address.host, address.port), ANSWER_S) as peer,
            _without_trust().wrap_socket(peer),
        ):
            return True
    except OSError:
        return False


def _without_trust() -> ssl.SSLContext:
    """Cameras sign their own certificates; nothing secret is said over this connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
