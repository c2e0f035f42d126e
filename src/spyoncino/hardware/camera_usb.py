"""A camera at this machine, through V4L2.

Never run on a device so far: the tests put files in the place of FFmpeg's device, everything behind
it is the real thing.
"""

import errno
import re
from pathlib import Path

import av
from av.error import FFmpegError

from spyoncino.errors import SourceError
from spyoncino.hardware.live_camera import LiveCamera
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.demux import Demuxer

DEVICES = Path("/dev")
NAMES = Path("/sys/class/video4linux")
"""Where Linux says what its video devices are called: ``video0/name``."""

DEMUXER = "v4l2"
"""FFmpeg's name of the device; the tests put another one in its place."""

OPEN_S = 10.0

_REASONS = {
    errno.EBUSY: "another program uses it; end that program",
    errno.EACCES: "permission is missing; add the user to the group video",
    errno.ENODEV: "it was unplugged",
    errno.EINVAL: "it does not know this size, rate or format; leave them out to see its own",
    errno.ENOTTY: "it is no camera",
}


class UsbCamera(LiveCamera):
    """Packets or raw pictures of one V4L2 device.

    Args:
        spec: ``path`` is an index (``0``), a path (``/dev/video0``) or a part of the name that the
            device gives itself. Options: ``width``, ``height``, ``fps`` (0 leaves the choice to the
            device) and ``format`` (``mjpeg``, ``yuyv422``, ``h264``; empty: the device's first).

    Raises:
        SourceError: There is no path.
    """

    def __init__(self, spec: SourceSpec) -> None:
        super().__init__(spec)
        if not spec.path:
            raise SourceError("A USB camera needs an index, a path or a name.")
        self._wanted = spec.path
        self._options = device_options(spec)

    @property
    def name(self) -> str:
        """The device as the settings name it."""
        return f"USB camera {self._wanted}"

    def _connected(self) -> Demuxer:
        device = find_device(self._wanted)
        try:
            container = av.open(
                str(device), format=DEMUXER, options=self._options, timeout=(OPEN_S, self.silence_s)
            )
        except (FFmpegError, ValueError) as error:
            number = getattr(error, "errno", None)
            reason = _REASONS.get(number or 0) or getattr(error, "strerror", None) or "no reason"
            raise SourceError(f"{device} cannot be opened: {reason}.") from error
        return Demuxer(self.name, container)


def device_options(spec: SourceSpec) -> dict[str, str]:
    """FFmpeg's options for what the settings wish."""
    wish = spec.options
    options = {}
    if wish.get("width") and wish.get("height"):
        options["video_size"] = f"{wish['width']}x{wish['height']}"
    if wish.get("fps"):
        options["framerate"] = f"{wish['fps']:g}"
    if wish.get("format"):
        options["input_format"] = str(wish["format"])
    return options


def find_device(wanted: str, devices: Path = DEVICES, names: Path = NAMES) -> Path:
    """The device file of an index, a path, or a part of a name.

    A camera often has several devices of one name; the lowest number delivers its pictures.

    Raises:
        SourceError: There is none; the sentence lists what there is.
    """
    if wanted.isdecimal():
        device = devices / f"video{wanted}"
    elif wanted.startswith("/"):
        device = Path(wanted)
    else:
        found = [path for path, name in _named(devices, names) if wanted.lower() in name.lower()]
        device = found[0] if found else devices / "none"
    if device.exists():
        return device
    there = [f"{path.name[5:]} ({name})" for path, name in _named(devices, names)]
    listed = f"there is {', '.join(there)}" if there else "there is none at all; plug one in"
    raise SourceError(f"There is no USB camera {wanted}; {listed}.")


def _named(devices: Path, names: Path) -> list[tuple[Path, str]]:
    """Device files with the names they give themselves, lowest number first."""
    found = []
    for folder in names.glob("video*"):
        number = re.fullmatch(r"video(\d+)", folder.name)
        if number and (folder / "name").is_file():
            name = (folder / "name").read_text(errors="replace").strip()
            found.append((int(number[1]), devices / folder.name, name))
    return [(path, name) for _, path, name in sorted(found)]
