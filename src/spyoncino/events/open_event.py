"""One event while it is open: what belongs to it so far, and how it reads as a payload."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from spyoncino.events.identities import Identities
from spyoncino.events.labels import DOORBELL, MOTION, PERSON, in_order_of_telling
from spyoncino.events.story import story_of
from spyoncino.schemas.detections import Track
from spyoncino.schemas.events import BestPicture, Event, EventState, Identity, TrackSummary

GROWTH_TOLD_EVERY_S = 5.0
"""An event in which only time passes is told again this often: its row in the database should not
be far behind when the program is killed."""


@dataclass(slots=True)
class _Member:
    track_id: int
    label: str
    score: float
    start_s: float
    end_s: float
    zones: list[str] = field(default_factory=list)

    def summary(self) -> TrackSummary:
        return TrackSummary(
            track_id=self.track_id,
            label=self.label,
            score=self.score,
            start_s=self.start_s,
            end_s=self.end_s,
            zones=tuple(self.zones),
        )


class OpenEvent:
    """Collects tracks, presses and motion of one event.

    Args:
        event_id: Its id, which stays the same whatever joins later.
        camera: Camera id.
        start_s: Camera time of its beginning.
        now_s: Camera time of the moment at which it is opened.
        now_utc: Wall time of that moment.
        successor_of: The event that was closed at its longest time.
    """

    def __init__(
        self,
        *,
        event_id: str,
        camera: str,
        start_s: float,
        now_s: float,
        now_utc: datetime,
        successor_of: str | None,
    ) -> None:
        self.event_id = event_id
        self.start_s = start_s
        self.last_active_s = start_s
        self.best: BestPicture | None = None
        self.told_s = now_s
        self._camera = camera
        self._successor_of = successor_of
        self._anchor = (now_s, now_utc)
        self._members: dict[int, _Member] = {}
        self._presses: list[float] = []
        self._identities = Identities()
        self._press_ids: list[str] = []
        self._had_motion = False
        self._has_news = True
        self._state = EventState.CREATED
        self._transitions = {EventState.CREATED.value: now_utc}
        self._reason = ""

    @property
    def has_changed(self) -> bool:
        """Whether there is something to tell."""
        return self._has_news or self.last_active_s - self.told_s >= GROWTH_TOLD_EVERY_S

    def has_track(self, track_id: int) -> bool:
        """Whether the track belongs to the event."""
        return track_id in self._members

    @property
    def may_show_faces(self) -> bool:
        """Whether a person was seen or somebody rang."""
        return bool(self._presses) or any(m.label == PERSON for m in self._members.values())

    @property
    def shows_bystanders(self) -> bool:
        """Whether who stands in view belongs to it too: it rang, or only motion is known."""
        return bool(self._presses) or (self._had_motion and not self._members)

    def has_press(self, press_id: str) -> bool:
        """Whether this press belongs to the event already."""
        return press_id in self._press_ids

    def see_wall_time(self, pts_s: float, utc: datetime) -> None:
        """Camera time and wall time of one moment: later times are told from the nearest one."""
        self._anchor = (pts_s, utc)

    def add_track(self, track: Track, begins_s: float) -> None:
        """A track counts in this frame; ``begins_s`` is where it begins to count."""
        member = self._members.get(track.track_id)
        if member is None:
            member = _Member(
                track.track_id,
                track.label,
                track.best_score,
                begins_s,
                max(begins_s, track.end_s),
            )
            self._members[track.track_id] = member
            self.start_s = min(self.start_s, begins_s)
            self._has_news = True
        self._has_news = self._has_news or member.label != track.label
        member.label = track.label
        member.score = max(member.score, track.best_score)
        member.end_s = max(member.end_s, track.end_s)
        for zone in track.zones:
            if zone not in member.zones:
                member.zones.append(zone)
                self._has_news = True
        self.last_active_s = max(self.last_active_s, member.end_s)

    def add_press(self, pts_s: float, press_id: str = "") -> None:
        """The bell was pressed."""
        if press_id:
            self._press_ids.append(press_id)
        self._presses = sorted({*self._presses, pts_s})
        self.start_s = min(self.start_s, pts_s)
        self.last_active_s = max(self.last_active_s, pts_s)
        self._has_news = True

    def begin_camera_time(self, pts_s: float, utc: datetime) -> None:
        """The camera's first picture, in an event of presses that knew wall time only.

        What came before the picture has a camera time before it, below 0 where need be.
        """
        before_s = (utc - self._wall_time(self.start_s)).total_seconds()
        by_s = pts_s - before_s - self.start_s
        self.start_s += by_s
        self.last_active_s += by_s
        self.told_s += by_s
        self._presses = [each + by_s for each in self._presses]
        self._anchor = (pts_s, utc)
        self._has_news = True

    def add_motion(self, pts_s: float) -> None:
        """Something moved, on a camera where that is enough."""
        self._has_news = self._has_news or not self._had_motion
        self._had_motion = True
        self.last_active_s = max(self.last_active_s, pts_s)

    def add_identity(self, identity: Identity) -> bool:
        """Something was said about whom a face belongs to.

        Returns:
            Whether somebody is named now who was not before.
        """
        before = self._identities.named
        if self._identities.join(identity):
            self._has_news = True
        return bool(self._identities.named - before)

    def take_best(self, picture: BestPicture) -> None:
        """The best picture from now on."""
        self.best = picture
        self._has_news = True

    def begin_processing(self, pts_s: float) -> None:
        """The event is told for the second time: from here on it is being worked on."""
        if self._state is EventState.CREATED:
            self._state = EventState.PROCESSING
            self._transitions[EventState.PROCESSING.value] = self._wall_time(pts_s)

    def mark_told(self, pts_s: float) -> None:
        """Everything so far has been told."""
        self.told_s = pts_s
        self._has_news = False

    def completed(self, reason: str) -> Event:
        """Close it.

        Args:
            reason: Why, in words.

        Returns:
            The event in its last state; an event that was never told in between passes through
            ``processing`` at this moment.
        """
        now_s, now_utc = self._anchor
        self.begin_processing(now_s)
        self._state = EventState.COMPLETED
        self._transitions[EventState.COMPLETED.value] = now_utc
        self._reason = reason
        return self.as_event()

    def as_event(self) -> Event:
        """The event as it stands now."""
        members = sorted(self._members.values(), key=lambda each: (each.start_s, each.track_id))
        labels = in_order_of_telling(each.label for each in members)
        event = Event(
            event_id=self.event_id,
            camera=self._camera,
            type=self._type(labels),
            state=self._state,
            labels=labels,
            start_s=self.start_s,
            end_s=self.last_active_s,
            best=self.best,
            presses=tuple(self._presses),
            press_ids=tuple(self._press_ids),
            tracks=tuple(each.summary() for each in members),
            identities=self._identities.told(),
            started_at=self._wall_time(self.start_s),
            ended_at=self._wall_time(self.last_active_s),
            transitions=dict(self._transitions),
            reason=self._reason,
            successor_of=self._successor_of,
        )
        return event.model_copy(update={"story": story_of(event)})

    def _type(self, labels: tuple[str, ...]) -> str:
        """What matters most: that somebody rang, then what was seen."""
        if self._presses:
            return DOORBELL
        return labels[0] if labels else MOTION

    def _wall_time(self, pts_s: float) -> datetime:
        now_s, now_utc = self._anchor
        return now_utc + timedelta(seconds=pts_s - now_s)
