"""A part of the system that is not there: whoever touches it is told so."""

from typing import Any, NoReturn

from spyoncino.errors import StorageError


class BrokenPart:
    """Stands in for the pool, the database and so on when nothing works."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise StorageError(f"the contract kit has broken this part ({name})")

    def __getitem__(self, key: Any) -> NoReturn:
        raise StorageError(f"the contract kit has broken this part ({key!r})")

    def __contains__(self, key: object) -> NoReturn:
        raise StorageError(f"the contract kit has broken this part ({key!r})")
