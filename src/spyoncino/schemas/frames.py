"""Frames by reference, and what the motion detector beside the decoder measured on them."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from spyoncino.geometry.boxes import Box
from spyoncino.schemas.base import EventType, Payload, Record


class FrameRef(Record):
    """Where one decoded picture lies in shared memory; never the pixels themselves."""

    camera: str = Field(description="Camera id.")
    ring: str = Field(description="Path of the ring file that holds the pixels (I420).")
    slot: int = Field(ge=0, description="Slot within the ring.")
    generation: int = Field(
        ge=1, description="Count of writes to this slot; a reader compares it before and after."
    )
    width_px: int = Field(ge=2, description="Width of the picture in the slot.")
    height_px: int = Field(ge=2, description="Height of the picture in the slot.")
    frame_index: int = Field(
        ge=0,
        description="Number of the decoded frame since the source was opened, from 0; in a burst, "
        "which is decoded apart from the rest, number within it.",
    )
    pts_s: float = Field(description="Presentation time in seconds since the source's first frame.")
    monotonic_ns: int = Field(description="Monotonic time at which the frame arrived.")
    utc: datetime = Field(description="Wall time of the connection's first packet plus pts.")


class MotionMeasurement(Record):
    """What moved in one frame compared with the camera's background."""

    score: float = Field(
        ge=0, le=1, description="Changed area as a fraction of the unmasked picture."
    )
    regions: tuple[Box, ...] = Field(default=(), description="Boxes around what moved.")
    light_change: bool = Field(
        default=False, description="The whole picture changed at once: a light, not a thing."
    )
    calibrating: bool = Field(default=False, description="The background is still being learned.")


class Frame(Payload):
    """One picture of a camera: analysed (``camera.{id}.frame``) or of a press's burst.

    A burst (``camera.{id}.burst``) begins before its press, is of full size, and never comes among
    the analysed frames, whose times rise: ``trigger_id`` is set there and nowhere else.
    """

    EVENT_TYPE: ClassVar[EventType] = EventType.FRAME_CAPTURED

    frame: FrameRef
    sequence_number: int = Field(
        ge=0,
        description="Number of this analysed frame of the camera, from 0; in a burst, number "
        "within it, from 0, in the order of time.",
    )
    source_width_px: int = Field(ge=1, description="Width of the full-size picture.")
    source_height_px: int = Field(ge=1, description="Height of the full-size picture.")
    motion: MotionMeasurement | None = Field(
        default=None, description="None where no motion detector runs."
    )
    trigger_id: str | None = Field(
        default=None, description="event_id of the press whose burst it is."
    )
    end_of_stream: bool = Field(
        default=False,
        description="No picture: the source is over; stages flush what they hold and pass it on.",
    )


class FrameBatch(Payload):
    """Several frames of one burst."""

    EVENT_TYPE: ClassVar[EventType] = EventType.FRAME_CAPTURED

    frames: tuple[Frame, ...]
