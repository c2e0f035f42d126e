"""The pytest plug-in: ``pytest -p spyoncino.testing.plugin``, or that under ``addopts``.

It is no entry point ``pytest11``, which would import the whole system at every start of pytest in
every project of the same environment.
"""

from collections.abc import Callable
from typing import Any

from spyoncino.core.contracts import BaseModule
from spyoncino.errors import UsageError
from spyoncino.testing.contract import ModuleContract

try:
    import pytest
except ImportError as missing:
    raise UsageError("spyoncino.testing.plugin needs pytest: pip install pytest") from missing


@pytest.fixture
def module_contract() -> Callable[..., None]:
    """Checks every rule for a module class: ``module_contract(NightLight)``.

    Takes what ``ModuleContract`` takes; fails with one line for each broken rule.
    """

    def check(module: type[BaseModule[Any]], **options: Any) -> None:
        ModuleContract(module, **options).check()

    return check
