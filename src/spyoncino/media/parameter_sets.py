"""Finds the headers that describe a picture's size and coding inside H.264 and H.265 packets."""

from collections.abc import Iterator

from av.packet import Packet
from av.stream import Stream

START_CODE = b"\x00\x00\x01"

HEAD_BYTES = 4096
"""Where to look: headers stand before the picture, together far shorter than this."""

H264_SPS = 7
"""nal_unit_type of a sequence parameter set, ITU-T H.264 table 7-1."""

H265_SPS = 33
"""The same, ITU-T H.265 table 7-1."""


def sequence_headers(packet: "Packet[Stream]", codec: str) -> bytes:
    """The sequence parameter sets in a packet, one behind the other; empty without any.

    They change when, and only when, size, rate or coding of the stream change.

    Args:
        packet: As it comes from a live stream, with start codes (Annex B).
        codec: ``h264`` or ``hevc``; of any other codec nothing is found.
    """
    return headers_in(bytes(memoryview(packet)[:HEAD_BYTES]), codec)


def headers_in(data: bytes, codec: str) -> bytes:
    """The same for the first bytes of a packet."""
    if codec == "h264":
        return b"".join(unit for unit in _units(data) if unit[0] & 0x1F == H264_SPS)
    if codec == "hevc":
        return b"".join(unit for unit in _units(data) if unit[0] >> 1 & 0x3F == H265_SPS)
    return b""


def _units(data: bytes) -> Iterator[bytes]:
    """The complete units between start codes; what follows the last one may be cut off."""
    begin = data.find(START_CODE)
    while begin >= 0:
        end = data.find(START_CODE, begin + 3)
        if end < 0:
            return
        unit = data[begin + 3 : end].rstrip(b"\x00")
        if unit:
            yield unit
        begin = end
