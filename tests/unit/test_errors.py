"""The family of errors: one root, a class per reaction, a drawing that is true."""

import inspect
import re

import pytest

from spyoncino import errors
from spyoncino.errors import ConfigError, SpyoncinoError

FAMILY = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, SpyoncinoError)
]


@pytest.mark.parametrize("error", FAMILY)
def test_every_error_is_of_the_family_says_what_it_is_and_keeps_its_sentence(
    error: type[SpyoncinoError],
) -> None:
    assert error.__name__.endswith("Error")
    assert error.__doc__
    assert str(error("the door is gone; mount it again")) == "the door is gone; mount it again"


def test_the_drawing_of_the_family_is_true() -> None:
    drawn: dict[str, str] = {}
    parents = {0: "SpyoncinoError"}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.search(r"[├└]── (\w+)", line):
            depth = found.start() // 4
            parents[depth] = found[1]
            drawn[found[1]] = parents[depth - 1]

    actual = {
        error.__name__: error.__bases__[0].__name__
        for error in FAMILY
        if error is not SpyoncinoError
    }
    assert drawn == actual


def test_a_configuration_error_keeps_each_problem() -> None:
    error = ConfigError("one is wrong", "two is wrong")

    assert error.problems == ("one is wrong", "two is wrong")
    assert str(error) == "one is wrong\ntwo is wrong"
