"""Browsers that want to be told by Web Push; one row each."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from spyoncino.errors import UsageError
from spyoncino.persistence.database import Database
from spyoncino.persistence.tables import PUSH_BROWSERS

MAX_BROWSERS = 64
"""More than a household has; each message is sent to all of them."""


@dataclass(frozen=True, slots=True)
class PushBrowser:
    """One browser.

    Args:
        name: What people and logs call it; no secret.
        endpoint: Where its push service takes messages for it; a secret.
        p256dh: Its public key, base64url.
        auth: Its authentication secret, base64url.
        label: What kind of browser it is.
        created_at: When it was first told of, wall time.
    """

    name: str
    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)
    label: str
    created_at: datetime

    @staticmethod
    def name_of(endpoint: str, label: str) -> str:
        """A name that stays the same for an endpoint and does not give it away."""
        return f"{label} {hashlib.sha256(endpoint.encode()).hexdigest()[:8]}"


class PushBrowserStore:
    """The table of browsers.

    Args:
        database: An open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, browser: PushBrowser) -> PushBrowser:
        """Keep a browser; one with the same endpoint keeps its name and gets the new keys.

        Raises:
            UsageError: There are ``MAX_BROWSERS`` already.
        """
        values: dict[str, Any] = {
            "name": browser.name,
            "endpoint": browser.endpoint,
            "p256dh": browser.p256dh,
            "auth": browser.auth,
            "label": browser.label,
            "created_at": browser.created_at,
        }
        statement = insert(PUSH_BROWSERS).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=[PUSH_BROWSERS.c.endpoint],
            set_={name: statement.excluded[name] for name in ("p256dh", "auth")},
        )
        same = select(PUSH_BROWSERS).where(PUSH_BROWSERS.c.endpoint == browser.endpoint)
        async with self._database.write() as connection:
            is_known = (await connection.execute(same)).one_or_none() is not None
            query = select(func.count()).select_from(PUSH_BROWSERS)
            if not is_known and (await connection.execute(query)).scalar_one() >= MAX_BROWSERS:
                raise UsageError(
                    f"{MAX_BROWSERS} browsers are told already; let one of them go first"
                )
            await connection.execute(statement)
            return _browser((await connection.execute(same)).one())

    async def get(self, name: str) -> PushBrowser | None:
        """One browser by its name."""
        query = select(PUSH_BROWSERS).where(PUSH_BROWSERS.c.name == name)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _browser(row)

    async def remove(self, name: str) -> bool:
        """Tell a browser no more.

        Returns:
            Whether there was such a one.
        """
        statement = delete(PUSH_BROWSERS).where(PUSH_BROWSERS.c.name == name)
        async with self._database.write() as connection:
            return await connection.changed(statement) > 0

    async def all(self) -> list[PushBrowser]:
        """Every browser, the first one first."""
        query = select(PUSH_BROWSERS).order_by(PUSH_BROWSERS.c.created_at, PUSH_BROWSERS.c.name)
        async with self._database.read() as connection:
            return [_browser(row) for row in (await connection.execute(query)).all()]


def _browser(row: Row[Any]) -> PushBrowser:
    return PushBrowser(
        name=row.name,
        endpoint=row.endpoint,
        p256dh=row.p256dh,
        auth=row.auth,
        label=row.label,
        created_at=row.created_at.replace(tzinfo=UTC),
    )
