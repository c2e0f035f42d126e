"""Keeps to a far side's limits of messages a time, and leaves room for what is new."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from spyoncino.clock import Clock
from spyoncino.errors import DeliveryLaterError

MAX_PLACES: Final = 256
"""Chats whose last messages are remembered; the ones unused for longest go first."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many messages in so many seconds.

    Args:
        count: Messages at most.
        span_s: In any stretch of so many seconds.
        kept_free: Of them only new messages may use so many; edits wait instead.
    """

    count: int
    span_s: float
    kept_free: int


@dataclass(slots=True, eq=False)
class _Sent:
    """A message that went.

    Args:
        arrived_s: When it was there at the latest: when its answer came. ``None``: on its way.
    """

    arrived_s: float | None = None


class Pacer:
    """Says when the next message may go; one for each connection.

    The far side counts what arrives, not what leaves. A message that is on its way arrives at any
    time until it is answered, so it counts as one of now until then, and as one of then afterwards:
    a slow one followed by quick ones is no burst there that it was not here.

    Args:
        clock: Source of time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: OrderedDict[str, list[_Sent]] = OrderedDict()
        self._blocked_until_s: dict[str, float] = {}

    @asynccontextmanager
    async def turn(
        self, limits: Mapping[str, tuple[Limit, ...]], *, is_new: bool, patience_s: float
    ) -> AsyncIterator[None]:
        """Wait until a message may go, and count it; it is sent and answered inside.

        Args:
            limits: Place (a chat, or everything) to the limits that hold there.
            is_new: It is no edit: it may use what is kept free and so overtakes edits that wait.
            patience_s: A longer pause is not waited for.

        Raises:
            DeliveryLaterError: The pause is longer; it says how long.
        """
        while (pause_s := self._pause_s(limits, is_new=is_new)) > 0:
            if pause_s > patience_s:
                raise DeliveryLaterError(f"the pace wants a pause of {pause_s:.0f} s", pause_s)
            await self._clock.sleep(pause_s)
        sent = _Sent()
        for place, all_limits in limits.items():
            times = self._times.setdefault(place, [])
            times.append(sent)
            if len(times) > max(limit.count for limit in all_limits):
                times.remove(min(times, key=self._arrived_s))
            self._times.move_to_end(place)
        while len(self._times) > MAX_PLACES:
            self._times.popitem(last=False)
        try:
            yield
        finally:
            sent.arrived_s = self._now_s()

    def block(self, place: str, seconds: float) -> None:
        """Nothing may go there for so long: the far side asked for it."""
        self._blocked_until_s[place] = self._now_s() + seconds

    def blocked_s(self, place: str) -> float:
        """Seconds until something may go there again; 0: now."""
        left_s = self._blocked_until_s.get(place, 0.0) - self._now_s()
        if left_s <= 0:
            self._blocked_until_s.pop(place, None)
        return max(0.0, left_s)

    def _pause_s(self, limits: Mapping[str, tuple[Limit, ...]], *, is_new: bool) -> float:
        now_s, pause_s = self._now_s(), 0.0
        for place, all_limits in limits.items():
            arrived_s = sorted(map(self._arrived_s, self._times.get(place, ())))
            for limit in all_limits:
                room = limit.count if is_new else limit.count - limit.kept_free
                if len(arrived_s) >= room:
                    pause_s = max(pause_s, arrived_s[-room] + limit.span_s - now_s)
        return pause_s

    def _arrived_s(self, sent: _Sent) -> float:
        return self._now_s() if sent.arrived_s is None else sent.arrived_s

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
