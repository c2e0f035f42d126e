"""Makes the moving previews of an event, a GIF and an animated WebP, from its finished clip."""

from pathlib import Path

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, EventModule, ModuleSettings
from spyoncino.core.queues import Policy
from spyoncino.errors import JobError
from spyoncino.modules.chores import Chores
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import PREVIEW, PreviewJob, PreviewResult
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState, HealthStatus
from spyoncino.schemas.topics import CLIP_READY, GIF_READY, MEDIA_READY

GIF_NAME = "preview.gif"
WEBP_NAME = "preview.webp"


class PreviewSettings(ModuleSettings):
    """Section ``preview``: the moving previews of an event."""

    enabled: bool = Field(default=True, description="Whether events get previews.")
    width_px: int = Field(default=320, ge=16, le=1920, description="Width of both previews.")
    max_frames: int = Field(
        default=24, ge=2, le=240, description="Pictures in each, spread evenly over the clip."
    )


class GifBuilderModule(EventModule[PreviewSettings]):
    """Publishes ``event.gif.ready`` twice for each clip: once for the GIF, once for the WebP."""

    name = "event.gif_builder"
    section = "preview"
    settings_model = PreviewSettings
    per_camera = True
    consumes = (Consume(CLIP_READY, "on_clip", policy=Policy.BLOCK),)
    publishes = (GIF_READY, MEDIA_READY)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._chores = Chores(context.log)
        self._written_count = 0
        self._failed_count = 0
        self._last_error = ""

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Give up what is in work."""
        await self._chores.cancel()

    async def drain(self) -> None:
        """Wait until every preview is written or has failed."""
        await self._chores.finished()

    async def health(self) -> HealthStatus:
        """Degraded while the last preview could not be made."""
        problem = self._chores.last_error or self._last_error
        return HealthStatus(
            state=HealthState.DEGRADED if problem else HealthState.OK,
            detail=problem,
            numbers={"written": self._written_count, "failed": self._failed_count},
        )

    async def on_clip(self, clip: MediaArtifact) -> None:
        """Have the previews of a finished clip made, in the background."""
        if self.camera_settings(clip.camera).enabled:
            self._chores.start(self._make(clip), f"preview {clip.event_ref}")

    async def _make(self, clip: MediaArtifact) -> None:
        settings = self.camera_settings(clip.camera)
        source = self.context.data.root / clip.path
        task = PreviewJob(
            clip_path=str(source),
            gif_path=str(source.with_name(GIF_NAME)),
            webp_path=str(source.with_name(WEBP_NAME)),
            width_px=settings.width_px,
            max_frames=settings.max_frames,
        )
        try:
            result: PreviewResult = await self.context.pool.submit(
                Job(PREVIEW, task, priority=Priority.BACKGROUND)
            )
        except JobError as error:
            self._failed_count += 1
            self._last_error = str(error)
            self.context.log.warning("no preview", event_ref=clip.event_ref, why=str(error))
            self._record(clip, False, f"the preview failed: {error}")
            return
        self._written_count += 1
        self._last_error = ""
        self._record(clip, True, "the preview was written")
        gif = (MediaKind.GIF, result.gif_path, "image/gif", result.gif_size_bytes)
        webp = (MediaKind.WEBP, result.webp_path, "image/webp", result.webp_size_bytes)
        for kind, path, content_type, size_bytes in (gif, webp):
            artifact = MediaArtifact(
                kind=kind,
                event_ref=clip.event_ref,
                camera=clip.camera,
                path=self.context.data.relative(Path(path)),
                content_type=content_type,
                size_bytes=size_bytes,
                width_px=result.width_px,
                height_px=result.height_px,
                start_s=clip.start_s,
                duration_s=result.duration_s,
                timestamp=self.context.clock.utc_now(),
                source=self.name,
                correlation_id=clip.event_ref,
            )
            await self.publish(GIF_READY, artifact)
            await self.publish(MEDIA_READY, artifact)

    def _record(self, clip: MediaArtifact, passed: bool, reason: str) -> None:
        self.context.decisions.record(
            self.name,
            clip.camera,
            "preview",
            passed,
            reason,
            at_s=clip.start_s or 0.0,
            event_ref=clip.event_ref,
        )
