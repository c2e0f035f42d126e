"""Connects to a camera on the network, and says in a sentence why it does not work.

FFmpeg's own messages quote the whole address with its password, so they are never passed on.
"""

import errno
import socket
import time
from collections.abc import Mapping

import av
from av.container import InputContainer
from av.error import (
    ExitError,
    FFmpegError,
    HTTPClientError,
    HTTPForbiddenError,
    HTTPNotFoundError,
    HTTPServerError,
    HTTPUnauthorizedError,
)

from spyoncino.errors import SourceError, SourceRefusedError
from spyoncino.hardware.stream_address import StreamAddress
from spyoncino.hardware.stream_diagnosis import diagnosed

REACH_S = 5.0
"""Longest wait for the machine itself: one lost SYN is sent again after 1 s, the next after 3 s."""

OPEN_S = 10.0
"""Longest wait for the stream's description and first pictures: FFmpeg looks at 5 s of it."""

_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})


def connected(
    address: StreamAddress, options: Mapping[str, str], *, silence_s: float
) -> InputContainer:
    """The stream at an address, ready to be read.

    Args:
        address: Where.
        options: FFmpeg's options for the protocol.
        silence_s: A read that gets nothing for so long raises ``FFmpegError``.

    Raises:
        SourceRefusedError: The name or password is missing or wrong.
        SourceError: The machine or the stream does not answer, or it is no video.
    """
    _reach(address)
    began_s = time.monotonic()
    try:
        container = av.open(
            address.with_secrets, options=dict(options), timeout=(OPEN_S, silence_s)
        )
    except (FFmpegError, ValueError) as error:
        # The cause stays out: its text holds the password.
        raise _explained(error, address, time.monotonic() - began_s) from None
    if not container.streams:
        container.close()
        raise SourceError(f"{address.shown} answers, but sends no video; check the path.")
    return container


def broken(error: FFmpegError, name: str, silence_s: float) -> SourceError:
    """Why a stream that ran has stopped.

    Args:
        error: What reading it raised.
        name: What the source is called, without secrets.
        silence_s: The limit of a read.
    """
    if isinstance(error, (TimeoutError, ExitError)):
        return SourceError(f"{name} sent nothing for {silence_s:g} s.")
    return SourceError(f"The connection to {name} broke ({error.strerror or 'no reason given'}).")


def _reach(address: StreamAddress) -> None:
    """See whether anybody listens, for FFmpeg's errors do not tell these cases apart."""
    host, port = address.host, address.port
    try:
        socket.create_connection((host, port), REACH_S).close()
    except socket.gaierror:
        raise SourceError(
            f"The name {host} is not known in this network; check the address, or write its number."
        ) from None
    except ConnectionRefusedError:
        raise SourceError(
            f"{host} is there, but nothing listens on port {port}; check the port, and whether the "
            f"camera's stream is switched on."
        ) from None
    except TimeoutError:
        raise SourceError(
            f"{host} does not answer on port {port} within {REACH_S:g} s; is it switched on and in "
            f"this network?"
        ) from None
    except OSError as error:
        if error.errno in _UNREACHABLE:
            raise SourceError(
                f"There is no route to {host}; is it switched on and in this network?"
            ) from None
        reason = error.strerror or type(error).__name__
        raise SourceError(f"{host} cannot be reached on port {port}: {reason}.") from None


def _explained(error: Exception, address: StreamAddress, after_s: float) -> SourceError:
    if isinstance(error, (HTTPClientError, HTTPServerError)):
        return _answered(error, address)
    if found := diagnosed(address):
        return SourceError(found)
    if isinstance(error, (TimeoutError, ExitError)) or after_s > 0.9 * OPEN_S:
        return SourceError(
            f"{address.shown} accepts the connection, but sends no video within {OPEN_S:g} s."
        )
    return SourceError(
        f"{address.shown} answers, but not with a video that can be read; check the path and the "
        f"protocol."
    )


def _answered(error: HTTPClientError | HTTPServerError, address: StreamAddress) -> SourceError:
    """What a status of RTSP or HTTP means."""
    shown = address.shown
    if isinstance(error, (HTTPUnauthorizedError, HTTPForbiddenError)):
        if not address.username:
            return SourceRefusedError(f"{shown} asks for a name and a password; set both.")
        return SourceRefusedError(
            f"{shown} does not accept the name '{address.username}' with this password; check both."
        )
    if isinstance(error, HTTPNotFoundError):
        return SourceError(
            f"{address.host} answers, but has no stream at this path ({shown}); look it up in the "
            f"camera's manual or page."
        )
    if isinstance(error, HTTPClientError):
        return SourceError(
            f"{shown} refuses the stream ({error.strerror}); close other viewers, for it may serve "
            f"only a few, and try the other transport (tcp, udp)."
        )
    return SourceError(
        f"{shown} answers with an error of its own ({error.strerror}); restart the camera."
    )
