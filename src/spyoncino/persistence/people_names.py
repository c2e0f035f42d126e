"""Names of people, and the keys that are made of them."""

import re
import unicodedata

from spyoncino.errors import UsageError


def person_id_of(name: str) -> str:
    """The key of a name: small letters, digits and dashes; ``Ann Lee`` is ``ann-lee``.

    Letters of other scripts stay; accents of Latin ones are left out.

    Raises:
        UsageError: Nothing is left.
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    key = re.sub(r"[\W_]+", "-", plain).strip("-")
    if not key:
        raise UsageError(f"{name!r} is no name: it has no letter and no digit")
    return key


def nobody(name: str) -> str:
    """The sentence about somebody who is not there."""
    return f"there is nobody called {name!r}; see `spyoncino faces list`"
