"""A number in a picture that a program reads back: milliseconds as black and white blocks.

For measurements only: how old is the picture that a viewer sees? The place is a share of the
picture, so that it is found again at any scale; blocks are large enough to survive H.264, JPEG and
halving. Pure: it knows no clock.
"""

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 8, 5
"""Blocks of the strip; the last row is the check."""

WIDTH_SHARE, HEIGHT_SHARE = 40, 24
"""A block is this part of the picture wide and high: 16 x 15 pixels at 640 x 360."""

VALUE_BITS = 32
MODULUS = 2**VALUE_BITS
"""Values count up to here and begin again: after 49.7 days of milliseconds."""

MIN_WIDTH_PX, MIN_HEIGHT_PX = 160, 96
"""Below this a block is smaller than four pixels and the encoder blurs it away."""

BLACK, WHITE = 16, 235
"""Luma of limited range BT.601."""

_MIDDLE = (BLACK + WHITE) / 2
_CRC_POLYNOMIAL = 0x07
_CRC_START = 0xFF
"""Not zero, so that neither an all black nor an all white strip is a value."""


def draw_counter(luma: NDArray[np.uint8], value: int) -> None:
    """Write a value into the top left corner of a picture.

    Args:
        luma: uint8 of shape ``(height, width)``, changed in place; at least 160 x 96.
        value: Taken modulo ``MODULUS``.
    """
    number = value % MODULUS
    word = number << 8 | _crc8(number)
    edges_x, edges_y = _edges(luma.shape[1], luma.shape[0])
    for place in range(COLUMNS * ROWS):
        row, column = divmod(place, COLUMNS)
        bit = word >> (COLUMNS * ROWS - 1 - place) & 1
        block = np.s_[edges_y[row] : edges_y[row + 1], edges_x[column] : edges_x[column + 1]]
        luma[block] = WHITE if bit else BLACK


def read_counter(luma: NDArray[np.uint8]) -> int | None:
    """The value in the top left corner of a picture of any scale.

    Args:
        luma: uint8 of shape ``(height, width)``, limited or full range.

    Returns:
        0 .. ``MODULUS - 1``, or ``None`` when there is none or a block was misread.
    """
    edges_x, edges_y = _edges(luma.shape[1], luma.shape[0])
    word = 0
    for place in range(COLUMNS * ROWS):
        row, column = divmod(place, COLUMNS)
        middle = luma[
            _inner(edges_y[row], edges_y[row + 1]), _inner(edges_x[column], edges_x[column + 1])
        ]
        word = word << 1 | int(middle.size > 0 and middle.mean() > _MIDDLE)
    number, check = word >> 8, word & 0xFF
    return number if check == _crc8(number) else None


def _edges(width_px: int, height_px: int) -> tuple[list[int], list[int]]:
    """Where the blocks begin and end, in pixels."""
    return (
        [round(column * width_px / WIDTH_SHARE) for column in range(COLUMNS + 1)],
        [round(row * height_px / HEIGHT_SHARE) for row in range(ROWS + 1)],
    )


def _inner(begin: int, end: int) -> slice:
    """The middle half of a block: its borders bleed into each other."""
    quarter = (end - begin) // 4
    return slice(begin + quarter, end - quarter)


def _crc8(number: int) -> int:
    """CRC-8 of the 32 bits (polynomial x^8 + x^2 + x + 1)."""
    crc = _CRC_START
    for byte in number.to_bytes(VALUE_BITS // 8, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ _CRC_POLYNOMIAL if crc & 0x80 else crc << 1) & 0xFF
    return crc
