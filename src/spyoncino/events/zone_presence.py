"""Who is in which zone: membership over frames, with inertia and loitering.

A track stands where the middle of its lower edge is. Presence of one track in one zone:

* an *include* zone counts after ``inertia_frames`` frames inside in a row and ``loiter_s`` seconds
  inside; it stops counting with the first frame outside;
* an *exclude* zone counts from the first frame inside (after ``loiter_s``) and stops counting only
  after ``inertia_frames`` frames outside, so that a thing on its border does not flicker into view.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from spyoncino.geometry.boxes import Box
from spyoncino.geometry.polygons import contains
from spyoncino.schemas.control import ZoneDefinition


class Place(StrEnum):
    """Where a track stands, as far as zones decide."""

    OPEN = "open"
    """No zone says anything against it."""
    INSIDE = "inside"
    """In at least one include zone."""
    OUTSIDE = "outside"
    """There are include zones for its label, and it is in none of them."""
    EXCLUDED = "excluded"
    """In an exclude zone, and in no include zone."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What the zones say of one track in one frame.

    Args:
        place: Decides whether the track is told.
        zones: Names of the include zones it is in, in the order of the settings.
        excluded_by: Name of the exclude zone that holds it, or empty.
        waiting_for: Include zones in which it is, but not yet long enough.
    """

    place: Place
    zones: tuple[str, ...] = ()
    excluded_by: str = ""
    waiting_for: tuple[str, ...] = ()


@dataclass(slots=True)
class _Stay:
    """One track and one zone: how long inside and outside."""

    frames_inside: int = 0
    frames_outside: int = 0
    since_s: float | None = None
    counts: bool = False


@dataclass(slots=True)
class _Visitor:
    stays: dict[str, _Stay] = field(default_factory=dict)


class ZonePresence:
    """The zones of one camera and the tracks in them.

    Args:
        zones: Zones of the camera; names are unique.
    """

    def __init__(self, zones: Sequence[ZoneDefinition]) -> None:
        self._zones = tuple(zones)
        self._visitors: dict[int, _Visitor] = {}

    def look(
        self, track_id: int, label: str, box: Box, pts_s: float, *, frame_count: int = 1
    ) -> Presence:
        """Where the track is now.

        Args:
            track_id: Which track.
            label: Its label: zones may be for some labels only.
            box: Where it is, normalised.
            pts_s: Camera time.
            frame_count: Frames this look stands for: 1, and the frames left out before it in which
                nothing about the track had changed.

        Returns:
            The zones that count now.
        """
        visitor = self._visitors.setdefault(track_id, _Visitor())
        feet = box.clipped().bottom_centre
        inside: list[str] = []
        waiting: list[str] = []
        excluded_by = ""
        has_include = False
        for zone in self._zones:
            if zone.labels and label not in zone.labels:
                continue
            stay = visitor.stays.setdefault(zone.name, _Stay())
            is_in = contains(zone.polygon, feet)
            _step(stay, zone, is_in=is_in, pts_s=pts_s, frame_count=frame_count)
            if zone.kind == "exclude":
                excluded_by = excluded_by or (zone.name if stay.counts else "")
                continue
            has_include = True
            if stay.counts:
                inside.append(zone.name)
            elif is_in:
                waiting.append(zone.name)
        place = Place.OUTSIDE if has_include else Place.OPEN
        if inside:
            place = Place.INSIDE
        elif excluded_by:
            place = Place.EXCLUDED
        return Presence(place, tuple(inside), excluded_by, tuple(waiting))

    def forget(self, track_id: int) -> None:
        """The track has ended."""
        self._visitors.pop(track_id, None)

    def clear(self) -> None:
        """Every track has ended: the stream is over or began again."""
        self._visitors.clear()


def _step(
    stay: _Stay, zone: ZoneDefinition, *, is_in: bool, pts_s: float, frame_count: int
) -> None:
    excludes = zone.kind == "exclude"
    if not is_in:
        stay.frames_inside = 0
        stay.since_s = None
        stay.frames_outside += frame_count
        if not excludes or stay.frames_outside >= zone.inertia_frames:
            stay.counts = False
        return
    stay.frames_outside = 0
    stay.frames_inside += frame_count
    stay.since_s = pts_s if stay.since_s is None else stay.since_s
    needed_frames = 1 if excludes else zone.inertia_frames
    if stay.frames_inside >= needed_frames and pts_s - stay.since_s >= zone.loiter_s:
        stay.counts = True
