"""What an order about people did, and the news of it that everybody is to hear."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spyoncino.schemas.base import Payload
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.media import StorageAck
from spyoncino.schemas.topics import EVENT_RELABELLED, GALLERY_CHANGED, Topic


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order.

    Args:
        told: What the asker is told, as JSON.
        change: Of the gallery; ``None``: nothing changed.
        relabelled: Ids of the past events whose people are others now.
    """

    told: dict[str, Any]
    change: GalleryChange | None = None
    relabelled: tuple[str, ...] = ()

    def news(self, source: str) -> Iterator[tuple[Topic[Any], Payload]]:
        """What is to be published, in this order.

        Args:
            source: Name of who publishes it.
        """
        if self.change is not None:
            yield GALLERY_CHANGED, self.change
        for event_id in self.relabelled:
            yield EVENT_RELABELLED, relabelled(event_id, source)


def relabelled(event_id: str, source: str) -> StorageAck:
    """The news that the people of a past event are known better, or not any more."""
    return StorageAck(
        source=source, subject="event", action="relabelled", key=event_id, event_ref=event_id
    )
