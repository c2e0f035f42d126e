"""What decoding costs the processor here, in software and in hardware, copying back included.

Never run on hardware so far: no machine with such a device was at hand.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from spyoncino.media.decode import FrameDecoder
from spyoncino.media.encode import H264Encoder
from spyoncino.media.hardware_decode import DecoderKind
from spyoncino.media.packets import MediaPacket, VideoFormat

WIDTH_PX, HEIGHT_PX = 1920, 1080
WORTH = 0.7
"""Share of software's cost below which hardware is recommended: less is not worth a driver."""


@dataclass(frozen=True, slots=True)
class DecodeCost:
    """Decoding one picture of 1920x1080 H.264.

    Args:
        kind: Where.
        cpu_ms: Milliseconds of the processor, all threads, with the copy back to memory.
        wall_ms: Milliseconds until the next picture is there.
        note: Why it fell back to software; then the figures are software's.
    """

    kind: DecoderKind
    cpu_ms: float
    wall_ms: float
    note: str = ""


Packets = tuple[VideoFormat, Sequence[MediaPacket]]


def full_hd(pictures: Sequence[NDArray[np.uint8]], fps: float) -> Packets:
    """The pictures as H.264 of 1920x1080 that begins with a key picture.

    Args:
        pictures: I420 of any size.
        fps: Pictures a second.
    """
    encoder = H264Encoder(WIDTH_PX, HEIGHT_PX, fps, gop_s=len(pictures) / fps)
    packets: list[MediaPacket] = []
    for number, picture in enumerate(pictures):
        packets += encoder.encode(VideoFrame.from_ndarray(picture, format="yuv420p"), number / fps)
    return encoder.video, packets + encoder.flush()


def decode_cost(video: Packets, kind: DecoderKind, seconds: float) -> DecodeCost:
    """Decode again and again for some seconds, at least once through."""
    decoder = FrameDecoder(video[0], kind=kind)
    for packet in video[1]:
        decoder.decode(packet)  # starts the device, which does not count
    pictures = 0
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    while pictures < len(video[1]) or time.perf_counter() < began_s + seconds:
        for packet in video[1]:
            decoder.decode(packet)
        pictures += len(video[1])
    cpu_s = time.process_time() - began_cpu_s
    wall_s = time.perf_counter() - began_s
    return DecodeCost(kind, 1000 * cpu_s / pictures, 1000 * wall_s / pictures, decoder.note)


def decode_costs(video: Packets, kinds: Iterable[DecoderKind], seconds: float) -> list[DecodeCost]:
    """Software first, then each kind of hardware."""
    return [decode_cost(video, kind, seconds) for kind in ("software", *kinds)]


def best_of(costs: Sequence[DecodeCost]) -> DecodeCost | None:
    """The hardware that is worth using; ``None`` when software is the better choice.

    Args:
        costs: Software first.
    """
    software, *hardware = costs
    working = [each for each in hardware if not each.note]
    cheapest = min(working, key=lambda each: each.cpu_ms, default=None)
    if cheapest is None or cheapest.cpu_ms > WORTH * software.cpu_ms:
        return None
    return cheapest
