"""What a camera usually shows, as sketches: one view by day, others in the evening and by infrared.

A look is compared with each learned view block by block. A block agrees when its edges lie where
they lay, whatever the light made of their strength. A van before the door covers blocks, fog
weakens them, snow changes the ground; a camera that was turned leaves none in its place.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from spyoncino.detectors.picture_facts import SKETCH_SHAPE

Sketch = NDArray[np.float32]
"""float32 of ``SKETCH_SHAPE``; see ``PictureFacts.sketch``."""

BLOCKS: Final = (4, 4)
"""Rows and columns of blocks: 9x16 cells each."""

SWAY_CELLS: Final = 2
"""A block may lie so many cells beside its place: a pole in the wind, 3 % of the width."""

ALIKE: Final = 0.45
"""Correlation from which on a block agrees. Blocks of unrelated scenes, each at the best place
within the sway, reach 0.25 on average and 0.45 in one case of ten (tests/accuracy)."""

MIN_BLOCK: Final = 4.0
"""Standard deviation of a block's sketch from which on it has a structure to compare; noise of 6
grey levels alone makes about 2."""

LOST: Final = 0.5
"""Share of its mean gradient below which a block has faded; of one that is covered 0.05 to 0.3 are
left, of one in rain or by infrared light more than 0.5 in most."""

FOUND: Final = 0.55
"""Correlation of the overlap at which a view was found again at another place."""

PART_SHARES: Final = (0.4, 0.55)
"""Parts of so much of each side are looked for elsewhere."""

MIN_VOTES: Final = 5
"""A view with fewer blocks of structure (an even wall) says too little to tell a move by it."""

VIEWS_PER_LIGHT: Final = 6
"""Views kept in colour, and as many without: morning, noon, evening, wet, snow, lamp."""


@dataclass(slots=True)
class View:
    """One thing the camera is known to show.

    Args:
        sketch: Running average.
        is_grey: Learned from pictures without colour.
        sharpness_grey: Running average of the sharpness.
        structure: Running average of the share of cells with edges.
        seen_s: Seconds of looks that went into it.
        last_s: When it was last agreed with, seconds since 1970.
    """

    sketch: Sketch
    is_grey: bool
    sharpness_grey: float
    structure: float
    seen_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Shift:
    """Where a view was found again.

    Args:
        across: To the right, as a share of the width.
        down: Downwards, as a share of the height.
        share: Agreement of the blocks that are still in the picture, 0..1.
    """

    across: float
    down: float
    share: float


def sketch_of(cells: bytes) -> Sketch:
    """The array of a sketch that came as bytes.

    Raises:
        ValueError: It has another size.
    """
    return np.frombuffer(cells, np.uint8).reshape(SKETCH_SHAPE).astype(np.float32)


def agreement(view: Sketch, now: Sketch, across: int = 0, down: int = 0) -> float:
    """Share of the view's blocks with a structure whose edges are where they were, 0..1.

    Args:
        view: What is known.
        now: What is seen.
        across: Cells by which the picture is taken to have moved to the right.
        down: Likewise downwards; blocks that would lie outside have no vote.
    """
    return _kept(view, now, across, down, least=0.0)


def lost_share(view: Sketch, now: Sketch) -> float:
    """Share of the view's blocks that are gone or whose edges faded below ``LOST``, 0..1.

    A van leaves those around it as they are; a hand, paint and fog leave none.
    """
    return 1.0 - _kept(view, now, 0, 0, least=LOST)


def _kept(view: Sketch, now: Sketch, across: int, down: int, least: float) -> float:
    """Share of the blocks that agree and have at least this share of their gradient."""
    (rows, columns), (tall, broad), sway = SKETCH_SHAPE, BLOCKS, SWAY_CELLS
    high, wide = rows // tall, columns // broad
    blocks = view.reshape(tall, high, broad, wide)
    deviations = blocks.std(axis=(1, 3))
    tops = down + high * np.arange(tall)
    lefts = across + wide * np.arange(broad)
    is_inside = ((tops >= 0) & (tops <= rows - high))[:, None] & (
        (lefts >= 0) & (lefts <= columns - wide)
    )
    votes = is_inside & (deviations >= MIN_BLOCK)
    if votes.sum() < MIN_VOTES:
        return 0.0
    centred = blocks - blocks.mean(axis=(1, 3), keepdims=True)
    padded = np.roll(np.pad(now, sway, mode="edge"), (-down, -across), axis=(0, 1))
    best = np.full(BLOCKS, -1.0, np.float32)
    for y, x in product(range(2 * sway + 1), repeat=2):
        seen = padded[y : y + rows, x : x + columns].reshape(blocks.shape)
        if (y, x) == (sway, sway):
            is_strong = np.square(seen).mean(axis=(1, 3)) >= least * np.square(blocks).mean(
                axis=(1, 3)
            )
        products = (seen * centred).mean(axis=(1, 3))
        best = np.maximum(best, products / np.maximum(seen.std(axis=(1, 3)) * deviations, 1e-3))
    return float((votes & is_strong & (best >= ALIKE)).sum() / votes.sum())


def block_count(view: Sketch) -> int:
    """Blocks that have a structure: so many can say whether a picture is of this view."""
    rows, columns = BLOCKS
    high, wide = SKETCH_SHAPE[0] // rows, SKETCH_SHAPE[1] // columns
    blocks = view.reshape(rows, high, columns, wide).std(axis=(1, 3))
    return int((blocks >= MIN_BLOCK).sum())


def found_elsewhere(view: Sketch, now: Sketch) -> Shift | None:
    """Where the view is now; ``None``: it was not found at another place.

    Parts of one picture are looked for in the other, and the other way round, at half the
    resolution of a sketch; what the best place says is then asked of every block.
    """
    before, after = _halved(view), _halved(now)
    rows, columns = before.shape
    best, place = FOUND, None
    for share in PART_SHARES:
        high, wide = round(rows * share), round(columns * share)
        lefts = (0, (columns - wide) // 2, columns - wide)
        for one, other, sign in ((before, after, 1), (after, before, -1)):
            for top, left in product((0, (rows - high) // 2, rows - high), lefts):
                part = one[top : top + high, left : left + wide]
                if float(part.std()) < MIN_BLOCK:
                    continue
                scores = _correlations(other, part)
                y, x = np.unravel_index(int(scores.argmax()), scores.shape)
                across, down = sign * (int(x) - left), sign * (int(y) - top)
                is_elsewhere = max(abs(across), abs(down)) > SWAY_CELLS
                if is_elsewhere and float(scores[y, x]) > best:
                    best, place = float(scores[y, x]), (2 * across, 2 * down)
    if place is None:
        return None
    shares = (place[0] / SKETCH_SHAPE[1], place[1] / SKETCH_SHAPE[0])
    return Shift(*shares, agreement(view, now, *place))


def _correlations(around: Sketch, part: Sketch) -> Sketch:
    """Zero-mean normalised correlation of a part with every place around."""
    windows = sliding_window_view(around, part.shape)
    centred = part - part.mean()
    scale = np.sqrt(windows.var(axis=(2, 3)) * part.size) * np.linalg.norm(centred)
    products = np.einsum("yxij,ij->yx", windows, centred)
    return np.asarray(products / np.maximum(scale, 1e-3), np.float32)


def _halved(sketch: Sketch) -> Sketch:
    rows, columns = sketch.shape[0] // 2, sketch.shape[1] // 2
    return np.asarray(sketch.reshape(rows, 2, columns, 2).mean(axis=(1, 3)), np.float32)
