"""Follows objects over the frames of each camera; tells every track of every looked-at frame."""

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.schemas.detections import DetectionEvent, Track, TrackState, TrackUpdate
from spyoncino.schemas.status import HealthStatus
from spyoncino.schemas.topics import OBJECTS_DETECTED, TRACKS
from spyoncino.tracking.spec import Observation, TrackedObject, TrackerSpec
from spyoncino.tracking.tracker import Tracker

JUMP_BACK_S = 1.0
"""Camera time that falls by more than this means that the source began again."""


_DEFAULTS = TrackerSpec()


class TrackingSettings(ModuleSettings):
    """Section ``tracking``: how detections become tracks."""

    start_score: float = Field(
        default=_DEFAULTS.start_score,
        ge=0,
        le=1,
        description="A detection this sure may begin a track.",
    )
    join_score: float = Field(
        default=_DEFAULTS.join_score,
        ge=0,
        le=1,
        description="A detection this sure may continue a track.",
    )
    confirm_hits: int = Field(
        default=_DEFAULTS.confirm_hits,
        ge=1,
        description="Detections after which a track is believed.",
    )
    confirm_score: float = Field(
        default=_DEFAULTS.confirm_score,
        ge=0,
        le=1,
        description="A track that has not moved must have been seen this surely once.",
    )
    lost_s: float = Field(
        default=_DEFAULTS.lost_s,
        gt=0,
        description="Seconds without a detection after which a track ends.",
    )
    stationary_s: float = Field(
        default=_DEFAULTS.stationary_s,
        gt=0,
        description="Seconds without moving after which a track is stationary: it neither opens "
        "nor holds an event.",
    )

    def to_spec(self) -> TrackerSpec:
        """The same as the tracker wants it."""
        return TrackerSpec(
            start_score=self.start_score,
            join_score=self.join_score,
            confirm_hits=self.confirm_hits,
            confirm_score=self.confirm_score,
            lost_s=self.lost_s,
            stationary_s=self.stationary_s,
        )


class _Line:
    """The tracker of one camera and what was last heard of its tracks."""

    def __init__(self, spec: TrackerSpec, id_offset: int) -> None:
        self.spec = spec
        self.tracker = Tracker(spec)
        self.id_offset = id_offset
        self.last_pts_s = float("-inf")
        self.last: dict[int, TrackedObject] = {}


class TrackerModule(ProcessModule[TrackingSettings]):
    """Publishes ``process.tracks``: all tracks of a frame, tentative ones too, ended ones once.

    Ids stay unique within a camera and run, also when its source begins again.
    """

    name = "process.tracker"
    section = "tracking"
    settings_model = TrackingSettings
    per_camera = True
    consumes = (Consume(OBJECTS_DETECTED, "on_detections"),)
    publishes = (TRACKS,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._lines: dict[str, _Line] = {}
        self._highest_ids: dict[str, int] = {}
        self._confirmed_count = 0

    async def configure(self, settings: TrackingSettings) -> None:
        """Take new settings; a camera whose settings really changed begins new tracks."""
        await super().configure(settings)
        for camera, line in list(self._lines.items()):
            if self.camera_settings(camera).to_spec() != line.spec:
                del self._lines[camera]

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Forget every track."""
        self._lines.clear()

    async def health(self) -> HealthStatus:
        """Always well; tells how many tracks live."""
        living = sum(len(line.last) for line in self._lines.values())
        return HealthStatus(
            numbers={"living_tracks": living, "confirmed_tracks": self._confirmed_count}
        )

    async def on_detections(self, event: DetectionEvent) -> None:
        """Take the detections of one frame; at the end of the stream every track ends."""
        camera, pts_s = event.frame.camera, event.frame.pts_s
        line = self._lines.get(camera)
        if line is not None and pts_s < line.last_pts_s - JUMP_BACK_S:
            await self._finish(line, event, end_of_stream=False)
            line = None
        if line is None:
            spec = self.camera_settings(camera).to_spec()
            line = self._lines[camera] = _Line(spec, self._highest_ids.get(camera, 0))
        if event.end_of_stream:
            await self._finish(line, event, end_of_stream=True)
            return
        line.last_pts_s = pts_s
        observations = [Observation(d.label, d.score, d.box) for d in event.detections]
        tracked = line.tracker.update(observations, pts_s, event.regions)
        self._explain(line, event, tracked)
        await self._publish(line, event, tracked, end_of_stream=False)

    async def _finish(self, line: _Line, event: DetectionEvent, *, end_of_stream: bool) -> None:
        """End every track of a camera and tell it."""
        await self._publish(line, event, line.tracker.finish(), end_of_stream=end_of_stream)
        del self._lines[event.frame.camera]

    async def _publish(
        self,
        line: _Line,
        event: DetectionEvent,
        tracked: list[TrackedObject],
        *,
        end_of_stream: bool,
    ) -> None:
        tracks = tuple(_track(each, line.id_offset) for each in tracked)
        camera = event.frame.camera
        highest = max((track.track_id for track in tracks), default=0)
        self._highest_ids[camera] = max(highest, self._highest_ids.get(camera, 0))
        update = TrackUpdate(
            frame=event.frame,
            tracks=tracks,
            timestamp=event.frame.utc,
            source=self.name,
            correlation_id=event.correlation_id,
            end_of_stream=end_of_stream,
        )
        await self.publish(TRACKS, update)

    # --- why -----------------------------------------------------------------------------------

    def _explain(self, line: _Line, event: DetectionEvent, tracked: list[TrackedObject]) -> None:
        now = {each.track_id: each for each in tracked}
        self._explain_weak(event, now)
        for track_id, old in line.last.items():
            if track_id not in now and old.state is TrackState.TENTATIVE:
                self._explain_unconfirmed(line, event, old)
        for track in tracked:
            self._explain_track(line, event, track, line.last.get(track.track_id))
        line.last = {key: each for key, each in now.items() if each.state is not TrackState.ENDED}

    def _explain_weak(self, event: DetectionEvent, now: dict[int, TrackedObject]) -> None:
        """Labels that were seen, but too weakly to begin a track, and that continued none."""
        limit = self.camera_settings(event.frame.camera).start_score
        best: dict[str, float] = {}
        for detection in event.detections:
            best[detection.label] = max(best.get(detection.label, 0.0), detection.score)
        followed = {track.label for track in now.values()}
        for label, score in best.items():
            if score < limit and label not in followed:
                self.context.decisions.record(
                    self.name,
                    event.frame.camera,
                    label,
                    False,
                    "it is seen too weakly to begin a track",
                    quantity="score",
                    value=score,
                    limit=limit,
                    at_s=event.frame.pts_s,
                )

    def _explain_unconfirmed(
        self, line: _Line, event: DetectionEvent, track: TrackedObject
    ) -> None:
        self.context.decisions.record(
            self.name,
            event.frame.camera,
            f"track {track.track_id + line.id_offset}",
            False,
            f"a {track.label} was not seen often enough to be believed",
            quantity="detections",
            value=track.hits,
            limit=self.camera_settings(event.frame.camera).confirm_hits,
            at_s=event.frame.pts_s,
        )

    def _explain_track(
        self, line: _Line, event: DetectionEvent, track: TrackedObject, old: TrackedObject | None
    ) -> None:
        was_known = old is not None and old.state is not TrackState.TENTATIVE
        if track.state is TrackState.CONFIRMED and not was_known:
            self._confirmed_count += 1
            reason = "it stood there when the camera started" if track.initial else "it is believed"
            self._record(line, event, track, not track.initial, reason, "detections", track.hits)
        if track.stationary and not (old is not None and old.stationary):
            limit = self.camera_settings(event.frame.camera).stationary_s
            self._record(line, event, track, False, "it stands still", "seconds", limit)
        if old is not None and old.stationary and not track.stationary:
            self._record(line, event, track, True, "it moves again", "", None)

    def _record(
        self,
        line: _Line,
        event: DetectionEvent,
        track: TrackedObject,
        passed: bool,
        reason: str,
        quantity: str,
        value: float | None,
    ) -> None:
        self.context.decisions.record(
            self.name,
            event.frame.camera,
            f"track {track.track_id + line.id_offset}",
            passed,
            reason,
            quantity=quantity,
            value=value,
            at_s=event.frame.pts_s,
        )


def _track(tracked: TrackedObject, id_offset: int) -> Track:
    return Track(
        track_id=tracked.track_id + id_offset,
        label=tracked.label,
        score=tracked.score,
        best_score=tracked.best_score,
        box=tracked.box,
        state=tracked.state,
        moved=tracked.moved,
        stationary=tracked.stationary,
        initial=tracked.initial,
        hits=tracked.hits,
        start_s=tracked.start_s,
        end_s=tracked.end_s,
    )
