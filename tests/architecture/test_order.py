"""The order in which large tests begin names files that are there."""

from tests.conftest import LONGEST_FIRST, ROOT


def test_every_file_that_begins_first_is_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / "tests" / name).is_file()] == []
    assert len(set(LONGEST_FIRST)) == len(LONGEST_FIRST)
