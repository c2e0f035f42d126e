"""What a look at a whole picture measured, and what is wrong with a camera's picture."""

from enum import StrEnum
from typing import Final

from pydantic import Field

from spyoncino.schemas.base import Payload

SKETCH_LETTERS: Final = 3072
"""Length of 36 x 64 bytes as Base64."""


class PictureLook(Payload):
    """Numbers about one picture of a camera, every few seconds; no pixel can be had from it."""

    camera: str = Field(description="Camera id.")
    pts_s: float = Field(description="Camera time of the picture, in seconds.")
    brightness_grey: float = Field(ge=0, le=255, description="Mean grey level.")
    contrast_grey: float = Field(ge=0, description="Standard deviation of the grey levels.")
    sharpness_grey: float = Field(
        ge=0, description="Root of the mean squared gradient, in grey levels per pixel."
    )
    structure: float = Field(ge=0, le=1, description="Share of the picture that shows edges.")
    is_grey: bool = Field(description="It has no colour, as by infrared light.")
    same: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of the picture that is byte for byte as in the look before.",
    )
    sketch: str = Field(
        min_length=SKETCH_LETTERS,
        max_length=SKETCH_LETTERS,
        description="How strong the edges of 36 x 64 cells are, one byte each, as Base64.",
    )


class PictureState(StrEnum):
    """How a camera's picture is."""

    FINE = "fine"
    COVERED = "covered"
    MOVED = "moved"
    FROZEN = "frozen"
    DARK = "dark"


class PictureStatus(Payload):
    """How a camera's picture is; told when it changes, and again and again while it is not fine."""

    camera: str = Field(description="Camera id.")
    state: PictureState
    detail: str = Field(default="", description="What was seen; a part of a sentence.")
    numbers: dict[str, float] = Field(
        default_factory=dict, description="The newest look, and how much of the usual view is left."
    )
