"""What every kind of source looks like from outside: how it is named, what it delivers.

A source is read by one thread of one capture process. ``read`` blocks until the next item is due.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spyoncino.media.packets import AudioFormat, MediaPacket, VideoFormat

Option = str | float | int | bool

DEFAULT_STALL_S = 8.0
"""Longer than the pause of a camera that changes from day to night, shorter than a visit."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Which source to open and how; plain values, so that it travels to another process.

    Args:
        kind: One of the kinds that ``build_source`` knows.
        path: The file of a ``file`` source, the address of an ``rtsp`` or ``http`` source, the
            device of a ``usb`` source, the number of a ``pi`` source.
        realtime: Hand items out at the pace of their times instead of as fast as they are read.
        loop: Begin again at the end; timestamps go on rising.
        options: What only one kind understands; see the module of that kind.
        secrets: ``username`` and ``password`` where the source asks for them; never shown.
        stall_s: Seconds without a new picture after which a live source counts as stalled; after
            twice as many it is connected again.
        sub: The camera's second, smaller stream, which is analysed in place of this one.
    """

    kind: Literal["file", "sim", "rtsp", "http", "usb", "pi"]
    path: str = ""
    realtime: bool = True
    loop: bool = False
    options: dict[str, Option] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    stall_s: float = DEFAULT_STALL_S
    sub: "SourceSpec | None" = None


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """What an opened source delivers.

    Args:
        video: Format of its video packets; ``None`` for a source of raw pictures.
        width_px: Width of the full-size picture.
        height_px: Height of the full-size picture.
        fps: Nominal frames per second; ``None`` where the source does not say.
        audio: Format of its audio packets; ``None`` without sound.
        sub: Format of the second stream's packets; ``None`` where there is none, or not yet.
    """

    video: VideoFormat | None
    width_px: int
    height_px: int
    fps: float | None
    audio: AudioFormat | None
    sub: VideoFormat | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RawPicture:
    """One uncompressed picture.

    Args:
        i420: uint8 of shape ``(height * 3 // 2, width)``, limited range BT.601; the reader owns it.
        pts_s: Seconds from the source's first picture.
    """

    i420: NDArray[np.uint8]
    pts_s: float


@dataclass(frozen=True, slots=True)
class PressCue:
    """Somebody pressed a doorbell at this moment of the source.

    Args:
        doorbell: Id of the doorbell.
        pts_s: Seconds from the source's first picture.
    """

    doorbell: str
    pts_s: float


@dataclass(frozen=True, slots=True)
class SubStreamChanged:
    """The second stream came, or is gone; its packets are between two of these.

    Args:
        video: Format of the packets that follow; ``None``: none follow, analyse the main stream.
        detail: Why there is none, in sentences for a person; empty when all is well.
    """

    video: VideoFormat | None
    detail: str = ""


SourceItem = MediaPacket | RawPicture | PressCue | SubStreamChanged


class Source(Protocol):
    """Something that delivers pictures, used from one thread."""

    def open(self) -> SourceFormat:
        """Connect and say what is coming.

        Raises:
            SourceError: It cannot be opened; the sentence says why and what to do.
        """
        ...

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        """Wait for the next item, in the order in which it is to be decoded.

        Args:
            timeout_s: Longest wait; ``None`` for as long as it takes.

        Returns:
            The item, or ``None`` when none was due in that time.

        Raises:
            SourceEndedError: The source is over.
            SourceError: It broke; open a new one.
        """
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...
