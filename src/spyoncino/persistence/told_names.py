"""Takes somebody out of every sentence that is kept: events, messages, sheets, decisions.

What was sent already is not here; the alert engine edits the messages of events that are not old.
"""

import json
import re
from collections.abc import Callable, Collection
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, and_, func, or_, select, tuple_, update

from spyoncino.persistence.database import Database
from spyoncino.persistence.event_identities import BATCH, Rewrite
from spyoncino.persistence.tables import ALERT_SHEETS, DECISIONS, DELIVERIES, EVENTS
from spyoncino.schemas.events import Identity

SOMEBODY: Final = "somebody"
"""Stands where the name was, in sentences that cannot be made again."""

_SENTENCES: Final = frozenset({"title", "text", "story", "reason", "held"})
"""Keys whose strings are read by people."""

_OWN_WORDS: Final = "rules"
"""Key of what the owner of the house wrote; it is in the configuration too."""

_DOCUMENTS: Final[tuple[Column[Any], ...]] = (
    EVENTS.c.data,
    DELIVERIES.c.alert,
    ALERT_SHEETS.c.alerts,
    ALERT_SHEETS.c.facts,
)
"""Columns of JSON in which people are told."""

Erase = Callable[[Any], Any]


class ToldNames:
    """What is known, was told and was decided about events.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, names: Collection[str], others: Collection[str], rewrite: Rewrite) -> int:
        """Take a person out of every row, also of those that are still to be told.

        Args:
            names: Under which the person is written.
            others: Names of other people: "Ann" is forgotten, and "Ann Lee" is not.
            rewrite: What identities of events are now.

        Returns:
            How many rows changed.

        Raises:
            StorageError: The disk refused; doing it again does the rest.
        """

        def sentence(text: str) -> str:
            return without_names(text, names, others)

        def document(value: Any) -> Any:
            return _without(value, sentence, rewrite)

        changed = 0
        for column in _DOCUMENTS:
            in_json = [json.dumps(name)[1:-1] for name in names]
            changed += await self._rewrite(column, _says(column, in_json), document)
        says = _says(DECISIONS.c.reason, names)
        changed += await self._rewrite(DECISIONS.c.reason, says, sentence)
        await self._database.empty_log()
        return changed

    async def _rewrite(self, column: Column[Any], says: ColumnElement[bool], erase: Erase) -> int:
        """Pass a column of the rows that say a name through a function, some rows at a time."""
        table: Table = column.table
        key = tuple(table.primary_key.columns)
        async with self._database.read() as connection:
            found = [tuple(row) for row in (await connection.execute(select(*key).where(says)))]
        changed = 0
        for start in range(0, len(found), BATCH):
            among = tuple_(*key).in_(found[start : start + BATCH])
            async with self._database.write() as connection:
                rows = (await connection.execute(select(*key, column).where(among))).all()
                for *where, before in rows:
                    after = erase(before)
                    if after != before:
                        is_row = and_(*(at == value for at, value in zip(key, where, strict=True)))
                        await connection.execute(
                            update(table).where(is_row).values({column.name: after})
                        )
                        changed += 1
        return changed


def without_names(text: str, names: Collection[str], others: Collection[str] = ()) -> str:
    """A sentence in which somebody stands where a name was.

    Args:
        text: The sentence.
        names: That are not to be in it; whole words only.
        others: Longer names that stay, though one of the names is part of them.
    """
    if not names:
        return text
    known = sorted({*names, *others}, key=len, reverse=True)
    pattern = rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)"

    def instead(found: re.Match[str]) -> str:
        if found[0] not in names:
            return found[0]
        return SOMEBODY if found.start() else SOMEBODY.capitalize()

    return re.sub(pattern, instead, text)


def _says(column: Column[Any], words: Collection[str]) -> ColumnElement[bool]:
    return or_(*(func.instr(column, word) > 0 for word in words))


def _without(value: Any, sentence: Erase, rewrite: Rewrite, *, is_read: bool = False) -> Any:
    """A document of JSON without somebody, whoever keeps it."""
    if isinstance(value, str):
        return sentence(value) if is_read else value
    if isinstance(value, list):
        return [_without(each, sentence, rewrite, is_read=is_read) for each in value]
    if not isinstance(value, dict):
        return value
    after = {}
    for key, each in value.items():
        if key == _OWN_WORDS:
            after[key] = each
        elif key == "identities":
            event_id = str(value.get("event_id", ""))
            one_by_one = [rewrite(event_id, Identity.model_validate(one)) for one in each]
            known = [one.model_dump(mode="json") for one in one_by_one if one is not None]
            after[key] = _without(known, sentence, rewrite)  # why it is Bob may say "above Ann"
        else:
            is_sentence = is_read or key in _SENTENCES
            after[key] = _without(each, sentence, rewrite, is_read=is_sentence)
    return after
