"""What the event builder remembers of each track of a camera, and whether a track counts."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from spyoncino.schemas.detections import Track, TrackState
from spyoncino.schemas.events import Identity

FORGET_S = 60.0
"""A track of which nothing was heard for this long is gone: its last message was lost."""


@dataclass(slots=True)
class Follow:
    """What is remembered of one track.

    ``begins_s`` is where its present movement begins, ``None`` while it stands still. While it
    ``is_undecided`` it may still turn out to count. ``identity`` is kept for the event that it will
    belong to.
    """

    begins_s: float | None
    last_seen_s: float
    is_undecided: bool = False
    start_s: float = 0.0
    identity: Identity | None = None


class Follows:
    """The tracks of one camera that go on."""

    def __init__(self) -> None:
        self._by_track: dict[int, Follow] = {}

    def __iter__(self) -> Iterator[Follow]:
        return iter(self._by_track.values())

    def get(self, track_id: int | None) -> Follow | None:
        """What is remembered of a track that goes on."""
        return None if track_id is None else self._by_track.get(track_id)

    def identities(self, since_s: float) -> list[Identity]:
        """What was said about the faces of tracks that were seen at this time or later."""
        seen = (each for each in self._by_track.values() if each.last_seen_s >= since_s)
        return [each.identity for each in seen if each.identity is not None]

    def take(self, track: Track, now_s: float, labels: Collection[str]) -> Follow:
        """Bring what is remembered of a track up to date; an ended one is forgotten by this."""
        follow = self._by_track.get(track.track_id)
        if follow is None:
            follow = Follow(begins_s=track.start_s, last_seen_s=now_s, start_s=track.start_s)
        follow.last_seen_s = now_s
        if track.stationary:
            follow.begins_s = None
        elif follow.begins_s is None:
            follow.begins_s = now_s
        follow.is_undecided = (
            track.label in labels
            and not (track.moved or track.stationary or track.initial)
            and track.state is not TrackState.ENDED
        )
        if track.state is TrackState.ENDED:
            self._by_track.pop(track.track_id, None)
        else:
            self._by_track[track.track_id] = follow
        return follow

    def forget_before(self, now_s: float) -> None:
        """Forget tracks of which nothing was heard for too long."""
        gone = [key for key, each in self._by_track.items() if now_s - each.last_seen_s > FORGET_S]
        for track_id in gone:
            del self._by_track[track_id]

    def clear(self) -> None:
        """Forget every track."""
        self._by_track.clear()


def why_not(track: Track, labels: Collection[str]) -> str | None:
    """Why a track does not count; empty when it does.

    Returns:
        ``None`` for a tentative track: it may be noise, and nothing is said about it.
    """
    if track.state is TrackState.TENTATIVE:
        return None
    if track.label not in labels:
        return f"{track.label} is not among events.labels"
    if track.stationary:
        return "it stands still and holds nothing open"
    if track.moved:
        return ""
    if track.initial:
        return "it stood there when the camera started and has not moved"
    return "it has not moved from where it was first seen"
