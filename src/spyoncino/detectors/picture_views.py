"""What a camera usually shows, as sketches: one view by day, others in the evening and by infrared.

A look is compared with each learned view block by block. A block agrees when its edges lie where
they lay, whatever the light made of their strength. A van before the door covers blocks, fog
weakens them, snow changes the ground; a camera that was turned leaves none in its place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from spyoncino.detectors.picture_facts import SKETCH_SHAPE

Sketch = NDArray[np.float32]
"""float32 of ``SKETCH_SHAPE``; see ``PictureFacts.sketch``."""

Spectrum = NDArray[np.complex128]

BLOCKS: Final = (4, 4)
"""Rows and columns of blocks: 9x16 cells each."""

_DOWN: Final = np.kron(
    np.eye(BLOCKS[0]), np.full(SKETCH_SHAPE[0] // BLOCKS[0], BLOCKS[0] / SKETCH_SHAPE[0])
).astype(np.float32)
_ACROSS: Final = np.kron(
    np.eye(BLOCKS[1]), np.full((SKETCH_SHAPE[1] // BLOCKS[1], 1), BLOCKS[1] / SKETCH_SHAPE[1])
).astype(np.float32)

SWAY_CELLS: Final = 2
"""A block may lie so many cells beside its place: a pole in the wind, 3 % of the width."""

ALIKE: Final = 0.45
"""Correlation from which on a block agrees. Blocks of unrelated scenes, each at the best place
within the sway, reach 0.25 on average and 0.45 in one case of ten (tests/accuracy)."""

MIN_DEVIATION: Final = 0.5
"""Smaller ones are rounding."""

MIN_BLOCK: Final = 4.0
"""Standard deviation of a block's sketch from which on it has a structure to compare; noise of 6
grey levels alone makes about 2."""

FADED: Final = 0.5
"""Share of its mean gradient below which a block has faded; of one that is covered 0.05 to 0.3 are
left, of one in rain or by infrared light more than 0.5 in most."""

FOUND: Final = 0.55
"""Correlation of the overlap at which a view was found again at another place."""

MIN_OVERLAP: Final = 0.25
"""Share of the picture that must be left of a view to say where it went."""

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
        seen_s: Seconds of looks that went into it.
        last_s: When it was last agreed with, seconds since 1970.
    """

    sketch: Sketch
    is_grey: bool
    sharpness_grey: float
    seen_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Match:
    """What became of the blocks of a view that have a structure; all 0 where too few have one.

    Args:
        alike: Share of those whose edges are where they were, whatever is left of their strength.
        lost: Share of those that are not, or whose edges faded: a van leaves the ones around it as
            they are; a hand, paint and fog leave none.
        other: Share of those with other edges, as strong: little of it behind a hand, in fog or
            beside a van, nearly all of it where the camera was turned.
    """

    alike: float
    lost: float
    other: float


@dataclass(frozen=True, slots=True)
class Shift:
    """Where a view was found again.

    Args:
        across: To the right, as a share of the width.
        down: Downwards, as a share of the height.
    """

    across: float
    down: float


def sketch_of(cells: bytes) -> Sketch:
    """The array of a sketch that came as bytes.

    Raises:
        ValueError: It has another size.
    """
    return np.frombuffer(cells, np.uint8).reshape(SKETCH_SHAPE).astype(np.float32)


def match(view: Sketch, now: Sketch) -> Match:
    """Ask every block of a view with a structure whether its edges are where they were.

    Args:
        view: What is known.
        now: What is seen.
    """
    (rows, columns), (tall, broad), sway = SKETCH_SHAPE, BLOCKS, SWAY_CELLS
    votes = _deviations(view) >= MIN_BLOCK
    if votes.sum() < MIN_VOTES:
        return Match(0.0, 0.0, 0.0)
    means = np.repeat(np.repeat(_block_means(view), rows // tall, 0), columns // broad, 1)
    swaying = sliding_window_view(np.pad(now, sway, mode="edge"), SKETCH_SHAPE)
    places = swaying.reshape(-1, rows, columns)
    products = _block_means(places * (view - means))
    scales = np.maximum(_deviations(places), MIN_DEVIATION) * _deviations(view)
    is_alike = (products / np.maximum(scales, MIN_DEVIATION)).max(axis=0) >= ALIKE
    is_strong = _block_means(np.square(now)) >= FADED * _block_means(np.square(view))
    has_other = ~is_alike & is_strong & (_deviations(now) >= MIN_BLOCK)

    def share(blocks: NDArray[np.bool_]) -> float:
        return float((votes & blocks).sum() / votes.sum())

    return Match(share(is_alike), share(~(is_alike & is_strong)), share(has_other))


def _block_means(sketch: Sketch) -> Sketch:
    """The mean of each block, of one sketch or of a stack of them."""
    return np.asarray(_DOWN @ sketch @ _ACROSS, np.float32)


def _deviations(sketch: Sketch) -> Sketch:
    variances = _block_means(np.square(sketch)) - np.square(_block_means(sketch))
    return np.asarray(np.sqrt(np.maximum(variances, 0.0)), np.float32)


def found_elsewhere(view: Sketch, now: Sketch) -> Shift | None:
    """Where the view is now; ``None``: it was not found at another place.

    For every shift the part of the two that overlaps is correlated (masked normalised correlation,
    Padfield 2012, equation 6, with masks of ones).
    """
    scores = _overlap_correlations(view, now)
    sway = SWAY_CELLS
    scores[np.ix_(range(-2 * sway, 2 * sway + 1), range(-2 * sway, 2 * sway + 1))] = 0.0
    row, column = np.unravel_index(int(scores.argmax()), scores.shape)
    if scores[row, column] < FOUND:
        return None
    (rows, columns), down, across = SKETCH_SHAPE, int(row), int(column)
    down = down if down < rows else down - 2 * rows
    across = across if across < columns else across - 2 * columns
    return Shift(across / columns, down / rows)


def _overlap_correlations(view: Sketch, now: Sketch) -> Sketch:
    """Correlation of what overlaps, for each shift (negative ones last); 0: too little does."""
    size = (2 * SKETCH_SHAPE[0], 2 * SKETCH_SHAPE[1])
    ones, one, other = (np.fft.rfft2(each, size) for each in (np.ones(SKETCH_SHAPE), view, now))
    one2, other2 = np.fft.rfft2(np.square(view), size), np.fft.rfft2(np.square(now), size)

    def summed(left: Spectrum, right: Spectrum) -> NDArray[np.float64]:
        return np.asarray(np.fft.irfft2(np.conj(left) * right, size))

    count = np.maximum(np.rint(summed(ones, ones)), 1.0)
    sum_one, sum_other = summed(one, ones), summed(ones, other)
    product = summed(one, other) - sum_one * sum_other / count
    variance_one = summed(one2, ones) - np.square(sum_one) / count
    variance_other = summed(ones, other2) - np.square(sum_other) / count
    least = count * MIN_BLOCK**2
    is_enough = (
        (count >= MIN_OVERLAP * count.max()) & (variance_one >= least) & (variance_other >= least)
    )
    scale = np.sqrt(np.where(is_enough, variance_one * variance_other, 1.0))
    return np.asarray(np.where(is_enough, product / scale, 0.0), np.float32)
