"""How long to wait before the next try."""

import random
from collections.abc import Callable

FIRST_S = 1.0
SOON_S = 3.0
"""No pause is longer at first: with a second to connect, a camera is seen again within 5 s of its
return, and a try costs a few packets in the network."""

SOON_FOR_S = 300.0
"""So long, by the pauses alone, a camera is expected back; one that is away for longer is broken or
switched off, and the log need not hear of it every few seconds."""

LONGEST_S = 60.0
JITTER = 0.2
"""Share by which a pause is longer or shorter: cameras behind one switch that went down together
do not all come back in the same second."""


class Backoff:
    """Pauses that double, up to one limit at first and to another later, each a little by chance.

    Args:
        first_s: The first pause.
        longest_s: No pause is longer, before chance.
        chance: Gives a number from 0 to 1.
        soon_s: No pause is longer while the camera is expected back.
        soon_for_s: Sum of the pauses after which it no longer is.
    """

    def __init__(
        self,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
        chance: Callable[[], float] = random.random,
        *,
        soon_s: float = SOON_S,
        soon_for_s: float = SOON_FOR_S,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._soon_s = soon_s
        self._soon_for_s = soon_for_s
        self._next_s = first_s
        self._paused_s = 0.0

    def pause_s(self, *, is_refused: bool = False) -> float:
        """Seconds to wait now.

        Args:
            is_refused: The camera said no; the longest pause at once, for cameras lock an account
                after a few wrong passwords.
        """
        if is_refused:
            self._next_s = self._longest_s
            self._paused_s = self._soon_for_s
        pause_s = self._next_s
        self._paused_s += pause_s
        limit_s = self._soon_s if self._paused_s < self._soon_for_s else self._longest_s
        self._next_s = min(2 * self._next_s, limit_s, self._longest_s)
        return pause_s * (1 + JITTER * (2 * self._chance() - 1))

    def reset(self) -> None:
        """Begin again with the first pause."""
        self._next_s = self._first_s
        self._paused_s = 0.0
