"""``spyoncino cameras discover``: which cameras are in the network, and what to write for them."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import typer

from spyoncino.cli.options import print_json, stderr, stdout
from spyoncino.errors import SourceError, UsageError
from spyoncino.hardware.onvif_discovery import (
    Discovery,
    Interface,
    OnvifDevice,
    ipv4_interfaces,
)
from spyoncino.hardware.onvif_discovery import (
    discover as ask_network,
)
from spyoncino.hardware.onvif_streams import (
    INSTALL,
    OnvifStream,
    chosen,
    is_available,
    streams_of,
)
from spyoncino.hardware.stream_guesses import guesses_for

EXIT_FAILED = 1
LISTEN_S = 4.0
"""WS-Discovery lets cameras wait up to half a second, and slow ones take two."""

ASK_S = 15.0
"""Longest wait for one camera's streams: old ones take a second for each of six questions."""

PASSWORD_VARIABLE = "SPYONCINO_ONVIF_PASSWORD"  # noqa: S105 -- the name of a variable
MAX_ASKED_AT_ONCE = 8

NOT_FOUND = """No camera answered. What that may mean, and what to try:
* ONVIF is switched off, as many makers deliver it: switch it on in the camera's page or app.
* The camera is in another network (VLAN, guest Wi-Fi): multicast ends there. Ask it directly:
  spyoncino cameras discover 192.168.1.20
* The access point or switch keeps multicast back (client isolation, IGMP snooping): try a cable.
* A firewall here drops the answers: allow UDP that comes from port 3702.
* It is slow to answer: try --timeout 15.
* It speaks no ONVIF: look its RTSP address up in the manual, then
  spyoncino cameras test rtsp://…"""


@dataclass(slots=True)
class FoundCamera:
    """A camera with what could be learnt of its streams.

    Args:
        device: Who answered.
        streams: What it offers; empty when it was not asked or did not say.
        trouble: Why not.
    """

    device: OnvifDevice
    streams: list[OnvifStream] = field(default_factory=list)
    trouble: str = ""


def discover(
    hosts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[HOST]…", help="Ask these machines instead of everybody."),
    ] = None,
    *,
    user: Annotated[
        str, typer.Option("--user", help="Account to ask each camera for its streams with.")
    ] = "",
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin",
            help=f"Read its password from standard input (else from {PASSWORD_VARIABLE}).",
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.5, max=120, help="Seconds to wait for answers.")
    ] = LISTEN_S,
    interface: Annotated[
        list[str] | None,
        typer.Option("--interface", help="Ask through this one only; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find the ONVIF cameras of this network, and say what to write into the configuration.

    Example: spyoncino cameras discover --user admin --password-stdin < password.txt
    """
    password = _password(user, from_stdin=password_stdin)
    interfaces = _interfaces(interface or [])
    whom = ", ".join(hosts or [each.name for each in interfaces]) or "nobody"
    stderr().print(f"Asking through {whom}, {timeout:g} s …", markup=False, soft_wrap=True)
    found = asyncio.run(ask_network(timeout, interfaces, hosts or []))
    devices = found.devices
    if user and is_available():
        silent = set(hosts or ()) - {device.host for device in devices}
        devices = [*devices, *(_unfound(host) for host in sorted(silent))]
    cameras = [FoundCamera(device) for device in devices]
    if user and is_available() and cameras:
        stderr().print(f"Asking for the streams of {len(cameras)} …", markup=False)
        asyncio.run(_ask_all(cameras, user, password))
    if as_json:
        print_json(_facts(found, cameras))
    else:
        _tell(found, cameras, has_account=bool(user))
    if user and is_available() and cameras and not any(each.streams for each in cameras):
        raise typer.Exit(EXIT_FAILED)


def _password(user: str, *, from_stdin: bool) -> str:
    if not user:
        if from_stdin:
            raise UsageError("--password-stdin needs --user NAME.")
        return ""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if (password := os.environ.get(PASSWORD_VARIABLE)) is None:
        raise UsageError(
            f"--user needs a password: give it on standard input with --password-stdin, or in the "
            f"environment as {PASSWORD_VARIABLE}."
        )
    return password


def _interfaces(names: Sequence[str]) -> list[Interface]:
    there = ipv4_interfaces()
    if not names:
        return there
    unknown = set(names) - {each.name for each in there}
    if unknown:
        known = ", ".join(each.name for each in there) or "none"
        raise UsageError(
            f"There is no network {', '.join(sorted(unknown))} with an IPv4 address here (there "
            f"is: {known})."
        )
    return [each for each in there if each.name in names]


def _unfound(host: str) -> OnvifDevice:
    """A machine that the user names and that answers no WS-Discovery: asked all the same."""
    return OnvifDevice(host, host, "", "", "", (f"http://{host}/onvif/device_service",))


async def _ask_all(cameras: Sequence[FoundCamera], user: str, password: str) -> None:
    free = asyncio.Semaphore(MAX_ASKED_AT_ONCE)

    async def ask(camera: FoundCamera) -> None:
        async with free:
            if not camera.device.service:
                camera.trouble = (
                    f"{camera.device.host} names the ONVIF service of another machine only; the "
                    f"password is not sent there."
                )
                return
            try:
                camera.streams = await streams_of(camera.device.service, user, password, ASK_S)
            except SourceError as error:
                camera.trouble = str(error)

    await asyncio.gather(*map(ask, cameras))


def _facts(found: Discovery, cameras: Sequence[FoundCamera]) -> dict[str, Any]:
    return {
        "cameras": [
            {
                **asdict(each.device),
                "streams": [asdict(stream) for stream in each.streams],
                "guesses": list(_guesses(each)),
                "trouble": each.trouble,
            }
            for each in cameras
        ],
        "asked": found.asked,
        "unasked": found.unasked,
        "answers": found.answers,
        "unreadable": found.unreadable,
        "repeated": found.repeated,
        "left_out": found.left_out,
    }


def _tell(found: Discovery, cameras: Sequence[FoundCamera], *, has_account: bool) -> None:
    console = stdout()

    def say(text: str, style: str = "") -> None:
        if text:
            console.print(text, markup=False, soft_wrap=True, style=style)

    for name, reason in found.unasked.items():
        say(f"{name} could not be asked: {reason}.", "yellow")
    if found.unreadable or found.left_out:
        say(f"Answers that could not be read: {found.unreadable}; too many: {found.left_out}.")
    if not cameras:
        say(NOT_FOUND)
        return
    for camera in cameras:
        words = [camera.device.name or "no name", camera.device.model, camera.device.location]
        say(f"{camera.device.host}  {', '.join(word for word in words if word)}", "bold")
        say(_more_on(camera), "yellow")
    if any(each.streams for each in cameras):
        say("\nFor the configuration (try each with `spyoncino cameras test CAMERA`):\n")
        say("\n".join(yaml_of(cameras)))
    elif not is_available():
        say(f"\n{_without_extra()}")
    elif not has_account:
        say(
            "\nWith --user NAME each camera is asked for its streams, and what to write into the "
            "configuration is printed."
        )


def _more_on(camera: FoundCamera) -> str:
    """Trouble and guesses, a line each; empty where its streams are known."""
    lines = [camera.trouble] if camera.trouble else []
    if not camera.streams and (guesses := _guesses(camera)):
        lines += [f"probably: {guesses[0]}", f"small:    {guesses[1]}"]
    return "\n".join(f"  {line}" for line in lines)


def _without_extra() -> str:
    return (
        f"To have each camera asked for its streams, install the extra: {INSTALL}. Until then look "
        f"the RTSP address up in the camera's page or manual, or try a guess: spyoncino cameras "
        f"test rtsp://…"
    )


def _guesses(camera: FoundCamera) -> tuple[str, ...]:
    device = camera.device
    return guesses_for(device.host, device.name, device.model) or ()


def yaml_of(cameras: Sequence[FoundCamera]) -> Iterator[str]:
    """Lines of a configuration; names and passwords are left to the environment."""
    yield "cameras:"
    taken: set[str] = set()
    for camera in cameras:
        for main, sub in chosen(camera.streams):
            name = _name(camera.device, taken)
            yield f"  {name}:"
            yield "    source:"
            yield "      type: rtsp"
            yield f"      url: {_quoted(main.url)}  # {_in_words(main)}"
            if sub:
                yield f"      sub: {_quoted(sub.url)}  # {_in_words(sub)}"
            variable = f"SPYONCINO_CAMERAS__{name.upper()}__SOURCE__"
            yield f"      # in .env: {variable}USERNAME=… and {variable}PASSWORD=…"


def _name(device: OnvifDevice, taken: set[str]) -> str:
    """A name that the configuration and the environment accept, not given yet."""
    words = re.sub(r"[^a-z0-9]+", "_", (device.location or device.name).lower()).strip("_")[:40]
    base = words if words and words[0].isalpha() else f"camera_{words}".rstrip("_")
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


def _quoted(url: str) -> str:
    """YAML's single quotes, which know one escape only."""
    return "'" + url.replace("'", "''") + "'"


def _in_words(stream: OnvifStream) -> str:
    size = f"{stream.width_px}x{stream.height_px}" if stream.width_px else ""
    rate = f"{stream.fps:g} a second" if stream.fps else ""
    return ", ".join(word for word in (stream.profile, stream.codec, size, rate) if word)
