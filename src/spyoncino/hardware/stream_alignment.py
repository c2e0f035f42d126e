"""One time for two streams of a camera, found from when their packets arrive.

Each connection counts from its own first picture, and a camera does not say how far these two
moments lie apart. A packet may come late, never early: the one that came quickest tells best where
its stream's zero lies. Pure: no clock, no packets, only their times.
"""

from math import inf

SETTLE_S = 0.5
"""Of the second stream, before its times are told: what piled up while it was connected has come,
and a few pictures behind it, so that the first guess is a few hundredths of a second off."""

WINDOW_S = 15.0
"""The quickest packet of the last one to two windows counts: longer than a Wi-Fi's bad moment,
short enough to follow clocks that drift."""

QUICK_S = 20.0
"""So long after the first guess it is still corrected quickly."""

QUICK_SLEW = 0.01
"""Share of the passing time by which times are moved in the beginning: 0.2 s in all, and half of
what the choice of evenly spaced pictures tolerates."""

SLEW = 0.001
"""The same later: five times the drift of bad crystals, and only 0.1 s in 100 s of a network that
holds up one stream and not the other."""

MAX_APART_S = 1.0
"""Distance between what is told and what arrives above which one stream's times have jumped."""


class QuickestArrival:
    """Where a stream's time 0 lies on the clock of arrivals.

    FFmpeg's parsers know where an H.264 or H.265 picture ends only when the next one begins, so a
    packet is handed out when the one behind it arrives: at 10 pictures a second 0.1 s late, at 25
    only 0.04 s. The arrival of each packet is therefore the moment at which the one before it came
    out. Behind key frames, which odd streams hand out in pieces, that is not relied on.

    Args:
        is_held_back: Packets are handed out when the next one arrives.
        window_s: What came quickest within one to two of these counts.
    """

    def __init__(self, *, is_held_back: bool, window_s: float = WINDOW_S) -> None:
        self._is_held_back = is_held_back
        self._window_s = window_s
        self._previous: tuple[float, bool] | None = None
        self._began_s = -inf
        self._now_s = inf
        self._before_s = inf

    def note(self, arrival_s: float, pts_s: float, *, is_key: bool) -> None:
        """Take the next packet in decoding order.

        Args:
            arrival_s: When it was handed out.
            pts_s: When its picture is shown, on the stream's own clock.
            is_key: Whether it is a key frame.
        """
        if self._is_held_back:
            previous, self._previous = self._previous, (arrival_s, is_key)
            if previous is None or (previous[1] and not is_key):
                return
            arrival_s = previous[0]
        late_s = arrival_s - pts_s
        if arrival_s - self._began_s >= self._window_s:
            self._before_s, self._now_s = self._now_s, late_s
            self._began_s = arrival_s
        self._now_s = min(self._now_s, late_s)

    @property
    def zero_s(self) -> float | None:
        """Arrival that a picture of time 0 would have had; ``None`` before the first."""
        zero_s = min(self._now_s, self._before_s)
        return None if zero_s == inf else zero_s


class StreamAlignment:
    """Tells by how much the second stream's times must be moved to be those of the main stream.

    The main stream is H.264 or H.265. ``note_main`` goes on over several connections of the second
    stream; ``begin`` starts one.
    """

    def __init__(self) -> None:
        self._main = QuickestArrival(is_held_back=True)
        self.begin(is_held_back=True)

    def begin(self, *, is_held_back: bool) -> None:
        """Forget the second stream: a new connection begins.

        Args:
            is_held_back: Its packets are handed out when the next one arrives.
        """
        self._sub = QuickestArrival(is_held_back=is_held_back)
        self._first_arrival_s: float | None = None
        self._last_arrival_s = 0.0
        self._first_s: float | None = None
        self._last_s = 0.0
        self._first_shift_s = 0.0
        self._shift_s = 0.0

    @property
    def shift_s(self) -> float:
        """Seconds added to the second stream's times now."""
        return self._shift_s

    @property
    def drift_s(self) -> float:
        """How far the shift has moved since it was found, ``QUICK_S`` after the first guess."""
        return self._shift_s - self._first_shift_s

    @property
    def apart_s(self) -> float:
        """How far the second stream is late by what arrives, against what is told; signed."""
        wanted_s = self._wanted_s()
        return 0.0 if wanted_s is None or self._first_s is None else wanted_s - self._shift_s

    @property
    def is_settled(self) -> bool:
        """Whether enough has arrived for a first guess."""
        return (
            self._wanted_s() is not None
            and self._first_arrival_s is not None
            and self._last_arrival_s - self._first_arrival_s >= SETTLE_S
        )

    def note_main(self, arrival_s: float, pts_s: float, *, is_key: bool) -> None:
        """A picture of the main stream arrived; see ``QuickestArrival.note``."""
        self._main.note(arrival_s, pts_s, is_key=is_key)

    def note_sub(self, arrival_s: float, pts_s: float, *, is_key: bool) -> None:
        """A picture of the second stream arrived; it may be used later."""
        if self._first_arrival_s is None:
            self._first_arrival_s = arrival_s
        self._last_arrival_s = arrival_s
        self._sub.note(arrival_s, pts_s, is_key=is_key)

    def next_shift_s(self, dts_s: float) -> float:
        """What to add to the times of the next packet of the second stream.

        Moved times rise whenever the packets' own times do.

        Args:
            dts_s: The packet's own decoding time; rises from call to call.
        """
        wanted_s = self._wanted_s() or 0.0
        if self._first_s is None:
            self._first_s = dts_s
            self._shift_s = self._first_shift_s = wanted_s
        else:
            is_quick = dts_s - self._first_s < QUICK_S
            step_s = (QUICK_SLEW if is_quick else SLEW) * max(0.0, dts_s - self._last_s)
            self._shift_s += min(step_s, max(-step_s, wanted_s - self._shift_s))
            if is_quick:
                self._first_shift_s = self._shift_s
        self._last_s = dts_s
        return self._shift_s

    def _wanted_s(self) -> float | None:
        main_s, sub_s = self._main.zero_s, self._sub.zero_s
        return None if main_s is None or sub_s is None else sub_s - main_s
