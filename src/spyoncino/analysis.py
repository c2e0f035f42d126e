"""Runs the whole pipeline over files as fast as it can, with the files' own clocks, losing nothing.

The same input and settings give the same results for any number of workers.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.contracts import Category
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.core.registry import Registry
from spyoncino.core.settings import CameraSettings
from spyoncino.core.source_settings import FileSource
from spyoncino.errors import UsageError
from spyoncino.runtime.capture.spec import LOSSLESS_FPS
from spyoncino.schemas import topics
from spyoncino.schemas.detections import TrackUpdate
from spyoncino.schemas.events import Event, EventCompleted
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import CameraState, CameraStatus
from spyoncino.tracking.mot import MotWriter
from spyoncino.tracking.spec import TrackedObject

OnProgress = Callable[[str, float], None]
"""Called with a camera and its camera time while frames are analysed."""

ROUNDING_DIGITS = 3


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What to analyse.

    Args:
        videos: Files, analysed one after the other.
        out: Folder for media and database; it is a data folder.
        config: The user's configuration file; ``None`` for the usual places.
        camera: Camera of the configuration whose zones, masks and sections apply; ``None``: the
            one named like the video, if there is one.
        workers: Worker processes; ``None``: as configured.
        is_realtime: Play at the pace of the files and drop what is late, as ``run`` does.
    """

    videos: Sequence[Path]
    out: Path
    config: Path | None = None
    camera: str | None = None
    workers: int | None = None
    is_realtime: bool = False


@dataclass(slots=True)
class AnalysisResult:
    """What was found.

    Args:
        events: One JSON object per completed event, by video and time.
        mot_rows: Tracks as MOTChallenge rows of each camera.
        failures: Camera to the sentence why its file could not be analysed to its end.
        frames: Decoded frames of each camera.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    mot_rows: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)


class Analysis:
    """One run of ``analyze``; reads the configuration, so it is made outside the event loop.

    Args:
        request: What to analyse.
        on_progress: Told how far it is; called in the event loop.

    Raises:
        UsageError: No video, or a camera the configuration does not have.
        ConfigError: The configuration is wrong.
    """

    def __init__(self, request: AnalysisRequest, on_progress: OnProgress | None = None) -> None:
        self.cameras = _camera_ids(request.videos)
        self._request = request
        self._on_progress = on_progress or (lambda _camera, _pts_s: None)
        self._events: dict[str, Event] = {}
        self._media: dict[str, dict[MediaKind, str]] = {}
        self._mot: dict[str, MotWriter] = {}
        self._ended: dict[str, CameraStatus] = {}
        self._all_ended = asyncio.Event()
        self._registry = load_modules()
        self._loaded = _configured(request, self.cameras, self._registry)

    async def run(self) -> AnalysisResult:
        """Analyse every file; a file that cannot be read does not stop the others."""
        application = Application(
            self._loaded,
            _silent(self._registry),
            DataFolder(self._request.out),
            lossless=not self._request.is_realtime,
        )
        self._listen(application)
        async with application:
            await self._all_ended.wait()
        return self._result()

    def _listen(self, application: Application) -> None:
        for topic, handler in (
            (topics.EVENT_COMPLETED, self._on_completed),
            (topics.MEDIA_READY, self._on_media),
            (topics.TRACKS, self._on_tracks),
            (topics.CAMERA_FRAME, self._on_frame),
            (topics.STATUS_CAMERA, self._on_camera),
        ):
            application.bus.subscribe(topic, handler, name="analysis", policy=Policy.BLOCK)

    async def _on_completed(self, message: Message) -> None:
        completed: EventCompleted = message.payload
        self._events[completed.event.event_id] = completed.event

    async def _on_media(self, message: Message) -> None:
        artifact: MediaArtifact = message.payload
        self._media.setdefault(artifact.event_ref, {})[artifact.kind] = artifact.path

    async def _on_tracks(self, message: Message) -> None:
        update: TrackUpdate = message.payload
        writer = self._mot.get(update.frame.camera)
        if writer is not None and not update.end_of_stream:
            seen = [
                TrackedObject(**{name: getattr(track, name) for name in TrackedObject.__slots__})
                for track in update.tracks
            ]
            writer.add(update.frame.frame_index, seen, update.frame.pts_s)

    async def _on_frame(self, message: Message) -> None:
        frame: Frame = message.payload
        camera = frame.frame.camera
        if camera not in self._mot:
            self._mot[camera] = MotWriter(frame.source_width_px, frame.source_height_px)
        self._on_progress(camera, frame.frame.pts_s)

    async def _on_camera(self, message: Message) -> None:
        status: CameraStatus = message.payload
        if status.state is CameraState.ENDED:
            self._ended[status.camera] = status
        if len(self._ended) == len(self.cameras):
            self._all_ended.set()

    def _result(self) -> AnalysisResult:
        order = {camera: place for place, camera in enumerate(self.cameras)}
        events = sorted(
            self._events.values(),
            key=lambda event: (order[event.camera], event.start_s, event.type),
        )
        return AnalysisResult(
            events=[event_json(event, self._media.get(event.event_id, {})) for event in events],
            mot_rows={camera: writer.rows() for camera, writer in self._mot.items()},
            failures={
                camera: status.detail for camera, status in self._ended.items() if status.detail
            },
            frames={
                camera: int(status.numbers.get("frames", 0))
                for camera, status in self._ended.items()
            },
        )


def _silent(registry: Registry) -> Registry:
    """Without the modules that tell somebody: what was filmed long ago rings nobody up."""
    telling = (kind.name for kind in registry.modules if kind.category is Category.OUTPUT)
    return registry.without(tuple(telling))


def event_json(event: Event, media: dict[MediaKind, str]) -> dict[str, Any]:
    """One completed event as ``analyze --json`` prints it; paths relative to the out folder."""
    return {
        "event_id": event.event_id,
        "camera": event.camera,
        "type": event.type,
        "labels": list(event.labels),
        "start_s": round(event.start_s, ROUNDING_DIGITS),
        "end_s": round(event.end_s, ROUNDING_DIGITS),
        "best_s": round(event.best.pts_s, ROUNDING_DIGITS) if event.best else None,
        "presses": [round(press_s, ROUNDING_DIGITS) for press_s in event.presses],
        "tracks": [
            {
                "track_id": track.track_id,
                "label": track.label,
                "score": round(track.score, ROUNDING_DIGITS),
                "start_s": round(track.start_s, ROUNDING_DIGITS),
                "end_s": round(track.end_s, ROUNDING_DIGITS),
                "zones": list(track.zones),
            }
            for track in event.tracks
        ],
        "identities": [identity.model_dump(mode="json") for identity in event.identities],
        "snapshot": media.get(MediaKind.SNAPSHOT),
        "preview": media.get(MediaKind.GIF),
        "clip": media.get(MediaKind.CLIP),
    }


def _camera_ids(videos: Sequence[Path]) -> dict[str, Path]:
    if not videos:
        raise UsageError("name at least one video file to analyse")
    cameras: dict[str, Path] = {}
    for video in videos:
        stem = re.sub(r"[^a-z0-9_-]+", "-", video.stem.lower()).strip("-_")[:48] or "video"
        camera, number = stem, 1
        while camera in cameras:
            number += 1
            camera = f"{stem}-{number}"
        cameras[camera] = video
    return cameras


def _configured(
    request: AnalysisRequest, cameras: dict[str, Path], registry: Registry
) -> LoadedConfig:
    overrides: dict[str, Any] = {
        "capture": {"at_once": 1},
        "console": {"show": "off"},
        "web": {"enabled": False},
    }
    if request.workers is not None:
        overrides["pool"] = {"workers": request.workers}
    loaded = load_config(registry, file=request.config, overrides=overrides, measure=False)
    known = loaded.settings.cameras
    if request.camera is not None and request.camera not in known:
        raise UsageError(
            f"the configuration has no camera {request.camera!r}; it has: "
            + (", ".join(sorted(known)) or "none")
        )
    lent = {
        camera: _lent_settings(
            known.get(request.camera or camera), video, is_realtime=request.is_realtime
        )
        for camera, video in cameras.items()
    }
    return replace(loaded, settings=loaded.settings.model_copy(update={"cameras": lent}))


def _lent_settings(
    known: CameraSettings | None, video: Path, *, is_realtime: bool
) -> CameraSettings:
    source = FileSource(type="file", path=video.absolute(), realtime=is_realtime)
    if known is None:
        base = CameraSettings(source=source)
    else:
        base = known.model_copy(update={"source": source, "enabled": True})
    return base if is_realtime else base.model_copy(update={"analysis_fps": LOSSLESS_FPS})
