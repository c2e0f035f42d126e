"""Names and patterns of topics: which pattern takes which topic, and what a topic carries.

Words are separated by dots. In a pattern ``*`` stands for exactly one word and ``#``, as the last
word, for any rest, also none: ``status.#`` takes ``status``, ``status.bus`` and
``status.health.summary``. ``|`` joins alternatives, so that one subscriber takes several topics in
the order of publishing: ``event.created|event.updated``.
"""

from collections.abc import Callable

from spyoncino.errors import WiringError
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.topics import Topic

_FORBIDDEN_IN_NAMES = frozenset("*#{}|")


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A predicate that tells whether a topic name is taken by this pattern.

    Raises:
        WiringError: The pattern has an empty word, ``#`` before the last word, a wildcard inside a
            word or an unfilled ``{id}``.
    """
    if "|" in pattern:
        alternatives = [compile_pattern(part) for part in pattern.split("|")]
        return lambda name: any(takes(name) for takes in alternatives)
    words = pattern.split(".")
    rest = words[-1] == "#"
    fixed = words[:-1] if rest else words
    for word in fixed:
        if not word or (word != "*" and not _FORBIDDEN_IN_NAMES.isdisjoint(word)):
            raise WiringError(
                f'"{pattern}" is no pattern: words are separated by single dots, '
                '"*" is one whole word, "#" is the last word only, "|" stands between whole '
                'patterns, and "{id}" must be filled.'
            )
    wanted = [(place, word) for place, word in enumerate(fixed) if word != "*"]
    count = len(fixed)

    def takes(name: str) -> bool:
        parts = name.split(".")
        if len(parts) < count or (len(parts) > count and not rest):
            return False
        return all(parts[place] == word for place, word in wanted)

    return takes


def check_name(name: str) -> None:
    """Make sure that a name can be published on.

    Raises:
        WiringError: It is a pattern, has an unfilled ``{id}`` or an empty word.
    """
    if not all(name.split(".")) or not _FORBIDDEN_IN_NAMES.isdisjoint(name):
        raise WiringError(
            f'Cannot publish on "{name}": a name has words separated by single dots, '
            'no "*", "#" or "|", and its "{id}" filled by Topic.of.'
        )


DECLARED: tuple[Topic[Payload], ...] = tuple(
    value for value in vars(topics).values() if isinstance(value, Topic)
)
"""Every topic of ``schemas.topics``."""

_EXACT = {topic.name: topic for topic in DECLARED if "{id}" not in topic.name}
_FAMILIES = [(compile_pattern(topic.pattern), topic) for topic in DECLARED if "{id}" in topic.name]


def declared_topic(name: str) -> Topic[Payload] | None:
    """The declared topic that a published name belongs to; ``None`` for names of plug-ins."""
    exact = _EXACT.get(name)
    if exact is not None:
        return exact
    return next((topic for takes, topic in _FAMILIES if takes(name)), None)
