"""A doorbell's button: from edges of a pin to presses, held presses and a button that is stuck.

Knows no pins, threads or bus. Edges carry the time at which they happened, not at which somebody
looked at them: a busy program counts right all the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Pull = Literal["up", "down", "none"]


@dataclass(frozen=True, slots=True)
class ButtonSpec:
    """How a button is wired and judged.

    Args:
        pin: Number of the pin as the chip counts (BCM).
        pull: The chip's own resistor.
        active_high: Level while it is pressed.
        debounce_s: A press counts when the contact was quiet for so long before it. Contacts bounce
            for 1.5 ms on average, good ones never above 6.2 ms (J. Ganssle, "A Guide to
            Debouncing", 18 switches); nobody rings twice within 25 ms.
        long_press_s: Held for so long it is a long press.
        stuck_s: Held for so long it is stuck.
    """

    pin: int = 18
    pull: Pull = "up"
    active_high: bool = False
    debounce_s: float = 0.025
    long_press_s: float = 2.0
    stuck_s: float = 30.0


class ButtonNews(StrEnum):
    """What a button does."""

    PRESSED = "pressed"
    HELD = "held"
    RELEASED = "released"
    STUCK = "stuck"
    FREED = "freed"


@dataclass(frozen=True, slots=True)
class ButtonChange:
    """One change.

    Args:
        news: What.
        at_s: When, in the seconds of the edges.
        held_s: For how long it has been pressed by then.
    """

    news: ButtonNews
    at_s: float
    held_s: float = 0.0


class Button:
    """Counts exactly one press for each time that the button goes down, at its first contact.

    A press counts at once, with the first edge after ``debounce_s`` of quiet; what the contact does
    right after that is bounce. A release counts when it has lasted ``debounce_s``. A button that
    is down when the watching begins was not pressed now, but may be stuck.

    Args:
        spec: How it is judged.
        is_down: Whether it is down now.
        now_s: When that is.
    """

    def __init__(self, spec: ButtonSpec, *, is_down: bool, now_s: float) -> None:
        self._spec = spec
        self._is_down = is_down
        self._last_edge_s = now_s if is_down else float("-inf")
        self._since_s: float | None = now_s if is_down else None
        self._is_held_told = is_down
        self.is_stuck = False
        self.edges = 0
        self.presses = 0

    def edge(self, at_s: float, *, is_down: bool) -> list[ButtonChange]:
        """The contact has closed or opened at a moment; edges come in order."""
        self.edges += 1
        return self._take(at_s, is_down=is_down)

    def look(self, now_s: float, *, is_down: bool) -> list[ButtonChange]:
        """What time alone brings: a release that lasted, a long press, a stuck button.

        Args:
            now_s: Now.
            is_down: The level as it is read now; mends what a lost edge has left behind.
        """
        changes = []
        if is_down != self._is_down and now_s - self._last_edge_s >= self._spec.debounce_s:
            changes += self._take(now_s, is_down=is_down)
        changes += self._settle(now_s)
        if not self._is_down or self._since_s is None:
            return changes
        held_s = now_s - self._since_s
        if held_s >= self._spec.long_press_s and not self._is_held_told:
            self._is_held_told = True
            changes.append(ButtonChange(ButtonNews.HELD, now_s, held_s))
        if held_s >= self._spec.stuck_s and not self.is_stuck:
            self.is_stuck = True
            changes.append(ButtonChange(ButtonNews.STUCK, now_s, held_s))
        return changes

    def _take(self, at_s: float, *, is_down: bool) -> list[ButtonChange]:
        changes = self._settle(at_s)
        is_quiet = at_s - self._last_edge_s >= self._spec.debounce_s
        if is_down and is_quiet and self._since_s is None:
            self._since_s = at_s
            self._is_held_told = False
            self.presses += 1
            changes.append(ButtonChange(ButtonNews.PRESSED, at_s))
        self._is_down = is_down
        self._last_edge_s = at_s
        return changes

    def _settle(self, now_s: float) -> list[ButtonChange]:
        """End a press whose release has lasted long enough."""
        if self._is_down or self._since_s is None:
            return []
        if now_s - self._last_edge_s < self._spec.debounce_s:
            return []
        released_s, held_s = self._last_edge_s, self._last_edge_s - self._since_s
        changes = []
        if held_s >= self._spec.long_press_s and not self._is_held_told:
            changes.append(ButtonChange(ButtonNews.HELD, released_s, held_s))
        changes.append(ButtonChange(ButtonNews.RELEASED, released_s, held_s))
        if self.is_stuck:
            changes.append(ButtonChange(ButtonNews.FREED, released_s, held_s))
        self._since_s = None
        self.is_stuck = False
        return changes
