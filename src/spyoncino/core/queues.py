"""Overflow policies and the one bounded queue that every subscriber owns."""

from enum import StrEnum


class Policy(StrEnum):
    """What happens when a subscriber's queue is full. Every loss is counted."""

    DROP_OLDEST = "drop_oldest"
    DROP_NEWEST = "drop_newest"
    LATEST = "latest"
    BLOCK = "block"
