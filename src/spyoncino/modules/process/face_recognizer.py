"""Says whose faces were found: known, unsure, unknown or blocked, with the numbers that decided.

All faces of a track vote. The gallery of references lies in memory and is read again whenever
people change; nothing is learned from what is recognised here.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.core.queues import Policy
from spyoncino.detectors.embedder_config import likeness_of
from spyoncino.errors import SpyoncinoError
from spyoncino.events.labels import PERSON
from spyoncino.faces.gallery import Gallery, Reference
from spyoncino.faces.identify import Limits, decide
from spyoncino.faces.limits import DEFAULT_TOLERANCE, MAX_TOLERANCE, limits_for
from spyoncino.modules.chores import Chores
from spyoncino.modules.face_memory import FaceMemory, Follow
from spyoncino.modules.face_renewal import GalleryRenewal
from spyoncino.schemas.detections import TrackUpdate
from spyoncino.schemas.events import Identity, Verdict
from spyoncino.schemas.faces import FaceDetectionEvent, FaceRecognitionEvent, GalleryChange
from spyoncino.schemas.status import ErrorReport, HealthState, HealthStatus, StatusNotice
from spyoncino.schemas.topics import (
    FACES_DETECTED,
    FACES_RECOGNIZED,
    GALLERY_CHANGED,
    MOTION_ZONED,
    STATUS_ERROR,
    STATUS_NOTICE,
)

BETTER_BY = 0.03
"""A best face must be so much better (0..1) to be told again for that alone."""

IN_A_THREAD_FROM = 5_000
"""References from which a search, which takes 1 ms for 5,000, leaves the event loop."""


class RecognitionSettings(ModuleSettings):
    """Section ``recognition``: what must be alike before somebody is named."""

    tolerance: float = Field(
        default=DEFAULT_TOLERANCE,
        gt=0,
        le=MAX_TOLERANCE,
        description="Strictness, as a distance: 0.6 is what the model was calibrated for (for dlib "
        "the distance itself), less is stricter.",
    )
    known_from: float | None = Field(
        default=None, ge=-1, le=1, description="Similarity that names; empty: the model's own."
    )
    unsure_from: float | None = Field(
        default=None, ge=-1, le=1, description="Similarity of an unsure answer; empty: the model's."
    )
    margin: float | None = Field(
        default=None, ge=0, le=2, description="Lead over the second person; empty: the model's."
    )
    min_size_px: float | None = Field(
        default=None, ge=0, description="Narrower faces are never named; empty: the model's."
    )
    min_faces: int = Field(
        default=Limits().min_faces,
        ge=1,
        description="So many faces must agree, unless one is clearly above the limit.",
    )
    linger_s: float = Field(
        default=30.0, gt=0, description="Faces are remembered for so long after their track ended."
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """What is known about an embedder, as ``limits_for`` wants it."""

    name: str
    known_from: float | None
    unsure_from: float | None
    margin: float | None
    min_size_px: float | None


class FaceRecognizerModule(ProcessModule[RecognitionSettings]):
    """Publishes ``process.face.recognized`` when the answer about a face changes or improves.

    It also passes on how far the looks are, so that no event waits for what will not come.
    """

    name = "process.face_recognizer"
    section = "recognition"
    settings_model = RecognitionSettings
    consumes = (
        Consume(FACES_DETECTED, "on_faces"),
        Consume(MOTION_ZONED, "on_tracks"),
        Consume(GALLERY_CHANGED, "on_gallery", policy=Policy.BLOCK),
    )
    publishes = (FACES_RECOGNIZED, STATUS_ERROR, STATUS_NOTICE)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._cameras: dict[str, FaceMemory] = {}
        self._gallery = Gallery("")
        self._names: dict[str, str] = {}
        self._limits = Limits()
        self._turn = asyncio.Lock()
        self._chores = Chores(context.log)
        self._renewal = GalleryRenewal(context, self._chores, self._notice, self._read_again)
        self._counts = dict.fromkeys(("faces", "named", "unknown", "errors"), 0)
        self._spent_ms = 0.0
        self._last_error = ""

    async def configure(self, settings: RecognitionSettings) -> None:
        """Take new settings; faces in view are judged by them at once.

        Raises:
            UsageError: The limits contradict each other.
        """
        await super().configure(settings)
        self._limits = await asyncio.to_thread(self._limits_now)
        await self._judge_all()

    async def start(self) -> None:
        """See whether the references fit the workers' model; the first face has them read."""
        self._renewal.begin()

    async def stop(self) -> None:
        """Forget every face."""
        await self._chores.cancel()
        self._cameras.clear()
        self._gallery = Gallery("")

    async def health(self) -> HealthStatus:
        """Degraded while faces cannot be compared, or not with everybody."""
        problem = self._last_error or self._renewal.sentence or self._chores.last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={
                "faces": self._counts["faces"],
                "named": self._counts["named"],
                "unknown": self._counts["unknown"],
                "errors": self._counts["errors"],
                "references": len(self._gallery),
                "people": len(self._names),
                "remembered": sum(len(each) for each in self._cameras.values()),
                "avg_recognition_time": self._spent_ms / 1000 / max(1, self._counts["faces"]),
            },
        )

    async def on_tracks(self, update: TrackUpdate) -> None:
        """See where people are: a face after a press may have been one of theirs."""
        camera = self._cameras.get(update.frame.camera)
        if camera is None or update.end_of_stream:
            return
        people = tuple(each for each in update.tracks if each.label == PERSON)
        async with self._turn:
            found = camera.see(people, update.frame.pts_s)
            camera.forget_before(update.frame.pts_s, self.settings.linger_s)
            if found:
                await self._judge(update.frame.camera, camera, found)

    async def on_faces(self, event: FaceDetectionEvent) -> None:
        """Let the faces of one frame vote, and tell what follows."""
        name = event.frame.camera
        async with self._turn:
            camera = self._cameras.setdefault(name, FaceMemory())
            if event.end_of_stream:
                self._cameras.pop(name)
                await self._tell(name, camera, (), event)
                return
            try:
                await self._use_model(event.detection_metadata.embedder)
                camera = self._cameras[name]  # another model begins with nothing
                camera.last_s, camera.correlation_id = event.frame.pts_s, event.correlation_id
                touched = [camera.take(face, event.frame.pts_s) for face in event.faces]
                news = [each for each in touched if each is not None]
                self._counts["faces"] += len(news)
                await self._judge(name, camera, dict.fromkeys(news), event)
                self._last_error = ""
            except SpyoncinoError as error:
                await self._handle_recognition_error(name, camera, event, error)

    async def on_gallery(self, change: GalleryChange) -> None:
        """People have changed: read them again, and judge who is in view anew."""
        del change
        await self._read_again()

    # --- gallery ---------------------------------------------------------------------------------

    async def _read_again(self) -> None:
        async with self._turn:
            if self._gallery.embedder:
                await self._load(self._gallery.embedder)
        await self._judge_all()

    async def _notice(self, sentence: str, state: HealthState) -> None:
        severity = "info" if state is HealthState.OK else "warning"
        notice = StatusNotice(
            source=self.name, component=self.name, message=sentence, severity=severity, state=state
        )
        await self.publish(STATUS_NOTICE, notice)

    async def _use_model(self, embedder: str) -> None:
        """Vectors of different models never mix: another one begins with nothing."""
        if not embedder or embedder == self._gallery.embedder:
            return
        for camera in self._cameras:
            self._cameras[camera] = FaceMemory()
        await self._load(embedder)

    async def _load(self, embedder: str) -> None:
        people = self.context.people
        if people is None:
            self._gallery = Gallery(embedder)
            return
        await self._renewal.look(embedder)

        def read() -> tuple[Gallery, dict[str, str]]:
            names = {each.person_id: each.name for each in people.people()}
            rows: list[Any] = people.references(embedder)
            return Gallery(embedder, [Reference(*row) for row in rows]), names

        self._gallery, self._names = await asyncio.to_thread(read)
        self.context.log.info(
            "gallery read", model=embedder, people=len(self._names), faces=len(self._gallery)
        )

    def _limits_now(self) -> Limits:
        like = likeness_of(self.context.embedder)
        model = _Model(
            "the embedder", like.known_from, like.unsure_from, like.margin, like.min_size_px
        )
        wanted = {
            key: value
            for key in ("known_from", "unsure_from", "margin", "min_size_px", "min_faces")
            if (value := getattr(self.settings, key)) is not None
        }
        limits = limits_for(model, self.settings.tolerance)
        if "known_from" in wanted and "unsure_from" not in wanted:
            wanted["unsure_from"] = min(limits.unsure_from, wanted["known_from"])
        return replace(limits, **wanted)

    # --- answers ---------------------------------------------------------------------------------

    async def _judge_all(self) -> None:
        async with self._turn:
            for name, camera in self._cameras.items():
                await self._judge(name, camera, list(camera))

    async def _judge(
        self,
        name: str,
        camera: FaceMemory,
        follows: Iterable[Follow],
        event: FaceDetectionEvent | None = None,
    ) -> None:
        """Decide about some faces and tell those of which there is news."""
        news = []
        for follow in follows:
            identity = await self._decide(follow)
            if _is_news(identity, follow.said):
                follow.said = identity
                news.append(identity)
                self._record(name, identity)
        if news or (event is not None and (event.settled_s is not None or self.context.lossless)):
            await self._tell(name, camera, news, event)

    async def _decide(self, follow: Follow) -> Identity:
        began = time.perf_counter()
        gallery = self._gallery if self._renewal.is_whole else Gallery(self._gallery.embedder)
        arguments = follow.vote, gallery, self._limits, self._names
        if len(self._gallery) >= IN_A_THREAD_FROM:
            identity = await asyncio.to_thread(decide, *arguments)
        else:
            identity = decide(*arguments)
        self._spent_ms += 1000 * (time.perf_counter() - began)
        self._counts["unknown" if identity.name is None else "named"] += 1
        changes: dict[str, Any] = {"loose_id": follow.loose_id}
        if not self._renewal.is_whole:  # unsure: who may be known is not kept as a stranger
            changes |= {"decision": Verdict.UNSURE, "reason": self._renewal.sentence}
        return identity.model_copy(update=changes)

    async def _tell(
        self,
        name: str,
        camera: FaceMemory,
        news: Iterable[Identity],
        event: FaceDetectionEvent | None,
    ) -> None:
        told = FaceRecognitionEvent(
            source=self.name,
            correlation_id=event.correlation_id if event else camera.correlation_id,
            timestamp=event.timestamp if event else self.context.clock.utc_now(),
            camera=name,
            pts_s=event.frame.pts_s if event else camera.last_s,
            recognition_results=tuple(news),
            settled_s=event.settled_s if event else None,
            trigger_id=event.trigger_id if event else None,
            end_of_stream=event is not None and event.end_of_stream,
        )
        await self.publish(FACES_RECOGNIZED, told)

    async def _handle_recognition_error(
        self, name: str, camera: FaceMemory, event: FaceDetectionEvent, error: SpyoncinoError
    ) -> None:
        """Tell it; the event that waits for this answer must not wait for ever."""
        self._counts["errors"] += 1
        self._last_error = str(error)
        self.context.log.warning("faces were not compared", camera=name, why=str(error))
        report = ErrorReport(
            source=self.name,
            correlation_id=event.correlation_id,
            component=self.name,
            error=str(error),
            error_type=type(error).__name__,
        )
        await self.publish(STATUS_ERROR.of("recognition"), report)
        await self._tell(name, camera, (), event)

    def _record(self, camera: str, identity: Identity) -> None:
        about = f"loose face {identity.loose_id}"
        if identity.track_id is not None:
            about = f"face of track {identity.track_id}"
        self.context.decisions.record(
            self.name,
            camera,
            about,
            identity.name is not None,
            f"{identity.decision.value}: {identity.reason}",
            quantity="similarity",
            value=identity.similarity,
            limit=self._limits.known_from,
            at_s=identity.pts_s or 0.0,
        )


def _is_news(new: Identity, old: Identity | None) -> bool:
    if old is None:
        return True
    facts = ("decision", "person_id", "name", "resembles", "stranger", "track_id")
    if any(getattr(new, key) != getattr(old, key) for key in facts):
        return True
    return new.quality >= old.quality + BETTER_BY
