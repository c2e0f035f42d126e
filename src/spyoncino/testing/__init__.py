"""What a plug-in's own tests need: examples, a harness, and the contract that every module keeps.

The project's own modules pass the same contract. In a plug-in's test::

    CONTRACT = ModuleContract(NightLight)

    @pytest.mark.parametrize("rule", CONTRACT.rules, ids=str)
    def test_it_keeps_the_contract(rule: Rule) -> None:
        rule.check()

``pytest -p spyoncino.testing.plugin`` adds the fixtures; nothing else here needs pytest.
"""

from spyoncino.testing.contract import ContractError, ModuleContract, Rule
from spyoncino.testing.harness import ModuleHarness

__all__ = ["ContractError", "ModuleContract", "ModuleHarness", "Rule"]
