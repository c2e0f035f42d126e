"""Foreign code that raises becomes a value."""

import pytest

from spyoncino.errors import MediaError, StaleFrameError
from spyoncino.runtime.attempt import Failure, attempt


def test_what_goes_well_comes_back_as_it_is() -> None:
    assert attempt(int, "11", base=2) == 3


@pytest.mark.parametrize(
    ("error", "text", "is_final"),
    [
        (MediaError("The disk is full."), "The disk is full.", False),
        (StaleFrameError("Slot 3 holds another frame."), "Slot 3 holds another frame.", True),
        (ValueError(), "ValueError", False),
    ],
)
def test_what_is_raised_becomes_a_failure(error: Exception, text: str, is_final: bool) -> None:
    def fail() -> None:
        raise error

    failure = attempt(fail)

    assert isinstance(failure, Failure)
    assert (failure.error_type, failure.error) == (type(error).__name__, text)
    assert failure.is_final is is_final
    assert "in fail" in failure.trace


def test_the_end_of_the_process_is_not_held_up() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        attempt(leave)
