"""Fixtures that every test may use; each is a small object with a name."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import is_hypothesis_test, settings

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:  # so that tests and their fixtures import as tests.…
    sys.path.insert(0, str(ROOT))

from tests.fixtures.logged import logged  # noqa: E402
from tests.fixtures.loop_guard import loop_guard, session_loop_guard  # noqa: E402
from tests.fixtures.ready_database import ready_database  # noqa: E402
from tests.fixtures.usual_logging import usual_logging  # noqa: E402

from spyoncino.clock import FakeClock  # noqa: E402 - the path comes first
from spyoncino.testing.harness import ModuleHarness  # noqa: E402
from spyoncino.testing.plugin import module_contract  # noqa: E402

settings.register_profile("usual", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("usual")  # each run draws others; --hypothesis-profile=thorough for a hunt

__all__ = [
    "clock",
    "logged",
    "loop_guard",
    "lossless_harness",
    "module_contract",
    "module_harness",
    "ready_database",
    "session_loop_guard",
    "usual_logging",
]


LONGEST_FIRST = (
    "accuracy/test_tracking.py",
    "integration/test_readme.py",
    "processes/test_page.py",
    "processes/test_live_sources.py",
    "integration/test_analyze.py",
    "processes/test_system_refusals.py",
    "integration/test_faces_lossless.py",
    "integration/test_bad_videos.py",
    "processes/test_system_accidents.py",
    "processes/test_telling_secrets.py",
    "integration/test_event_rules.py",
    "accuracy/test_identity.py",
)
"""Files that keep a worker busy for 20 s and more, about the longest first.

``make test`` gives whole files to workers: one of these at the end would leave the others idle.
Only the length of the whole hangs on this list; ``--durations=0`` tells what should stand in it.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, and count no lines in property tests.

    Those are up to six times slower under a tracer, and a line that only a random example reaches
    would make the gate a matter of luck: a plain test has to reach it. The Makefile says in which
    files lines are counted.
    """
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))  # stable: the rest stays random
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("no_cover")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until it is advanced."""
    return FakeClock()


@pytest_asyncio.fixture
async def module_harness(tmp_path: Path, clock: FakeClock) -> AsyncIterator[ModuleHarness]:
    """Modules on a real bus, with doubles for pool and captures; a live run."""
    async with ModuleHarness(tmp_path, clock) as harness:
        yield harness


@pytest_asyncio.fixture
async def lossless_harness(tmp_path: Path, clock: FakeClock) -> AsyncIterator[ModuleHarness]:
    """The same in a lossless run, as ``analyze`` makes it."""
    async with ModuleHarness(tmp_path, clock, lossless=True) as harness:
        yield harness
