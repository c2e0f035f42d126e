"""A module harness with a real database behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from spyoncino.persistence.database import Database
from spyoncino.testing.harness import ModuleHarness


@pytest_asyncio.fixture
async def harness(module_harness: ModuleHarness, tmp_path: Path) -> AsyncIterator[ModuleHarness]:
    database = Database(tmp_path / "spyoncino.db")
    await database.open()
    module_harness.context.database = database
    yield module_harness
    await database.close()
