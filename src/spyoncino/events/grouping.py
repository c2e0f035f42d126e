"""Groups tracks, presses and motion of one camera into events, in camera time.

The rules:

* A track *counts* while it is confirmed, has one of the wanted labels, has moved from where it was
  first seen and is not stationary. What stands there from the start makes no event until it moves.
* An event begins with the first thing that counts, with a press, or (``on_motion``) with motion. It
  begins at the first detection of its first track, or at the press.
* It stays open while something counts; ``linger_s`` after the last of it the event is completed.
  Everything that begins within that time belongs to it.
* Where faces are looked at, it waits ``faces_hold_s`` longer for answers that are still to come.
* After ``max_s`` it is completed all the same; what goes on becomes a successor that names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from spyoncino.events.best_picture import (
    MIN_GAIN,
    is_better,
    picture_of,
    picture_of_face,
    picture_without_object,
)
from spyoncino.events.follows import Follows, why_not
from spyoncino.events.labels import DEFAULT_LABELS, DOORBELL, MOTION
from spyoncino.events.open_event import OpenEvent
from spyoncino.events.outcome import ChangeKind, EventChange, Outcome
from spyoncino.events.remarks import Remark
from spyoncino.schemas.detections import Track, TrackState
from spyoncino.schemas.events import BestPicture, Event, Identity
from spyoncino.schemas.frames import FrameRef

EventIdMaker = Callable[[float, datetime], str]
"""Makes the id of an event from the camera time and the wall time of its beginning."""

SAME_MOMENT_S = 1e-6
"""Two camera times nearer than this are the same frame (float rounding)."""


@dataclass(frozen=True, slots=True)
class GroupingSpec:
    """What makes events and how they end.

    Args:
        labels: Labels that make events.
        linger_s: Seconds without anything that counts after which an event is completed.
        max_s: Longest event.
        on_motion: Motion alone makes events too.
        update_every_s: An open event tells its changes at most this often; a name at once.
        faces_hold_s: How much longer than ``linger_s`` an event waits for looks at faces that are
            under way.
    """

    labels: frozenset[str] = frozenset(DEFAULT_LABELS)
    linger_s: float = 10.0
    max_s: float = 300.0
    on_motion: bool = False
    update_every_s: float = 1.0
    faces_hold_s: float = 2.0


class EventBuilder:
    """The events of one camera.

    Tracks come in order of camera time; a press may come a little early or late.

    Args:
        camera: Camera id.
        spec: The rules.
        make_id: Makes event ids.
    """

    def __init__(self, camera: str, spec: GroupingSpec, make_id: EventIdMaker) -> None:
        self._camera = camera
        self._spec = spec
        self._make_id = make_id
        self._open: OpenEvent | None = None
        self._follows = Follows()
        self._now_s = float("-inf")
        self._floor_s = float("-inf")
        self._cut: Event | None = None
        self._faces_s: float | None = None
        self._changes: list[EventChange] = []
        self._remarks: list[Remark] = []

    @property
    def now_s(self) -> float:
        """The latest camera time heard of; minus infinity before the first."""
        return self._now_s

    @property
    def faces_hold_s(self) -> float:
        """How long an event waits at most for looks at faces that are under way."""
        return self._spec.faces_hold_s

    @property
    def open_event(self) -> Event | None:
        """The event that is open now, as it stands."""
        return self._open.as_event() if self._open else None

    def adopt(self, spec: GroupingSpec) -> None:
        """Changed rules hold from now on, for the open event too."""
        self._spec = spec

    def observe(self, tracks: Sequence[Track], frame: FrameRef) -> Outcome:
        """Take the tracks that have news in one frame (none is news of time passing)."""
        self._advance(frame.pts_s, frame.utc)
        for track in sorted(tracks, key=lambda each: each.track_id):
            self._take_track(track, frame)
        self._tell_update(frame.pts_s)
        return self._outcome()

    def press(self, pts_s: float, utc: datetime, press_id: str = "") -> Outcome:
        """Take a press at a camera time, with its wall time; the same one again changes nothing."""
        if press_id and self._open is not None and self._open.has_press(press_id):
            self._changes.append(EventChange(ChangeKind.UPDATED, self._open.as_event()))
            return self._outcome()
        self._advance(pts_s, utc)
        is_new = self._open is None
        event = self._open or self._begin(pts_s, pts_s, utc)
        event.add_press(pts_s, press_id)
        self._join_bystanders(event, pts_s)
        self._offer(event, picture_without_object(DOORBELL, pts_s), pts_s)
        if is_new:
            self._tell_created(event)
        else:
            self._tell_update(pts_s, at_once=True)
        self._remark(f"press at {pts_s:.1f} s", pts_s, "a press always belongs to an event")
        return self._outcome()

    def begin_camera_time(self, frame: FrameRef) -> Outcome:
        """The first picture of a camera whose bell was pressed before it showed anything."""
        event = self._open
        if event is None:
            return self.finish("")
        event.begin_camera_time(frame.pts_s, frame.utc)
        event.take_best(picture_without_object(DOORBELL, frame.pts_s, frame))
        self._now_s, self._floor_s = frame.pts_s, float("-inf")
        self._tell_update(frame.pts_s, at_once=True)
        return self._outcome()

    def motion(self, score: float, frame: FrameRef) -> Outcome:
        """Take motion in one frame; without ``on_motion`` it makes and holds nothing."""
        if not self._spec.on_motion:
            return self._outcome()
        self._advance(frame.pts_s, frame.utc)
        is_new = self._open is None
        event = self._open or self._begin(frame.pts_s, frame.pts_s, frame.utc)
        event.add_motion(frame.pts_s)
        self._offer(event, picture_without_object(MOTION, frame.pts_s, frame), frame.pts_s)
        self._join_bystanders(event, frame.pts_s)
        if is_new:
            self._remark(
                MOTION,
                frame.pts_s,
                "motion alone makes events on this camera",
                quantity="changed share of the picture",
                value=score,
                limit=0.0,
            )
            self._tell_created(event)
        return self._outcome()

    def identify(self, found: Sequence[Identity], settled_s: float | None = None) -> Outcome:
        """Take what was said about faces.

        Args:
            found: Whom faces belong to. Of a track that is in no event yet it is kept until it is.
            settled_s: Camera time until which every face was told; from the first call with one on
                an event waits for faces that are not settled.
        """
        if settled_s is not None:
            self._faces_s = settled_s
        is_name = False
        for identity in found:
            follow = self._follows.get(identity.track_id)
            if follow is not None:
                follow.identity = identity
            if self._open is not None and self._shows(self._open, identity):
                is_name |= self._join(self._open, identity)
        if found and self._open is not None:
            self._tell_update(self._now_s, at_once=is_name)
        return self._outcome()

    def advance(self, now_s: float, utc: datetime) -> Outcome:
        """Time has passed without news; may complete the open event."""
        self._advance(now_s, utc)
        return self._outcome()

    def finish(self, reason: str) -> Outcome:
        """The stream is over or began again: complete what is open and forget every track."""
        if self._open is not None:
            self._complete(self._open, reason)
        self._follows.clear()
        self._cut = self._faces_s = None
        self._now_s = self._floor_s = float("-inf")
        return self._outcome()

    # --- tracks -----------------------------------------------------------------------------

    def _take_track(self, track: Track, frame: FrameRef) -> None:
        follow = self._follows.take(track, frame.pts_s, self._spec.labels)
        if not self._counts(track, frame.pts_s):
            return
        event = self._open
        if event is None and track.state is TrackState.ENDED:
            return
        begins_s = follow.begins_s if follow.begins_s is not None else frame.pts_s
        begins_s = max(begins_s, self._floor_s)
        is_new = event is None
        if event is None:
            begins_s = max(begins_s, frame.pts_s - self._spec.linger_s)
            event = self._begin(begins_s, frame.pts_s, frame.utc)
        is_member = event.has_track(track.track_id)
        event.add_track(track, begins_s)
        if not is_member:
            self._remark(
                f"track {track.track_id}",
                frame.pts_s,
                f"a {track.label} that moves makes and holds an event",
                quantity="best score",
                value=track.best_score,
            )
            if follow.identity is not None:
                self._join(event, follow.identity)
        if abs(track.end_s - frame.pts_s) <= SAME_MOMENT_S:
            self._offer(event, picture_of(track.label, track.score, track.box, frame), frame.pts_s)
        if is_new:
            self._tell_created(event)

    def _counts(self, track: Track, now_s: float) -> bool:
        why = why_not(track, self._spec.labels)
        if why:
            self._remark(f"track {track.track_id}", now_s, why, passed=False)
        return why == ""

    # --- life of the event --------------------------------------------------------------------

    def _advance(self, pts_s: float, utc: datetime) -> None:
        """Move the time on; complete what is over."""
        self._now_s = max(self._now_s, pts_s)
        self._follows.forget_before(pts_s)
        event = self._open
        if event is None:
            return
        event.see_wall_time(pts_s, utc)
        quiet_s = self._now_s - event.last_active_s
        length_s = self._now_s - event.start_s
        if quiet_s >= self._spec.linger_s and not self._is_awaited(event):
            if self._awaits_faces(event, quiet_s):
                return
            linger_s = self._spec.linger_s
            self._remark_end(event, "nothing that counts goes on", quiet_s, linger_s)
            self._complete(event, f"nothing more for {linger_s:g} s")
        elif length_s >= self._spec.max_s:
            self._remark_end(event, "it reached its longest time", length_s, self._spec.max_s)
            self._cut = self._complete(event, f"longest time of {self._spec.max_s:g} s reached")

    def _is_awaited(self, event: OpenEvent) -> bool:
        """Whether a track that began in time may still turn out to belong to the event."""
        return any(
            follow.is_undecided
            and follow.start_s - event.last_active_s < self._spec.linger_s
            and self._now_s - follow.last_seen_s < self._spec.linger_s
            for follow in self._follows
        )

    def _awaits_faces(self, event: OpenEvent, quiet_s: float) -> bool:
        """Whether looks at faces of the event are under way; not for ever."""
        limit_s = self._spec.linger_s + self._spec.faces_hold_s
        if self._faces_s is None or not event.may_show_faces or quiet_s >= limit_s:
            return False
        behind_s = event.last_active_s - self._faces_s
        is_awaited = behind_s > SAME_MOMENT_S
        if is_awaited:
            self._remark(
                f"event {event.event_id}",
                self._now_s,
                "it waits for looks at faces that are under way",
                passed=False,
                quantity="seconds of it without an answer",
                value=behind_s,
                limit=0.0,
            )
        return is_awaited

    def _shows(self, event: OpenEvent, identity: Identity) -> bool:
        """Whether a face belongs to the event: its track does, or nobody's, while somebody rang."""
        if identity.track_id is None:
            return event.may_show_faces
        is_in_view = self._follows.get(identity.track_id) is not None
        return event.has_track(identity.track_id) or (is_in_view and event.shows_bystanders)

    def _join_bystanders(self, event: OpenEvent, now_s: float) -> None:
        if event.shows_bystanders:
            for identity in self._follows.identities(now_s - self._spec.linger_s):
                self._join(event, identity)

    def _join(self, event: OpenEvent, identity: Identity) -> bool:
        is_name = event.add_identity(identity)
        picture = picture_of_face(identity)
        if picture is not None and picture.pts_s >= event.start_s - self._spec.linger_s:
            self._offer(event, picture, picture.pts_s)
        return is_name

    def _begin(self, start_s: float, now_s: float, utc: datetime) -> OpenEvent:
        started_at = utc - timedelta(seconds=now_s - start_s)
        cut, self._cut = self._cut, None
        is_successor = cut is not None and start_s - cut.end_s <= self._spec.linger_s
        self._open = OpenEvent(
            event_id=self._make_id(start_s, started_at),
            camera=self._camera,
            start_s=start_s,
            now_s=now_s,
            now_utc=utc,
            successor_of=cut.event_id if cut is not None and is_successor else None,
        )
        return self._open

    def _complete(self, event: OpenEvent, reason: str) -> Event:
        completed = event.completed(reason)
        self._changes.append(EventChange(ChangeKind.COMPLETED, completed))
        self._open = None
        self._floor_s = completed.end_s
        return completed

    def _tell_created(self, event: OpenEvent) -> None:
        event.mark_told(self._now_s)
        self._changes.append(EventChange(ChangeKind.CREATED, event.as_event()))

    def _tell_update(self, pts_s: float, *, at_once: bool = False) -> None:
        event = self._open
        if event is None or not event.has_changed:
            return
        if at_once or pts_s - event.told_s >= self._spec.update_every_s - SAME_MOMENT_S:
            event.begin_processing(pts_s)
            event.mark_told(pts_s)
            self._changes.append(EventChange(ChangeKind.UPDATED, event.as_event()))

    def _offer(self, event: OpenEvent, candidate: BestPicture, pts_s: float) -> None:
        current = event.best
        is_taken = is_better(candidate, current)
        if is_taken:
            event.take_best(candidate)
        self._remark(
            "best picture",
            pts_s,
            "it is the best so far" if is_taken else "it is not clearly better than the best",
            passed=is_taken,
            quantity="quality",
            value=candidate.quality,
            limit=current.quality + MIN_GAIN if current else None,
        )

    # --- what is told --------------------------------------------------------------------------

    def _remark_end(self, event: OpenEvent, reason: str, value: float, limit: float) -> None:
        self._remark(
            f"event {event.event_id}",
            self._now_s,
            reason,
            quantity="seconds",
            value=value,
            limit=limit,
        )

    def _remark(
        self,
        subject: str,
        at_s: float,
        reason: str,
        *,
        passed: bool = True,
        quantity: str = "",
        value: float | None = None,
        limit: float | None = None,
    ) -> None:
        self._remarks.append(
            Remark(
                subject=subject,
                passed=passed,
                reason=reason,
                quantity=quantity,
                value=value,
                limit=limit,
                at_s=at_s,
                event_ref=self._open.event_id if self._open else None,
            )
        )

    def _outcome(self) -> Outcome:
        outcome = Outcome(tuple(self._changes), tuple(self._remarks))
        self._changes.clear()
        self._remarks.clear()
        return outcome
