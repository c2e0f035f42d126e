"""Sources of pictures: the one table of kinds, and the names that a reader of sources needs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from spyoncino.errors import SourceError
from spyoncino.hardware.camera_file import FileCamera
from spyoncino.hardware.camera_http import HttpCamera
from spyoncino.hardware.camera_pi import PiCamera
from spyoncino.hardware.camera_rtsp import RtspCamera
from spyoncino.hardware.camera_sim import SimCamera
from spyoncino.hardware.camera_usb import UsbCamera
from spyoncino.hardware.source_types import (
    PressCue,
    RawPicture,
    Source,
    SourceFormat,
    SourceItem,
    SourceSpec,
    SubStreamChanged,
)
from spyoncino.hardware.two_streams import LiveStream, TwoStreams

__all__ = [
    "LIVE_KINDS",
    "SOURCES",
    "PressCue",
    "RawPicture",
    "Source",
    "SourceFormat",
    "SourceItem",
    "SourceSpec",
    "SubStreamChanged",
    "TwoStreams",
    "build_source",
]

SOURCES: Mapping[str, Callable[[SourceSpec], Source]] = MappingProxyType(
    {
        "file": FileCamera,
        "sim": SimCamera,
        "rtsp": RtspCamera,
        "http": HttpCamera,
        "usb": UsbCamera,
        "pi": PiCamera,
    }
)
"""Kind of a source to what builds it; a new kind is a line here."""

NETWORK: Mapping[str, Callable[[SourceSpec], LiveStream]] = MappingProxyType(
    {"rtsp": RtspCamera, "http": HttpCamera}
)
"""Kinds that may be the main or the second stream of one camera."""

LIVE_KINDS = frozenset({"rtsp", "http", "usb", "pi"})
"""Kinds that have no end and come back after a fault."""


def build_source(spec: SourceSpec) -> Source:
    """A source that is not open yet.

    Raises:
        SourceError: The kind is unknown, or its path or options are wrong.
    """
    build = SOURCES.get(spec.kind)
    if build is None:
        kinds = ", ".join(sorted(SOURCES))
        raise SourceError(f"There is no source of the kind {spec.kind}; there are {kinds}.")
    if spec.sub is None:
        return build(spec)
    return _two_streams(replace(spec, sub=None), spec.sub)


def _two_streams(main: SourceSpec, sub: SourceSpec) -> TwoStreams:
    if main.kind not in NETWORK or sub.kind not in NETWORK:
        kinds = ", ".join(sorted(NETWORK))
        raise SourceError(f"Only sources of the kinds {kinds} may have a sub stream.")
    make_sub = partial(NETWORK[sub.kind], sub)
    make_sub()  # a wrong address is refused now, not at each try
    return TwoStreams(NETWORK[main.kind](main), make_sub, sub.stall_s)
