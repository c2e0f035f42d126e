"""What the worker pool can do: the kinds of job, their payloads and their results.

Main imports this file to build jobs; it stays free of heavy libraries. The functions that do the
work are named in ``TASK_FACTORIES`` and are imported by the worker processes alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from spyoncino.detectors.results import DetectionMetrics, RawDetection
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality, Landmarks
from spyoncino.runtime.frame_ring import FrameHandle

OBJECTS: Final = "objects"
FACES: Final = "faces"
SNAPSHOT: Final = "snapshot"
FINISH_CLIP: Final = "finish_clip"
PREVIEW: Final = "preview"
PICTURE: Final = "picture"

TASK_FACTORIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        OBJECTS: "spyoncino.runtime.object_task:build_object_task",
        FACES: "spyoncino.runtime.face_task:build_face_task",
        SNAPSHOT: "spyoncino.runtime.media_tasks:build_snapshot_task",
        FINISH_CLIP: "spyoncino.runtime.media_tasks:build_finish_clip_task",
        PREVIEW: "spyoncino.runtime.media_tasks:build_preview_task",
        PICTURE: "spyoncino.runtime.media_tasks:build_picture_task",
    }
)
"""Kind of job to ``package.module:function``, which takes the task's settings."""


@dataclass(frozen=True, slots=True)
class ObjectJob:
    """Look for objects in one frame.

    Args:
        frame: A leased frame; the lease must last until the result is there.
        regions: Parts of the picture to look at, each as one tile (see
            ``detectors.tiles``); normalised.
        whole: Look at the whole picture too.
        score_floor: Weaker detections are left out, 0..1; a tracker joins weak ones to tracks.
    """

    frame: FrameHandle
    regions: tuple[Box, ...] = ()
    whole: bool = True
    score_floor: float = 0.1


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """What was found in one frame.

    Args:
        detections: Best score first, doubles across tiles removed; normalised to the whole picture.
        detector: Type and model, for example ``cpu:nanodet_416``.
        looked_at: Every part that was looked at; the whole picture is ``FULL_PICTURE``.
        metrics: What it cost, all tiles together.
    """

    detections: tuple[RawDetection, ...]
    detector: str
    looked_at: tuple[Box, ...]
    metrics: DetectionMetrics


@dataclass(frozen=True, slots=True)
class FaceRegion:
    """Where in a frame to look for a face.

    Args:
        box: Box of the person; normalised.
        track_id: Its track.
        embed_above: A face is embedded when its quality is above this, 0..1: what the track
            already has. 1 embeds none.
    """

    box: Box
    track_id: int | None = None
    embed_above: float = 0.0


@dataclass(frozen=True, slots=True)
class FaceJob:
    """Look for faces in one frame, measure them and embed the good ones.

    Args:
        frame: A leased frame, full size where naming matters.
        regions: Boxes of persons to look into.
        whole: Look at the whole picture too, as after a press.
        embed_above: The same as that of a region, for faces outside all regions.
        max_faces: The best so many are given back.
    """

    frame: FrameHandle
    regions: tuple[FaceRegion, ...] = ()
    whole: bool = False
    embed_above: float = 0.0
    max_faces: int = 16


@dataclass(frozen=True, slots=True)
class FoundFace:
    """One face of a frame.

    Args:
        box: Normalised to the whole picture.
        confidence: The detector's own, 0..1.
        landmarks: Five points normalised to the whole picture; empty where there are none.
        track_id: Track of the region in which it lies; ``None`` outside all regions.
        quality: How good a picture of the face it is.
        vector: Embedding as float32 little endian of length 1; empty when it was not embedded.
        crop: JPEG of the aligned face that was embedded; empty like ``vector``.
    """

    box: Box
    confidence: float
    landmarks: Landmarks
    track_id: int | None
    quality: FaceQuality
    vector: bytes = b""
    crop: bytes = b""


@dataclass(frozen=True, slots=True)
class FaceResult:
    """The faces of one frame.

    Args:
        faces: Best quality first, doubles across regions removed.
        detector: Type and model, for example ``cpu:centerface``.
        embedder: Name of the model of the vectors, for example ``mobilefacenet``.
        metrics: What finding them cost.
        embed_ms: What measuring and embedding cost on top.
    """

    faces: tuple[FoundFace, ...]
    detector: str
    embedder: str
    metrics: DetectionMetrics
    embed_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class CropsJob:
    """Embed aligned faces that were kept; another payload of the kind ``faces``.

    Args:
        crops: JPEGs; none only asks for the name of the embedder.
    """

    crops: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class CropsResult:
    """The vectors of kept faces.

    Args:
        embedder: Name of their model; empty where there is none.
        vectors: One for each crop, float32 little endian; empty where a crop cannot be used.
    """

    embedder: str
    vectors: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotJob:
    """Write one frame as a JPEG file.

    Args:
        frame: A leased frame.
        path: Absolute path of the file; its folder exists; an older file is replaced atomically.
        quality: JPEG quality, 1..100.
    """

    frame: FrameHandle
    path: str
    quality: int = 90


@dataclass(frozen=True, slots=True)
class SnapshotResult:
    """The finished picture."""

    path: str
    width_px: int
    height_px: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FinishClipJob:
    """Turn a growing clip into a plain MP4 that starts fast.

    Args:
        part_path: Absolute path of the fragmented file; removed when the final one is complete.
        final_path: Absolute path of the result.
        start_s: Camera time of the clip's first picture.
        end_s: Cut there, in camera time; ``None`` keeps everything.
    """

    part_path: str
    final_path: str
    start_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class FinishClipResult:
    """The finished clip.

    Args:
        path: Where it lies.
        start_s: Camera time of its first picture.
        duration_s: From the first picture to the end of the last.
        size_bytes: Size on disk.
        notes: What was changed or left out, in plain words.
    """

    path: str
    start_s: float
    duration_s: float
    size_bytes: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewJob:
    """Make the two moving previews of a finished clip.

    Args:
        clip_path: Absolute path of the clip.
        gif_path: Absolute path of the GIF.
        webp_path: Absolute path of the animated WebP.
        width_px: Width of both.
        max_frames: Pictures in each, spread evenly over the clip.
    """

    clip_path: str
    gif_path: str
    webp_path: str
    width_px: int = 320
    max_frames: int = 24


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """The finished previews; ``duration_s`` is how long each plays."""

    gif_path: str
    webp_path: str
    gif_size_bytes: int
    webp_size_bytes: int
    width_px: int
    height_px: int
    frame_count: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class PictureJob:
    """Encode one frame as a JPEG for somebody who watches now; the result is its bytes.

    Args:
        frame: A leased frame.
        quality: JPEG quality, 1..100.
    """

    frame: FrameHandle
    quality: int = 75
