"""The worker's task of kind ``faces``: pixels from the frame ring, faces and vectors out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.base import Image
from spyoncino.detectors.embedders import create_embedder
from spyoncino.detectors.factory import create_face_detector
from spyoncino.detectors.object_config import refuse_unknown
from spyoncino.media.colour import PixelBox, i420_crop_to_bgr
from spyoncino.runtime.face_look import FaceLook
from spyoncino.runtime.frame_ring import read_frame
from spyoncino.runtime.tasks import CropsJob, CropsResult, FaceJob, FaceResult


def build_face_task(settings: Mapping[str, Any]) -> "FaceTask":
    """Build detector and embedder once for this worker.

    Args:
        settings: ``detector``: a name that ``DetectorFactory`` knows for faces, ``cpu`` when not
            given; ``config``: that detector's own configuration; ``embedder``: see
            ``create_embedder``, ``None`` embeds nothing; ``choices`` and ``max_threads``: for the
            detector ``auto``, see ``DetectorFactory``.

    Raises:
        ConfigError: A setting is wrong.
        ModelError: A model cannot be used.
    """
    known = ("detector", "config", "embedder", "choices", "max_threads")
    refuse_unknown(settings, known, "faces.")
    choices = settings.get("choices")
    detector = create_face_detector(
        settings.get("detector", "cpu"),
        settings.get("config", {}),
        choices=None if choices is None else Path(choices),
        max_threads=settings.get("max_threads", 1),
    )
    wanted = settings.get("embedder", {})
    return FaceTask(FaceLook(detector, None if wanted is None else create_embedder(wanted)))


class FramePicture:
    """A frame of the ring as I420, of which only the parts looked at become BGR.

    Args:
        i420: ``(height * 3 // 2, width)`` uint8.
    """

    def __init__(self, i420: NDArray[np.uint8]) -> None:
        self._i420 = i420

    @property
    def width_px(self) -> int:
        """Its width."""
        return int(self._i420.shape[1])

    @property
    def height_px(self) -> int:
        """Its height."""
        return int(self._i420.shape[0]) * 2 // 3

    def part(self, box_px: PixelBox) -> Image:
        """See ``face_look.Picture``."""
        return i420_crop_to_bgr(self._i420, box_px)


class FaceTask:
    """Looks at one frame for each call, or embeds faces that were kept."""

    def __init__(self, look: FaceLook) -> None:
        self.look = look

    @overload
    def __call__(self, job: FaceJob) -> FaceResult: ...

    @overload
    def __call__(self, job: CropsJob) -> CropsResult: ...

    def __call__(self, job: FaceJob | CropsJob) -> FaceResult | CropsResult:
        """Look where the job says.

        Raises:
            StaleFrameError: The frame's slot was written again.
            ModelError: A model failed.
        """
        if isinstance(job, CropsJob):
            return self.look.look_at_crops(job.crops)
        return self.look.look_at(
            FramePicture(read_frame(job.frame)),
            job.regions,
            whole=job.whole,
            embed_above=job.embed_above,
            max_faces=job.max_faces,
        )

    def health(self) -> dict[str, Any]:
        """Both models at work once; see ``BaseDetector.health_check``."""
        health = self.look.detector.health_check()
        if self.look.embedder is not None:
            health |= self.look.embedder.health_check()
        return health

    def close(self) -> None:
        """Give the models back."""
        self.look.close()
