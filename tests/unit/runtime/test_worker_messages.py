"""Values that cross the process border."""

import pytest

from spyoncino.errors import UsageError
from spyoncino.runtime.worker_messages import MAX_VALUE_BYTES, pack, unpack


@pytest.mark.parametrize("value", [None, 7, "text", {"box": (0.0, 1.0)}, [b"bytes"]])
def test_plain_values_come_back_as_they_were(value: object) -> None:
    assert unpack(pack(value)) == value


def test_value_that_cannot_be_pickled_is_refused_with_advice() -> None:
    with pytest.raises(UsageError, match=r"type function cannot go to another process .*paths"):
        pack(lambda: None)


def test_bottomless_value_is_refused() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]

    with pytest.raises(UsageError, match="cannot go to another process"):
        pack(nested)
    while nested:  # taken apart by hand: the interpreter would recurse as deep
        nested = nested.pop()  # type: ignore[assignment]  # every element is such a list


def test_pixels_are_refused() -> None:
    with pytest.raises(UsageError, match="pass pictures as FrameHandle"):
        pack(bytes(MAX_VALUE_BYTES))
