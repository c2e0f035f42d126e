"""The worker's tasks about pictures and clips: snapshot, finished clip, preview, live picture.

Each that makes a file writes beside the final file, syncs, and renames: a killed worker leaves no
half file under a final name, and a retry does the same again.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spyoncino.detectors.object_config import refuse_unknown
from spyoncino.media.clip_writer import finish_clip
from spyoncino.media.files import write_atomic
from spyoncino.media.pictures import encode_jpeg
from spyoncino.media.preview import make_preview
from spyoncino.runtime.frame_ring import read_frame
from spyoncino.runtime.tasks import (
    FinishClipJob,
    FinishClipResult,
    PictureJob,
    PreviewJob,
    PreviewResult,
    SnapshotJob,
    SnapshotResult,
)


def build_snapshot_task(
    settings: Mapping[str, Any],
) -> Callable[[SnapshotJob], SnapshotResult]:
    """The task of kind ``snapshot``; it has no settings.

    Raises:
        ConfigError: There is a setting.
    """
    refuse_unknown(settings, (), "snapshot.")
    return write_snapshot


def build_finish_clip_task(
    settings: Mapping[str, Any],
) -> Callable[[FinishClipJob], FinishClipResult]:
    """The task of kind ``finish_clip``; it has no settings.

    Raises:
        ConfigError: There is a setting.
    """
    refuse_unknown(settings, (), "finish_clip.")
    return finish_growing_clip


def build_preview_task(
    settings: Mapping[str, Any],
) -> Callable[[PreviewJob], PreviewResult]:
    """The task of kind ``preview``; it has no settings.

    Raises:
        ConfigError: There is a setting.
    """
    refuse_unknown(settings, (), "preview.")
    return write_preview


def build_picture_task(settings: Mapping[str, Any]) -> Callable[[PictureJob], bytes]:
    """The task of kind ``picture``; it has no settings.

    Raises:
        ConfigError: There is a setting.
    """
    refuse_unknown(settings, (), "picture.")
    return encode_picture


def encode_picture(job: PictureJob) -> bytes:
    """One leased frame as a JPEG; compressed, so it may travel through the worker's pipe.

    Raises:
        StaleFrameError: The frame's slot was written again.
        MediaError: It cannot be encoded.
    """
    return encode_jpeg(read_frame(job.frame), job.quality)


def write_snapshot(job: SnapshotJob) -> SnapshotResult:
    """Write one leased frame as a JPEG file.

    Raises:
        StaleFrameError: The frame's slot was written again.
        MediaError: It cannot be encoded, or the disk refused.
    """
    content = encode_jpeg(read_frame(job.frame), job.quality)
    write_atomic(Path(job.path), content)
    return SnapshotResult(job.path, job.frame.width_px, job.frame.height_px, len(content))


def finish_growing_clip(job: FinishClipJob) -> FinishClipResult:
    """Turn a growing clip into a plain MP4 that starts fast.

    Raises:
        MediaError: Nothing in it can be played, or the disk refused.
    """
    facts = finish_clip(
        Path(job.part_path), Path(job.final_path), start_s=job.start_s, end_s=job.end_s
    )
    return FinishClipResult(
        facts.path, facts.start_s, facts.duration_s, facts.size_bytes, facts.notes
    )


def write_preview(job: PreviewJob) -> PreviewResult:
    """Make the GIF and the animated WebP of a finished clip.

    Raises:
        MediaError: The clip cannot be read, or the disk refused.
    """
    facts = make_preview(
        Path(job.clip_path),
        Path(job.gif_path),
        Path(job.webp_path),
        width_px=job.width_px,
        max_frames=job.max_frames,
    )
    return PreviewResult(
        gif_path=facts.gif_path,
        webp_path=facts.webp_path,
        gif_size_bytes=facts.gif_size_bytes,
        webp_size_bytes=facts.webp_size_bytes,
        width_px=facts.width_px,
        height_px=facts.height_px,
        frame_count=facts.frame_count,
        duration_s=facts.duration_s,
    )
