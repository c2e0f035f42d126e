"""What the first bytes of a picture file say: its format and size, before anything is decoded.

A decoder that is handed a file of strangers takes as much memory as the file claims to need, so the
claim is read first.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from spyoncino.errors import MediaError

HEAD_BYTES = 256 * 1024
"""Enough for the size of every format; a JPEG may carry some blocks of metadata before it."""

UNREADABLE: tuple[tuple[int, tuple[bytes, ...], str], ...] = (
    (4, (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1", b"ftypheim"), "HEIC"),
    (4, (b"ftypavif", b"ftypavis"), "AVIF"),
    (0, (b"II*\0", b"MM\0*", b"II+\0"), "TIFF"),
    (0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "JPEG 2000"),
    (0, (b"\xff\x0a", b"\0\0\0\x0cJXL "), "JPEG XL"),
    (0, (b"8BPS",), "Photoshop"),
    (0, (b"%PDF",), "PDF"),
)
"""Where the sign of a format stands, the sign, and what to call it: known, and not read here."""


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a file says of itself.

    Args:
        format: JPEG, PNG, WebP, GIF or BMP.
        width_px: As it is stored, before any turning.
        height_px: The same.
        is_progressive: A JPEG whose decoder needs the whole picture in memory at full size.
        size_at: Where in the file the size stands.
    """

    format: str
    width_px: int
    height_px: int
    is_progressive: bool = False
    size_at: int = 0


def read_header(head: bytes) -> PictureHeader:
    """Format and size of a picture file.

    Args:
        head: The first ``HEAD_BYTES`` of it, or all of it.

    Raises:
        MediaError: It is no picture, of a format that is not read, or its header is broken; the
            sentence has no file name and no full stop.
    """
    if not head:
        raise MediaError("the file is empty")
    for sign, parse in _PARSERS:
        if head.startswith(sign):
            try:
                header = parse(head)
            except (struct.error, IndexError) as error:
                raise MediaError("its header is cut off") from error
            if header.width_px < 1 or header.height_px < 1:
                raise MediaError("its header is broken: it says that the picture has no size")
            return header
    for offset, signs, name in UNREADABLE:
        if head[offset:].startswith(signs):
            raise MediaError(f"it is a {name} file; save it as JPEG or PNG first")
    raise MediaError("it is not a picture (JPEG, PNG, WebP, GIF or BMP)")


_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a length: TEM, RST0-7 and SOI (ITU-T T.81, table B.1)."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG start-of-frame markers; the three others are tables (ITU-T T.81, table B.1)."""

_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


def _jpeg(head: bytes) -> PictureHeader:
    at = 2
    while True:
        if head[at] != 0xFF:
            raise MediaError("its header is broken")
        while head[at] == 0xFF:  # fill bytes
            at += 1
        marker = head[at]
        at += 1
        if marker in _STANDALONE:
            continue
        (length,) = struct.unpack_from(">H", head, at)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 3)
            return PictureHeader("JPEG", width, height, marker in _PROGRESSIVE, at)
        if marker in (0xD9, 0xDA) or length < 2:
            raise MediaError("its header is broken: there is no picture in it")
        at += length


def _png(head: bytes) -> PictureHeader:
    return PictureHeader("PNG", *struct.unpack_from(">II", head, 16))


def _gif(head: bytes) -> PictureHeader:
    return PictureHeader("GIF", *struct.unpack_from("<HH", head, 6))


def _bmp(head: bytes) -> PictureHeader:
    (size,) = struct.unpack_from("<I", head, 14)
    if size == 12:  # BITMAPCOREHEADER has 16-bit sides
        return PictureHeader("BMP", *struct.unpack_from("<HH", head, 18))
    width, height = struct.unpack_from("<ii", head, 18)
    return PictureHeader("BMP", width, abs(height))  # negative: the top row comes first


def _webp(head: bytes) -> PictureHeader:
    """The three kinds of first chunk (RFC 9649, section 2)."""
    if head[8:12] != b"WEBP":
        raise MediaError("it is not a picture (JPEG, PNG, WebP, GIF or BMP)")
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return PictureHeader("WebP", width, height)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return PictureHeader("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return PictureHeader("WebP", width & 0x3FFF, height & 0x3FFF)
    raise MediaError("its header is broken")


_PARSERS: tuple[tuple[bytes, Callable[[bytes], PictureHeader]], ...] = (
    (b"\xff\xd8\xff", _jpeg),
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"RIFF", _webp),
    (b"GIF87a", _gif),
    (b"GIF89a", _gif),
    (b"BM", _bmp),
)
