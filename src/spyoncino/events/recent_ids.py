"""Remembers the last few ids, so that a late or repeated message changes nothing."""

from collections import OrderedDict

REMEMBERED = 256
"""Ids kept by default: far more events than can be under way at one time."""


class RecentIds:
    """A bounded set; the id that was added first is forgotten first.

    Args:
        limit: Ids kept at most.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, recent_id: str) -> bool:
        return recent_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, recent_id: str) -> None:
        """Remember an id."""
        self._ids[recent_id] = None
        while len(self._ids) > self._limit:
            self._ids.popitem(last=False)
