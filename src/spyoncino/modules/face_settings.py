"""Sections ``faces`` and ``gallery``: what is looked at, how often, and what is kept of it."""

from pathlib import Path
from typing import Any

from pydantic import Field

from spyoncino.core.contracts import ModuleSettings
from spyoncino.events.face_moments import MomentSpec
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import FACES, FaceJob

_DEFAULTS = MomentSpec()


class FaceSettings(ModuleSettings):
    """Section ``faces``: whether, where and how often faces are looked at."""

    enabled: bool = Field(
        default=False,
        description="Look for faces. Faces are biometric data: nothing of them is computed or kept "
        "before this is on. Switching it on holds from the next start.",
    )
    detector: str = Field(
        default="cpu", description="Back end: cpu, mock or another one that is here. For all."
    )
    model: str | dict[str, Any] | None = Field(
        default=None,
        description="A bundled detector by name, or the keys of your own; empty: the back end's "
        "own, for most of them centerface. For all cameras.",
    )
    detector_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Further keys of the back end, such as device, model_path or "
        "number_of_times_to_upsample. For all cameras.",
    )
    embedder: str | dict[str, Any] = Field(
        default="mobilefacenet",
        description="What makes vectors of faces: a bundled model by name, or the keys of your "
        "own. For all cameras.",
    )
    threads: int = Field(
        default=1, ge=1, le=64, description="Threads of one worker's models. For all cameras."
    )
    min_person_px: int = Field(
        default=_DEFAULTS.min_person_px,
        ge=1,
        description="People narrower than this in the full-size picture are not looked at.",
    )
    every_s: float = Field(
        default=_DEFAULTS.every_s,
        gt=0,
        description="Seconds between two looks at a person until enough good faces are known.",
    )
    settled_every_s: float = Field(
        default=_DEFAULTS.settled_every_s, gt=0, description="Seconds between two looks then."
    )
    enough_faces: int = Field(
        default=_DEFAULTS.enough_faces, ge=1, description="So many good faces are enough."
    )
    good_quality: float = Field(
        default=_DEFAULTS.good_quality, ge=0, le=1, description="From here on a face is good."
    )
    good_size_px: float = Field(
        default=_DEFAULTS.good_size_px, ge=0, description="And only from this width on."
    )
    press_look_s: float = Field(
        default=3.0,
        ge=0,
        description="For so long after a press people are looked at before all other work.",
    )
    max_in_flight: int = Field(
        default=2, ge=1, le=16, description="Looks of one camera in work at a time, live."
    )
    max_burst_waiting: int = Field(
        default=8, ge=1, le=64, description="Looks after presses that may wait, for each camera."
    )
    deadline_s: float = Field(
        default=2.0, gt=0, description="Live, a look that has not begun after this is dropped."
    )
    job_timeout_s: float = Field(
        default=30.0, gt=0, description="So long a look after a press is tried again."
    )
    max_retries: int = Field(default=3, ge=0, le=100, description="Attempts after a failed one.")
    retry_delay_s: float = Field(
        default=1.0, gt=0, description="Before the first of them; doubles with each."
    )
    frame_timeout_s: float = Field(
        default=5.0, gt=0, description="How long a camera may take to find a full-size picture."
    )
    max_faces: int = Field(default=16, ge=1, le=256, description="Faces of one look at most.")

    def to_task_settings(self) -> dict[str, Any]:
        """What the pool's task of kind ``faces`` is built from."""
        if self.detector == "mock":
            return {"detector": self.detector, "embedder": None}
        model = {} if self.model is None else {"model": self.model}
        return {
            "detector": self.detector,
            "config": {**self.detector_options, **model, "threads": self.threads},
            "embedder": self.to_embedder(),
        }

    def to_embedder(self) -> dict[str, Any]:
        """What makes the vectors, as ``detectors.embedders`` reads it."""
        return {"model": self.embedder, "threads": self.threads}

    def to_job(self, look: FaceJob, *, is_press: bool) -> Job:
        """One look as a job of the pool; a press overtakes the rest and is tried for longer."""
        return Job(
            FACES,
            look,
            priority=Priority.PRESS if is_press else Priority.CONTINUOUS,
            deadline_s=self.job_timeout_s if is_press else self.deadline_s,
            max_retries=self.max_retries,
            retry_delay_s=self.retry_delay_s,
        )

    def to_moments(self) -> MomentSpec:
        """The same as the choice of moments wants it."""
        return MomentSpec(
            self.min_person_px,
            self.every_s,
            self.settled_every_s,
            self.enough_faces,
            self.good_quality,
            self.good_size_px,
        )


SHARED_KEYS = ("detector", "model", "detector_options", "embedder", "threads")
"""Settings of the workers, which all cameras share."""


class GallerySettings(ModuleSettings):
    """Section ``gallery``: what is kept of faces, and how."""

    key_file: Path | None = Field(
        default=None,
        description="File with the key that encrypts vectors and pictures of faces; empty: they "
        "are kept as they are, readable by this user only. Holds from the next start.",
    )
    keep_strangers: bool = Field(
        default=True,
        description="Keep the best face of people without a name, so that they can be counted, "
        "named, ignored or blocked later.",
    )
    strangers_keep_days: float = Field(
        default=30.0, gt=0, description="Faces of people without a name are erased after so long."
    )
