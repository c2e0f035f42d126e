"""``PipelineEvent(event_type=…, data=…)``: an event as a dictionary, for code in threads.

On the bus it becomes the typed payload that its topic declares, so that modules and old code hear
the same thing.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from spyoncino.core.topic_aliases import ALIASES
from spyoncino.core.topic_match import declared_topic
from spyoncino.errors import WiringError
from spyoncino.schemas.base import EventType, Payload, new_id, utc_now


class GenericEvent(Payload):
    """The payload of a topic that nobody declares: any kind, and its data as unknown fields."""

    kind: EventType

    @property
    def event_type(self) -> EventType:
        """The kind of this event."""
        return self.kind

    @property
    def data(self) -> dict[str, Any]:
        """The body."""
        return {name: value for name, value in super().data.items() if name != "kind"}


@dataclass(frozen=True, slots=True)
class PipelineEvent:
    """One event; only its kind and its data must be given.

    Args:
        event_type: Its kind; the text of an ``EventType`` will do.
        data: The body: the fields of the topic's payload, or anything on other topics.
        event_id: Unique.
        timestamp: Aware UTC time of what it tells.
        source: Who published it.
        correlation_id: Joins the events of one happening.
        metadata: Free facts for debugging.
    """

    event_type: EventType
    data: dict[str, Any] = field(default_factory=dict)
    event_id: str = field(default_factory=new_id)
    timestamp: datetime = field(default_factory=utc_now)
    source: str | None = None
    correlation_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_payload(self, topic: str) -> Payload:
        """What travels on a topic.

        Args:
            topic: Its canonical name or the doorbell's.

        Raises:
            WiringError: The topic carries another kind of event, its payload lacks a field, or the
                data has a field of the event itself.
        """
        if own := self.data.keys() & {"kind", *_ENVELOPE}:
            raise WiringError(
                f"data of an event on {topic} has {min(own)!r}, which the event itself has; "
                "give it to PipelineEvent or call it otherwise"
            )
        envelope = {name: getattr(self, name) for name in _ENVELOPE}
        alias = ALIASES.get(topic)
        name = topic if alias is None else alias.canonical.replace("{id}", "any")
        declared = declared_topic(name)
        if declared is None:
            return GenericEvent(kind=EventType(self.event_type), **envelope, **self.data)
        payload = declared.payload
        if self.event_type != payload.EVENT_TYPE:
            raise WiringError(
                f"{topic} carries events of the type {payload.EVENT_TYPE}, not {self.event_type}; "
                "publish it on its own topic"
            )
        try:
            return payload.model_validate({**self.data, **envelope})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise WiringError(
                f"{topic} carries {payload.__name__}: {place}: {first['msg']}"
            ) from None


_ENVELOPE = ("event_id", "timestamp", "source", "correlation_id", "metadata")
