"""Periods as people write them: 30m, 24h, 7d."""

import re
from datetime import timedelta

from spyoncino.errors import UsageError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def period(text: str, option: str) -> timedelta:
    """The length of time that an option names.

    Args:
        text: A number and one of s, m, h, d.
        option: For the sentence, such as ``--since``.

    Raises:
        UsageError: It is no such thing.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None:
        raise UsageError(f"{option} {text!r} is not a duration; write for example 30m, 24h or 7d")
    return timedelta(seconds=float(found[1]) * _UNITS_S[found[2]])
