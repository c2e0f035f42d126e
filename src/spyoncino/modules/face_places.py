"""Where the people of a camera were in the last seconds: a press asks for pictures of the past."""

from collections import deque

from spyoncino.geometry.boxes import Box

REMEMBERED = 32
"""Places of one track: three seconds at ten frames a second."""

NEAR_S = 1.0
"""A place of another moment holds for this long; who walks has left it by then."""


class FacePlaces:
    """The last boxes of each track of one camera."""

    def __init__(self) -> None:
        self._places: dict[int, deque[tuple[float, Box]]] = {}
        self._gone: deque[tuple[int, deque[tuple[float, Box]]]] = deque(maxlen=4)

    def see(self, track_id: int, pts_s: float, box: Box) -> None:
        """A track is there at this moment."""
        self._places.setdefault(track_id, deque(maxlen=REMEMBERED)).append((pts_s, box))

    def forget(self, track_id: int) -> None:
        """The track has ended; the last few that did are remembered."""
        places = self._places.pop(track_id, None)
        if places is not None:
            self._gone.append((track_id, places))

    def clear(self) -> None:
        """Camera time begins again."""
        self._places.clear()
        self._gone.clear()

    def at(self, pts_s: float) -> dict[int, Box]:
        """Where each track was at a moment, as near as it is known."""
        found: dict[int, Box] = {}
        for track_id, places in (*self._places.items(), *self._gone):
            at_s, box = min(places, key=lambda place: abs(place[0] - pts_s))
            if abs(at_s - pts_s) <= NEAR_S:
                found[track_id] = box
        return found
