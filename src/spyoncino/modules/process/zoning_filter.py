"""Asks the zones: names those a track is in, and stops what stands only where nobody wants it."""

from typing import Literal

from pydantic import Field

from spyoncino.core.context import ModuleContext
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.events.zone_presence import Place, Presence, ZonePresence
from spyoncino.schemas.control import ZoneDefinition
from spyoncino.schemas.detections import Track, TrackState, TrackUpdate
from spyoncino.schemas.status import HealthStatus
from spyoncino.schemas.topics import MOTION_UNIQUE, MOTION_ZONED

JUMP_BACK_S = 1.0
"""Camera time that falls by more than this means that the source began again."""


class ZoningSettings(ModuleSettings):
    """Section ``zoning``: what the zones in ``cameras.<id>.zones`` do."""

    outside: Literal["drop", "keep"] = Field(
        default="drop",
        description="What happens to a track outside every include zone of its label: drop, or "
        "keep (then include zones only name places).",
    )


class _Line:
    """The zones of one camera and who was let through."""

    def __init__(self, zones: tuple[ZoneDefinition, ...]) -> None:
        self.zones = zones
        self.presence = ZonePresence(zones)
        self.last_pts_s = float("-inf")
        self.passed: set[int] = set()

    def clear(self) -> None:
        self.presence.clear()
        self.passed.clear()


class ZoningFilterModule(ProcessModule[ZoningSettings]):
    """Publishes ``process.motion.zoned``: tracks that may make events, with their zones.

    A message is passed on also when no track is left in it: later stages live by its time. The end
    of a track that was let through before is always told.
    """

    name = "process.zoning_filter"
    section = "zoning"
    settings_model = ZoningSettings
    per_camera = True
    camera_keys = frozenset({"zones"})
    consumes = (Consume(MOTION_UNIQUE, "on_tracks"),)
    publishes = (MOTION_ZONED,)

    def __init__(self, context: ModuleContext) -> None:
        super().__init__(context)
        self._lines: dict[str, _Line] = {}
        self._stopped_count = 0

    async def configure(self, settings: ZoningSettings) -> None:
        """Take new settings, and the present zones of cameras whose zones have changed."""
        await super().configure(settings)
        self._lines = {
            camera: line
            for camera, line in self._lines.items()
            if line.zones == self._zones(camera)
        }

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Forget who is where."""
        self._lines.clear()

    async def health(self) -> HealthStatus:
        """Always well; tells how often a track was stopped."""
        return HealthStatus(numbers={"stopped": self._stopped_count})

    async def on_tracks(self, update: TrackUpdate) -> None:
        """Find the zones of each track of one frame."""
        camera = update.frame.camera
        line = self._lines.get(camera)
        if line is None:
            line = self._lines[camera] = _Line(self._zones(camera))
        if update.frame.pts_s < line.last_pts_s - JUMP_BACK_S:
            line.clear()
        line.last_pts_s = update.frame.pts_s
        kept: list[Track] = []
        for track in update.tracks:
            zoned = self._zoned(line, update, track)
            if zoned is not None:
                kept.append(zoned)
        if update.end_of_stream:
            del self._lines[camera]
        matches = {str(track.track_id): track.zones for track in kept}
        attributes = {**update.attributes, "zone_matches": matches}
        passed_on = update.model_copy(
            update={"tracks": tuple(kept), "attributes": attributes, "source": self.name}
        )
        await self.publish(MOTION_ZONED, passed_on)

    def _zones(self, camera: str) -> tuple[ZoneDefinition, ...]:
        settings = self.context.cameras.get(camera)
        return tuple(settings.zones) if settings else ()

    def _zoned(self, line: _Line, update: TrackUpdate, track: Track) -> Track | None:
        """The track with its zones, or ``None`` when the zones stop it."""
        frame_count = 1 + int(update.attributes.get("left_out", {}).get(str(track.track_id), 0))
        presence = line.presence.look(
            track.track_id, track.label, track.box, update.frame.pts_s, frame_count=frame_count
        )
        was_let_through = track.track_id in line.passed
        if track.state is TrackState.ENDED:
            line.presence.forget(track.track_id)
            line.passed.discard(track.track_id)
        is_stopped = self._is_stopped(update, track, presence)
        if is_stopped and not (was_let_through and track.state is TrackState.ENDED):
            self._stopped_count += 1
            return None
        if track.state is not TrackState.ENDED:
            line.passed.add(track.track_id)
        return track.model_copy(update={"zones": presence.zones})

    def _is_stopped(self, update: TrackUpdate, track: Track, presence: Presence) -> bool:
        """Whether the zones stop the track; records why, where a zone has anything to say."""
        reason = ""
        is_stopped = False
        if presence.place is Place.INSIDE:
            reason = f"a {track.label} is in {' and '.join(presence.zones)}"
        elif presence.place is Place.EXCLUDED:
            reason = f"it stands only in the excluded zone {presence.excluded_by}"
            is_stopped = True
        elif presence.place is Place.OUTSIDE:
            reason = "it is in no zone"
            if presence.waiting_for:
                reason = f"it is not long enough in {' and '.join(presence.waiting_for)} yet"
            is_stopped = self.camera_settings(update.frame.camera).outside == "drop"
        if reason:
            self.context.decisions.record(
                self.name,
                update.frame.camera,
                f"track {track.track_id}",
                not is_stopped,
                reason,
                at_s=update.frame.pts_s,
            )
        return is_stopped
