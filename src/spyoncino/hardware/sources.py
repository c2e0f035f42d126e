"""Sources of pictures: the one table of kinds, and the names that a reader of sources needs."""

from collections.abc import Callable, Mapping
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
)

__all__ = [
    "LIVE_KINDS",
    "SOURCES",
    "PressCue",
    "RawPicture",
    "Source",
    "SourceFormat",
    "SourceItem",
    "SourceSpec",
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
    return build(spec)
