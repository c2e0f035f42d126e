"""Other names of topics that the specification has, for code that was written against them.

``subscribe`` and ``publish`` of the bus take either name; messages always carry the canonical one.
A name of a family, such as ``doorbell_pressed``, is filled with the id that its payload has.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from spyoncino.core.message import Message
from spyoncino.errors import WiringError
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.frames import Frame

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a topic.

    Args:
        name: The other name; the doorbell's are one word. A ``*`` in it stands for any one word.
        canonical: The topic's name; ``{id}`` stands for one entity.
        also: A second topic that subscribers hear under this name.
        entity_of: Takes the id out of a payload, where the canonical name has one.
        parts_of: Cuts a message for subscribers who want several in place of one.
    """

    name: str
    canonical: str
    also: str = ""
    entity_of: Callable[[Payload], str] | None = None
    parts_of: Callable[[Payload], Iterator[Payload]] | None = None


def _doorbell_of(payload: Payload) -> str:
    return _expected(payload, DoorbellEvent).doorbell


def _camera_of(payload: Payload) -> str:
    return _expected(payload, Frame).frame.camera


def _each_face(payload: Payload) -> Iterator[Payload]:
    for number, face in enumerate(getattr(payload, "faces", ()), 1):
        one = {"event_id": f"{payload.event_id}/{number}", "faces": (face,)}
        yield payload.model_copy(update=one)


ALIASES = {
    alias.name: alias
    for alias in (
        Alias("doorbell_pressed", topics.DOORBELL_PRESSED.name, entity_of=_doorbell_of),
        Alias(
            "frame_captured",
            topics.CAMERA_FRAME.name,
            also=topics.CAMERA_BURST.name,  # a press publishes one for each frame of its burst
            entity_of=_camera_of,
        ),
        Alias("faces_detected", topics.FACES_DETECTED.name),
        Alias("face_detected", topics.FACES_DETECTED.name, parts_of=_each_face),
        Alias("faces_recognized", topics.FACES_RECOGNIZED.name),
        Alias("detection_errors", topics.DETECTION_ERRORS.name),
        Alias("worker_health_check", topics.WORKER_CHECK.name),
        Alias("worker_health_responses", topics.WORKER_REPORT.name),
        Alias("system_shutdown", topics.SHUTDOWN.name),
        Alias("system_error", topics.SYSTEM_ERROR.name),
        Alias("performance_warning", topics.PERFORMANCE_WARNING.name),
        Alias("analytics.health.summary", topics.STATUS_HEALTH.name),
        Alias("dashboard.commands", topics.CONTROL_COMMAND.name),
        Alias("dashboard.*.commands", topics.CONTROL_COMMAND.name),
    )
}
"""Other name to what it stands for."""

_FAMILIES = [(alias.name.split("."), alias) for alias in ALIASES.values() if "*" in alias.name]


def alias_of(name: str) -> Alias | None:
    """The alias that a name or pattern is; ``None`` for every other."""
    exact = ALIASES.get(name)
    if exact is not None:
        return exact
    words = name.split(".")
    return next((alias for family, alias in _FAMILIES if _fits(family, words, "*")), None)


def canonical_pattern(pattern: str) -> str:
    """What to subscribe to: ``camera.*.frame|camera.*.burst`` for ``frame_captured``."""
    return "|".join(
        name.replace("{id}", "*") for part in pattern.split("|") for name in _names_of(part)
    )


def _names_of(part: str) -> tuple[str, ...]:
    """The canonical names that one part of a pattern stands for."""
    alias = alias_of(part)
    if alias is None:
        return (part,)
    return (alias.canonical, alias.also) if alias.also else (alias.canonical,)


def canonical_name(name: str, payload: Payload) -> str:
    """Where a payload is published: ``camera.door.frame`` for a door's ``frame_captured``.

    Raises:
        WiringError: The payload does not tell which entity it is of.
    """
    alias = alias_of(name)
    if alias is None:
        return name
    if alias.entity_of is None:
        return alias.canonical
    is_of_press = bool(alias.also) and getattr(payload, "trigger_id", None) is not None
    canonical = alias.also if is_of_press else alias.canonical
    return canonical.replace("{id}", alias.entity_of(payload))


def doorbell_name(topic: str) -> str | None:
    """The doorbell's name of a canonical topic name or pattern; ``None`` where it has none.

    Of the two names for detected faces it is that of the batch.
    """
    words = topic.split(".")
    return next(
        (
            alias.name
            for alias in ALIASES.values()
            for canonical in (alias.canonical, alias.also)
            if _fits(canonical.split("."), words, "{id}")
        ),
        None,
    )


def in_parts(
    pattern: str, handler: Callable[[Message], Awaitable[object]]
) -> Callable[[Message], Awaitable[object]]:
    """A handler that gets one message for each part, where the pattern asks for that.

    Args:
        pattern: As the subscriber wrote it; ``face_detected`` means one message per face.
        handler: Takes a message.

    Returns:
        The same handler for every other pattern.
    """
    cut = {
        alias.canonical: alias.parts_of
        for part in pattern.split("|")
        if (alias := alias_of(part)) is not None and alias.parts_of is not None
    }
    if not cut:
        return handler

    async def handle(message: Message) -> None:
        parts_of = cut.get(message.topic)
        parts = (message.payload,) if parts_of is None else parts_of(message.payload)
        for payload in parts:
            await handler(Message(message.topic, payload, message.published_ns))

    return handle


def _fits(wanted: list[str], words: list[str], any_word: str) -> bool:
    return len(words) == len(wanted) and all(
        ours in (any_word, given) for ours, given in zip(wanted, words, strict=True)
    )


def _expected(payload: Payload, kind: type[P]) -> P:
    if not isinstance(payload, kind):
        raise WiringError(
            f"this topic carries {kind.__name__}, not {type(payload).__name__}: "
            "publish the payload type that the topic declares."
        )
    return payload
