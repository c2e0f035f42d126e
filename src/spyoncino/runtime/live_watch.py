"""Whether main watches a camera live, and who takes what comes; outlasts the capture process."""

from collections.abc import Callable

from spyoncino.runtime.capture.messages import LiveMessage, ToChild, UnwatchLive, WatchLive


class LiveWatch:
    """The live view of one camera as main sees it; used from the event loop alone."""

    def __init__(self) -> None:
        self._taker: Callable[[LiveMessage], None] | None = None
        self._order: Callable[[ToChild], None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether anybody takes the live view."""
        return self._taker is not None

    def begin(self, taker: Callable[[LiveMessage], None]) -> None:
        """Watch from now on, in this process and in those that follow it.

        Args:
            taker: Gets every message of the live view on the event loop; must not wait. Takes the
                place of the one before.
        """
        was_on = self.is_on
        self._taker = taker
        if not was_on and self._order is not None:
            self._order(WatchLive())

    def end(self) -> None:
        """Watch no more; what is still on its way is ignored."""
        if self.is_on and self._order is not None:
            self._order(UnwatchLive())
        self._taker = None

    def join(self, order: Callable[[ToChild], None]) -> None:
        """A capture process is there.

        Args:
            order: Gives it an order.
        """
        self._order = order
        if self.is_on:
            order(WatchLive())

    def leave(self) -> None:
        """The capture process is gone."""
        self._order = None

    def take(self, message: LiveMessage) -> None:
        """Pass on what the process sent."""
        if self._taker is not None:
            self._taker(message)
