"""Reads picture files that anybody may have made: one sentence for a bad one, bounded memory.

Formats that people have: JPEG (also CMYK and progressive), PNG (also 16 bits), WebP, GIF, BMP; the
first picture of an animation; turned as EXIF says. Huge JPEGs are decoded at a half, a quarter or
an eighth of their size, which costs no more memory than a small one; other huge files are refused.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.errors import MediaError
from spyoncino.media.picture_header import HEAD_BYTES, PictureHeader, read_header

MAX_FILE_BYTES = 64_000_000
"""No photograph is larger; what is, is something else."""

MAX_PX = 25_000_000
"""Pixels decoded at most: 75 MB, and a face of 100 px is still found in a crowd."""

MAX_JPEG_PX = 400_000_000
"""Pixels of a JPEG that may be decoded reduced; phones make up to 200 million."""

MAX_PROGRESSIVE_PX = 30_000_000
"""Pixels of a progressive JPEG: its decoder keeps up to 6 bytes for each, reduced or not."""

_JPEG_END = b"\xff\xd9"
"""The marker EOI; cameras may append something to it, such as a short video."""

_REDUCED = (
    (1, cv2.IMREAD_COLOR),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (8, cv2.IMREAD_REDUCED_COLOR_8),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture from a file.

    Args:
        image: BGR, uint8 ``(height, width, 3)``, upright; at most ``MAX_PX`` pixels.
        width_px: Of the upright picture in the file, which may be larger than the image.
        height_px: The same.
        content: The file as it is.
    """

    image: NDArray[np.uint8]
    width_px: int
    height_px: int
    content: bytes


def read_picture(path: Path) -> Picture:
    """Read a picture file.

    Raises:
        MediaError: It cannot be read, is too large, broken, or no picture; one sentence with its
            name.
    """
    try:
        content = _content(path)
        return decode_picture(content)
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror or error}") from error
    except MediaError as error:
        raise MediaError(f"{path} cannot be used: {error}") from error


def decode_picture(content: bytes) -> Picture:
    """A picture from the bytes of a file.

    Raises:
        MediaError: See ``read_picture``; without a name and a full stop.
    """
    header = read_header(content[:HEAD_BYTES])
    scale, flag = _scale(header)
    if header.format == "JPEG" and content.rfind(_JPEG_END) < header.size_at:
        raise MediaError("its last part is missing")  # decoders fill it with grey
    try:
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    except (cv2.error, MemoryError) as error:
        raise MediaError(f"the {header.format} data is damaged") from error
    if decoded is None or decoded.size == 0:
        raise MediaError(f"the {header.format} data is damaged")
    image = np.ascontiguousarray(decoded, dtype=np.uint8)
    if image.ndim != 3 or image.shape[2] != 3:
        raise MediaError(f"its pixels are of an unknown kind {image.shape}")
    if image.shape[0] * image.shape[1] > MAX_PX:
        raise MediaError("it is larger than its header says")
    width, height = header.width_px, header.height_px
    is_turned = (image.shape[1] - image.shape[0]) * (width - height) < 0
    if is_turned:
        width, height = height, width
    if scale == 1:
        height, width = image.shape[:2]
    return Picture(image, width, height, content)


def _scale(header: PictureHeader) -> tuple[int, int]:
    """By how much it is decoded smaller, and OpenCV's flag for it."""
    pixels = header.width_px * header.height_px
    size = f"{header.width_px}×{header.height_px} pixels"
    if header.format != "JPEG":
        if pixels > MAX_PX:
            raise MediaError(
                f"its {size} are more than {MAX_PX // 10**6} million; scale it down first"
            )
        return _REDUCED[0]
    limit = MAX_PROGRESSIVE_PX if header.is_progressive else MAX_JPEG_PX
    if pixels > limit:
        kind = "of a progressive JPEG " if header.is_progressive else ""
        raise MediaError(
            f"its {size} {kind}are more than {limit // 10**6} million; scale it down first"
        )
    for scale, flag in _REDUCED:
        if pixels <= MAX_PX * scale * scale:
            return scale, flag
    raise MediaError(f"its {size} are too many; scale it down first")


def _content(path: Path) -> bytes:
    """All of a regular file; a pipe or device is never waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise MediaError("it is a folder; name the pictures in it, or use `faces import`")
        if not stat.S_ISREG(status.st_mode):
            raise MediaError("it is no file but a device or pipe")
        if status.st_size > MAX_FILE_BYTES:
            raise MediaError(
                f"it has {status.st_size / 1e6:.0f} MB, more than {MAX_FILE_BYTES // 10**6} MB"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
