"""How soon after a press there are pictures, a row, a message and a name, read off the bus."""

import statistics
from collections.abc import Iterable

from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.events.story import names_of
from spyoncino.schemas import topics
from spyoncino.schemas.alerts import AlertNotification, DeliveryReport, DeliveryState

_PICTURE, _ROW, _NAME = "first frame", "event row", "name"
_MESSAGE, _NAMED = "message", "name told"
_CHANNEL = "terminal"
_NS_PER_MS = 1e6


class PressFigures:
    """Times of each press, in nanoseconds of the bus; bounded by the presses of one demo."""

    def __init__(self) -> None:
        self._pressed: dict[str, int] = {}
        self._presses_of: dict[str, tuple[str, ...]] = {}
        self._named_before: set[str] = set()
        self._early: set[str] = set()
        self._alerts: dict[tuple[str, int], tuple[tuple[str, ...], bool]] = {}
        self._after: dict[str, dict[str, int]] = {
            what: {} for what in (_PICTURE, _ROW, _MESSAGE, _NAME, _NAMED)
        }

    def listen(self, bus: Bus) -> None:
        """Hear everything about presses."""
        bus.subscribe(topics.DOORBELL_PRESSED.pattern, self.on_press, name="demo presses")
        bus.subscribe(topics.CAMERA_BURST.pattern, self.on_burst, name="demo pictures")
        for topic in (topics.EVENT_CREATED, topics.EVENT_UPDATED, topics.EVENT_COMPLETED):
            bus.subscribe(topic, self.on_event, name=f"demo {topic.name}")
        bus.subscribe(topics.EVENT_STORED, self.on_stored, name="demo rows")
        bus.subscribe(f"notify.{_CHANNEL}.*", self.on_message, name="demo messages")

    async def on_press(self, message: Message) -> None:
        """Somebody rang."""
        self._pressed.setdefault(message.payload.event_id, message.published_ns)

    async def on_burst(self, message: Message) -> None:
        """A picture of a press."""
        self._note(_PICTURE, (message.payload.trigger_id,), message.published_ns)

    async def on_event(self, message: Message) -> None:
        """An event as it stands; only one that names somebody *and* has the press counts."""
        event = message.payload.event
        if event.press_ids:
            self._presses_of[event.event_id] = event.press_ids
        if names_of(event):
            if not event.press_ids:
                self._named_before.add(event.event_id)
            elif event.event_id in self._named_before:
                self._early.update(event.press_ids)
            self._note(_NAME, event.press_ids, message.published_ns)

    async def on_stored(self, message: Message) -> None:
        """The row of an event is on disk."""
        presses = self._presses_of.get(message.payload.event_ref, ())
        self._note(_ROW, presses, message.published_ns)

    async def on_message(self, message: Message) -> None:
        """A revision is to be told, or was; which one names somebody is known of the former."""
        told = message.payload
        if isinstance(told, AlertNotification) and told.event is not None:
            named = bool(names_of(told.event))
            self._alerts[told.event_ref, told.revision] = (told.event.press_ids, named)
        elif isinstance(told, DeliveryReport) and told.state is not DeliveryState.FAILED:
            presses, named = self._alerts.get((told.event_ref, told.revision), ((), False))
            self._note(_MESSAGE, presses, message.published_ns)
            if named:
                self._note(_NAMED, presses, message.published_ns)

    def told(self, press_ids: Iterable[str]) -> list[str]:
        """Of each press how long after it the message was out, and the name in it."""
        return [self._told_of(press) for press in press_ids if press in self._pressed]

    def _told_of(self, press: str) -> str:
        message, named = (
            None if at is None else (at - self._pressed[press]) / _NS_PER_MS
            for at in (self._after[what].get(press) for what in (_MESSAGE, _NAMED))
        )
        if message is None:
            return "The message about the press was not out yet."
        name = (
            ", nobody was named" if named is None else f", and with the name after {named:.0f} ms"
        )
        if named == message:
            name = ", with the name in it"
        return f"The message was out {message:.0f} ms after the press{name}."

    def _note(self, what: str, presses: Iterable[str], at_ns: int) -> None:
        for press in presses:
            self._after[what].setdefault(press, at_ns)

    def lines(self) -> list[str]:
        """The figures: how many presses, and p50 and p95 of each time in milliseconds."""
        if not self._pressed:
            return []
        count = len(self._pressed)
        lines = [f"{count} {'press' if count == 1 else 'presses'} of the bell:"]
        for what, times in self._after.items():
            after_ms = sorted(
                (at - self._pressed[press]) / _NS_PER_MS
                for press, at in times.items()
                if press in self._pressed
            )
            lines.append(f"  press -> {what:<12} {_told(after_ms, count)}")
            if what == _NAME and (early := len(self._early & self._pressed.keys())):
                lines[-1] += f"; {early} named on the way to the door already"
        return lines


def _told(after_ms: list[float], count: int) -> str:
    if not after_ms:
        return "never"
    p95 = after_ms[min(len(after_ms) - 1, round(0.95 * (len(after_ms) - 1)))]
    missing = "" if len(after_ms) == count else f" ({len(after_ms)} of {count})"
    return f"p50 {statistics.median(after_ms):.0f} ms, p95 {p95:.0f} ms{missing}"
