"""What a detection head is: the last step of an object model, raw outputs to candidate boxes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[np.float32]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InputNorm:
    """How pixels become numbers: ``(pixel - mean) / std``, per channel in the model's order.

    Args:
        colour: Order of the channels that the model wants.
        mean: Subtracted, on the scale 0..255.
        std: Divides, on the scale 0..255.
        centred: Whether the letterbox has bars on both sides.
    """

    colour: Literal["bgr", "rgb"]
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    centred: bool = True


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before doubles are removed, one label for each place.

    Args:
        boxes_px: ``(n, 4)`` float32 left, top, right, bottom in pixels of the model's input.
        scores: ``(n,)`` float32, 0..1.
        classes: ``(n,)`` int64 label numbers.
    """

    boxes_px: Tensor
    scores: Tensor
    classes: NDArray[np.int64]


class Head(ABC):
    """Decodes one family of models.

    Args:
        class_count: Labels that the model knows.
        width_px: Width of the model's input.
        height_px: Height of the model's input.
    """

    norm: ClassVar[InputNorm]
    """What models of this family usually want; a user's configuration may say otherwise."""

    expects: ClassVar[str]
    """The shape of the outputs in words, for error messages."""

    def __init__(self, class_count: int, width_px: int, height_px: int) -> None:
        self.class_count = class_count
        self.width_px = width_px
        self.height_px = height_px

    @abstractmethod
    def fits(self, shapes: Sequence[Shape]) -> bool:
        """Whether outputs of these shapes can be decoded with this number of labels."""

    @abstractmethod
    def decode(self, outputs: Sequence[Tensor], score_floor: float) -> Candidates:
        """Turn one picture's outputs into candidates with a score of at least ``score_floor``."""


def grid_centres(width_px: int, height_px: int, stride: int) -> Tensor:
    """Cells of one pyramid level, row by row: ``(cells, 2)`` column and row numbers."""
    columns, rows = -(-width_px // stride), -(-height_px // stride)
    row, column = np.divmod(np.arange(columns * rows), columns)
    return np.stack([column, row], axis=1).astype(np.float32)


def best_class(
    scores: Tensor, score_floor: float
) -> tuple[NDArray[np.int64], Tensor, NDArray[np.int64]]:
    """The best label of each place.

    Args:
        scores: ``(places, labels)``.
        score_floor: Places whose best score is lower are left out.

    Returns:
        Indices of the places that stay, their best scores, their label numbers as int64.
    """
    strongest = scores.max(axis=1)
    places = np.flatnonzero(strongest >= score_floor)
    classes: NDArray[np.int64] = scores[places].argmax(axis=1).astype(np.int64)
    return places.astype(np.int64), strongest[places], classes
