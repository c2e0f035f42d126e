"""Which labels make events, and which of them tells most about a happening."""

from collections.abc import Iterable

from spyoncino.schemas.events import ANIMAL_LABELS, VEHICLE_LABELS

PERSON = "person"
DOORBELL = "doorbell"
MOTION = "motion"
FACE = "face"

DEFAULT_LABELS = (PERSON, *VEHICLE_LABELS, *ANIMAL_LABELS)
"""Labels that make events unless the settings say otherwise: COCO names of what comes and goes."""

MOTION_RANK = 0
"""Rank of a happening of which nothing but movement is known; every other rank is higher."""

_RANKS = {
    PERSON: 5,
    DOORBELL: 4,
    **dict.fromkeys(VEHICLE_LABELS, 3),
    **dict.fromkeys(ANIMAL_LABELS, 2),
    MOTION: MOTION_RANK,
}
_OTHER_RANK = 1


def label_rank(label: str) -> int:
    """How much a label tells, higher is more.

    Person, doorbell, vehicles, animals, anything else, bare motion: a press was made by somebody,
    so it tells more than the car that passes at the same time.
    """
    return _RANKS.get(label, _OTHER_RANK)


def in_order_of_telling(labels: Iterable[str]) -> tuple[str, ...]:
    """Each label once, the most telling first, equals by name."""
    return tuple(sorted(set(labels), key=lambda label: (-label_rank(label), label)))
