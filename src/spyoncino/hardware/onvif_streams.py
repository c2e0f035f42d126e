"""Asks an ONVIF camera for the addresses of its streams; needs the extra ``onvif``.

Whoever is asked gets the name and a digest of the password, so only the machine that answered is.
"""

import asyncio
import contextlib
import importlib
import importlib.util
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from spyoncino.errors import SourceError, SourceRefusedError
from spyoncino.hardware.stream_address import StreamAddress

SUB_WIDTH_PX = 1280
"""Pictures are analysed at most this wide; a wider sub stream saves nothing."""

MAX_PROFILES = 32

INSTALL = "pip install 'spyoncino[onvif]'"

_SECRET_KEYS = frozenset({"user", "username", "usr", "password", "passwd", "pwd", "pass", "auth"})
_RTSP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


@dataclass(frozen=True, slots=True)
class OnvifStream:
    """One stream that a camera offers.

    Args:
        lens: Which picture of the camera; devices with several lenses have several.
        profile: What the camera calls the stream.
        codec: ``h264``, ``h265``, ``jpeg`` or another word of the camera's.
        width_px: As configured; 0 where it does not say, as the next.
        height_px: See ``width_px``.
        fps: Pictures a second at most; 0 where it does not say.
        url: Without name and password, wherever the camera put them.
    """

    lens: str
    profile: str
    codec: str
    width_px: int
    height_px: int
    fps: float
    url: str


def is_available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) for name in ("onvif", "zeep", "aiohttp"))


async def streams_of(
    service: str, username: str, password: str, timeout_s: float
) -> list[OnvifStream]:
    """All streams of a camera.

    Args:
        service: Address of its ONVIF service; only machine and port of it are used.
        username: Empty to ask without an account.
        password: Of that account; only a digest of it is sent.
        timeout_s: Longest wait for all answers together.

    Raises:
        SourceRefusedError: It does not accept name and password.
        SourceError: It does not answer, or not as ONVIF demands.
    """
    aiohttp, zeep, onvif = await asyncio.to_thread(_libraries)
    parts = urlsplit(service)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    camera = onvif.ONVIFCamera(
        f"https://{host}" if secure else host,
        parts.port or (443 if secure else 80),
        username,
        password,
        no_cache=True,
        adjust_time=True,
        # Never follow the camera to another machine with an account in hand.
        nat_override=not secure,
    )
    try:
        async with asyncio.timeout(timeout_s):
            return await _asked(camera)
    except zeep.exceptions.Fault as fault:
        if onvif.util.is_auth_error(fault):
            raise _refused(host, username) from None
        raise SourceError(f"{host} answers ONVIF with a fault: {_line(fault)}.") from None
    except zeep.exceptions.TransportError as error:
        if error.status_code in (401, 403):
            raise _refused(host, username) from None
        if error.status_code < 400:
            raise _no_onvif(host) from None
        raise SourceError(
            f"{host} answers, but ONVIF is not there (HTTP {error.status_code}); switch it on in "
            f"the camera's page."
        ) from None
    except TimeoutError:
        raise SourceError(f"{host} does not answer to ONVIF within {timeout_s:g} s.") from None
    except (aiohttp.ClientError, OSError) as error:
        raise SourceError(f"{host} cannot be asked ({_line(error)}).") from None
    except (zeep.exceptions.Error, onvif.ONVIFError, AttributeError, TypeError, ValueError):
        # What a camera leaves out or invents shows as one of these, deep in the library.
        raise _no_onvif(host) from None
    finally:
        await camera.close()


def _libraries() -> tuple[Any, Any, Any]:
    """Optional, and slow to import."""
    with _quiet_root_logger():
        names = ("aiohttp", "zeep", "onvif", "zeep.exceptions", "onvif.util")
        aiohttp, zeep, onvif, *_ = map(importlib.import_module, names)
    return aiohttp, zeep, onvif


async def _asked(camera: Any) -> list[OnvifStream]:
    await camera.update_xaddrs()
    media = await camera.create_media_service()
    found = []
    for profile in (await media.GetProfiles())[:MAX_PROFILES]:
        answer = await media.GetStreamUri({"StreamSetup": _RTSP, "ProfileToken": profile.token})
        if url := without_secrets(str(answer.Uri or "")):
            found.append(_stream(profile, url))
    return found


def _stream(profile: Any, url: str) -> OnvifStream:
    source = getattr(profile, "VideoSourceConfiguration", None)
    video = getattr(profile, "VideoEncoderConfiguration", None)
    size = getattr(video, "Resolution", None)
    rate = getattr(video, "RateControl", None)
    return OnvifStream(
        lens=_line(getattr(source, "SourceToken", "") or ""),
        profile=_line(getattr(profile, "Name", "") or profile.token),
        codec=_line(getattr(video, "Encoding", "") or "").lower().replace(".", ""),
        width_px=int(getattr(size, "Width", 0) or 0),
        height_px=int(getattr(size, "Height", 0) or 0),
        fps=float(getattr(rate, "FrameRateLimit", 0) or 0),
        url=url,
    )


def chosen(streams: Sequence[OnvifStream]) -> Iterator[tuple[OnvifStream, OnvifStream | None]]:
    """Of each lens the best stream, and the one that fits analysis if there is one.

    Args:
        streams: Of one camera.
    """
    for lens in dict.fromkeys(each.lens for each in streams):
        ours = [each for each in streams if each.lens == lens]
        ours = [each for each in ours if each.codec != "jpeg"] or ours
        ours.sort(key=lambda each: each.width_px * each.height_px, reverse=True)
        main, *others = ours
        small = [
            each
            for each in others
            if each.url != main.url and each.width_px <= min(SUB_WIDTH_PX, main.width_px - 1)
        ]
        yield main, small[0] if small else None


def without_secrets(url: str) -> str:
    """The address without name and password; empty when it is no address of a stream."""
    try:
        shown = StreamAddress.parse(url).shown
    except ValueError:
        return ""
    parts = urlsplit(shown)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [pair for pair in pairs if pair[0].lower() not in _SECRET_KEYS]
    if len(kept) == len(pairs):
        return shown
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _no_onvif(host: str) -> SourceError:
    return SourceError(
        f"{host} answers, but not as ONVIF demands; look its RTSP address up in its manual."
    )


def _refused(host: str, username: str) -> SourceRefusedError:
    if not username:
        return SourceRefusedError(f"{host} asks for a name and a password; give both (--user).")
    return SourceRefusedError(
        f"{host} does not accept the name '{username}' with this password; many cameras keep "
        f"accounts for ONVIF apart: make one in the camera's page."
    )


def _line(text: object) -> str:
    """One short line of what a stranger said."""
    return "".join(letter for letter in str(text) if letter.isprintable()).strip()[:120]


@contextlib.contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """The library sets the root logger up when it is imported, unless somebody has."""
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
