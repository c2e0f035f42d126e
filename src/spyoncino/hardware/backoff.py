"""How long to wait before the next try."""

import random
from collections.abc import Callable

FIRST_S = 1.0
LONGEST_S = 60.0
JITTER = 0.2
"""Share by which a pause is longer or shorter: cameras behind one switch that went down together
do not all come back in the same second."""


class Backoff:
    """Pauses that double, each a little by chance.

    Args:
        first_s: The first pause.
        longest_s: No pause is longer, before chance.
        chance: Gives a number from 0 to 1.
    """

    def __init__(
        self,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._next_s = first_s

    def pause_s(self, *, is_refused: bool = False) -> float:
        """Seconds to wait now.

        Args:
            is_refused: The camera said no; the longest pause at once, for cameras lock an account
                after a few wrong passwords.
        """
        if is_refused:
            self._next_s = self._longest_s
        pause_s = self._next_s
        self._next_s = min(2 * self._next_s, self._longest_s)
        return pause_s * (1 + JITTER * (2 * self._chance() - 1))

    def reset(self) -> None:
        """Begin again with the first pause."""
        self._next_s = self._first_s
