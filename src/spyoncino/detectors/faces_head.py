"""What a face head is: the last step of a face model, raw outputs to candidate faces."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.objects_head import InputNorm, Shape, Tensor

POINT_COUNT: Final = 5
"""Landmarks of a face, see ``geometry.faces``."""


@dataclass(frozen=True, slots=True)
class FaceCandidates:
    """Faces before doubles are removed.

    Args:
        boxes_px: ``(n, 4)`` float32 left, top, right, bottom in pixels of the model's input.
        scores: ``(n,)`` float32, 0..1.
        points_px: ``(n, 5, 2)`` float32 x and y of the landmarks, in pixels of the input, in the
            order of ``geometry.faces``; ``(n, 0, 2)`` where the model finds none.
    """

    boxes_px: Tensor
    scores: Tensor
    points_px: Tensor

    @classmethod
    def joined(cls, parts: Sequence["FaceCandidates"]) -> Self:
        """Those of several levels of one model as one."""
        return cls(
            np.concatenate([part.boxes_px for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.points_px for part in parts]),
        )

    def chosen(self, places: NDArray[np.int64]) -> "FaceCandidates":
        """Only these, in this order."""
        return FaceCandidates(self.boxes_px[places], self.scores[places], self.points_px[places])


class FaceHead(ABC):
    """Decodes one family of face models; the size of the input may change with each picture."""

    norm: ClassVar[InputNorm]
    """What models of this family usually want; a user's configuration may say otherwise."""

    expects: ClassVar[str]
    """The outputs in words, for error messages."""

    size_multiple_px: ClassVar[int] = 32
    """Width and height of an open input must be multiples of it."""

    is_channels_last: ClassVar[bool] = False
    """Whether the input is ``1 x height x width x 3``."""

    same_face_iou: ClassVar[float] = 0.3
    """Two boxes that overlap more are one face; the value of the CenterFace authors."""

    @abstractmethod
    def fits(self, shapes: Sequence[Shape], width_px: int, height_px: int) -> bool:
        """Whether outputs of these shapes, for an input of this size, can be decoded."""

    @abstractmethod
    def decode(
        self, outputs: Sequence[Tensor], width_px: int, height_px: int, score_floor: float
    ) -> FaceCandidates:
        """Turn one picture's outputs into candidates with a score of at least ``score_floor``."""
