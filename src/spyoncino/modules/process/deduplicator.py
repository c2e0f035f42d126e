"""Lets only news pass: a thing that just stands there is not told again and again."""

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.events.news import NewsFilter, NewsSpec
from spyoncino.schemas.detections import Track, TrackUpdate
from spyoncino.schemas.status import HealthStatus
from spyoncino.schemas.topics import MOTION_UNIQUE, TRACKS

JUMP_BACK_S = 1.0
"""Camera time that falls by more than this means that the source began again."""

TIME_TOLERANCE_S = 1e-6
"""Differences of two times in seconds are not exact in binary."""

LEFT_OUT = "left_out"
"""Attribute: track id (as text) to the number of frames left out before this one."""


_DEFAULTS = NewsSpec()


class DeduplicatorSettings(ModuleSettings):
    """Section ``deduplicate``: what is news of a track."""

    same_iou: float = Field(
        default=_DEFAULTS.same_iou,
        ge=0,
        le=1,
        description="A box that overlaps the last one told this much (intersection over union) is "
        "the same.",
    )
    score_gain: float = Field(
        default=_DEFAULTS.score_gain,
        gt=0,
        description="By how much a track's best score must grow to be news.",
    )
    refresh_s: float = Field(
        default=_DEFAULTS.refresh_s,
        gt=0,
        description="A living track, and the passing of time, is told this often without news.",
    )

    def to_spec(self) -> NewsSpec:
        """The same as the filter wants it."""
        return NewsSpec(self.same_iou, self.score_gain, self.refresh_s)


class _Line:
    """One camera: what was told of its tracks, and when anything was told."""

    def __init__(self, spec: NewsSpec) -> None:
        self.spec = spec
        self.filter = NewsFilter(spec)
        self.told_s = float("-inf")


class DeduplicatorModule(ProcessModule[DeduplicatorSettings]):
    """Publishes ``process.motion.unique``: the tracks with news, at least one message a second.

    ``attributes.left_out`` says for how many frames nothing was told of a track before, so that a
    later stage can count frames all the same.
    """

    name = "process.deduplicator"
    section = "deduplicate"
    settings_model = DeduplicatorSettings
    per_camera = True
    consumes = (Consume(TRACKS, "on_tracks"),)
    publishes = (MOTION_UNIQUE,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._lines: dict[str, _Line] = {}
        self._told_count = 0
        self._left_out_count = 0

    async def configure(self, settings: DeduplicatorSettings) -> None:
        """Take new settings; changed ones begin with everything being news."""
        await super().configure(settings)
        for camera, line in list(self._lines.items()):
            if self.camera_settings(camera).to_spec() != line.spec:
                del self._lines[camera]

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Forget what was told."""
        self._lines.clear()

    async def health(self) -> HealthStatus:
        """Always well; tells how much was left out."""
        return HealthStatus(numbers={"told": self._told_count, "left_out": self._left_out_count})

    async def on_tracks(self, update: TrackUpdate) -> None:
        """Let the news of one frame pass; the end of the stream always does."""
        camera, pts_s = update.frame.camera, update.frame.pts_s
        line = self._lines.get(camera)
        if line is None:
            line = self._lines[camera] = _Line(self.camera_settings(camera).to_spec())
        if pts_s < line.told_s - JUMP_BACK_S:
            line.filter.clear()
            line.told_s = float("-inf")
        tracks, left_out = self._news(line, update)
        refresh_s = self.camera_settings(camera).refresh_s
        is_due = pts_s - line.told_s >= refresh_s - TIME_TOLERANCE_S
        if not (tracks or is_due or update.end_of_stream):
            return
        line.told_s = pts_s
        if update.end_of_stream:
            del self._lines[camera]
        attributes = {**update.attributes, LEFT_OUT: left_out}
        news = update.model_copy(
            update={"tracks": tracks, "attributes": attributes, "source": self.name}
        )
        await self.publish(MOTION_UNIQUE, news)

    def _news(self, line: _Line, update: TrackUpdate) -> tuple[tuple[Track, ...], dict[str, int]]:
        tracks: list[Track] = []
        left_out: dict[str, int] = {}
        for track in update.tracks:
            reason = line.filter.news(track, update.frame.pts_s)
            if not reason:
                line.filter.leave_out(track)
                self._left_out_count += 1
                continue
            count = line.filter.tell(track, update.frame.pts_s)
            if count:
                left_out[str(track.track_id)] = count
            tracks.append(track)
            self._told_count += 1
        return tuple(tracks), left_out
