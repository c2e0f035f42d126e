"""Fixtures of the nervous system's tests."""

from pathlib import Path

import pytest


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Where an outbox may be; there is none yet."""
    return tmp_path / "outbox.db"
