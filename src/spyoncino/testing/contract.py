"""The contract that every module keeps, as rules that can be checked; the project's own too.

Each rule runs on its own, in an event loop of its own, over a temporary data folder with a real bus
and a real database; pool and capture processes are doubles. No rule needs pytest.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ValidationError

from spyoncino.core.contracts import BaseModule, Category, ModuleSettings
from spyoncino.core.guard import sentence
from spyoncino.core.plugin_imports import BUILT_IN, foreign_import
from spyoncino.core.registry import Registry
from spyoncino.core.wiring import check_graph
from spyoncino.errors import UsageError, WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.topics import Topic
from spyoncino.testing.examples import EXAMPLES
from spyoncino.testing.harness import ModuleHarness
from spyoncino.testing.trial import LifeFacts, Trial

MAX_STEP_S = 0.25
"""What one step in the event loop may take in the kit. The system reports 50 ms; a test on a busy
machine must not blame a module that was only not let run."""


class ContractError(AssertionError):
    """A module breaks its contract; one line for each thing that is wrong."""


@dataclass(frozen=True)
class Rule:
    """One part of the contract.

    Args:
        name: What it is called, in words with underscores.
        broken_by: Gives a sentence for each thing that is wrong.
    """

    name: str
    broken_by: Callable[[], Sequence[str]]

    def __str__(self) -> str:
        return self.name

    def check(self) -> None:
        """Hold the module to this rule.

        Raises:
            ContractError: It breaks it.
        """
        problems = self.broken_by()
        if problems:
            raise ContractError("\n".join(problems))


class ModuleContract:
    """All rules for one module.

    Args:
        module: The class.
        settings: Its section of the configuration, where the defaults do not do.
        examples: Topic name to payloads that the module is fed; needed for topics of its own whose
            payload has no defaults.
        prepare: Called with each harness before the module is built, for example to set answers of
            the pool.
        max_step_s: What one step in the event loop may take.

    Attributes:
        rules: To be checked one by one; ``check`` does all.
    """

    def __init__(
        self,
        module: type[BaseModule[Any]],
        *,
        settings: Mapping[str, Any] | None = None,
        examples: Mapping[str, Sequence[Payload]] | None = None,
        prepare: Callable[[ModuleHarness], None] | None = None,
        max_step_s: float = MAX_STEP_S,
    ) -> None:
        self.module = module
        self._settings = dict(settings or {})
        self._examples = dict(examples or {})
        self._prepare = prepare
        self._max_step_s = max_step_s
        self._lived: LifeFacts | None = None
        self.rules = tuple(
            Rule(check.__name__, check)
            for check in (
                self.declares_what_it_is,
                self.has_sound_settings,
                self.imports_no_other_module,
                self.fits_the_topics,
                self.starts_and_stops,
                self.stops_after_a_failed_start,
                self.always_tells_its_health,
                self.takes_its_messages_also_twice,
                self.publishes_what_it_declares,
                self.gives_frames_back,
                self.keeps_the_loop_free,
            )
        )

    def check(self) -> None:
        """Hold the module to every rule.

        Raises:
            ContractError: One line for each thing that is wrong, with the rule's name.
        """
        problems = [f"{rule}: {each}" for rule in self.rules for each in rule.broken_by()]
        if problems:
            raise ContractError("\n".join(problems))

    def declares_what_it_is(self) -> list[str]:
        """Name, category, section, settings, handlers, no abstract method left; documented."""
        module = self.module
        problems = [
            f"{f.name} {f.error}" for f in Registry.of([(module.__name__, module)]).failures
        ]
        if not problems and module.name.split(".")[0] != module.category.name.lower():
            problems.append(f"{module.name} should begin with {module.category.name.lower()}.")
        if not problems and module.category not in Category:
            problems.append(f"{module.name} has no category")
        if not (module.__doc__ or "").strip():
            problems.append(f"{module.__name__} does not say what it does; give it a docstring")
        return problems

    def has_sound_settings(self) -> list[str]:
        """Valid by default, frozen, described, able to become JSON; unknown keys are refused."""
        model = self.module.settings_model
        try:
            settings = model(**self._settings)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            return [f"the settings are not valid by default: {where}; pass settings={{…}}"]
        problems = [f"{path} has no description" for path in _silent_fields(model, "settings")]
        if not (model.__doc__ or "").strip():
            problems.append(f"{model.__name__} does not say what is set; give it a docstring")
        if model.model_config.get("frozen") is not True:
            problems.append(f"{model.__name__} is not frozen; extend ModuleSettings")
        unknown = {**self._settings, "no_such_setting": 1}
        if _is_valid(model, unknown):
            problems.append(f"{model.__name__} takes unknown keys; extend ModuleSettings")
        text = settings.model_dump_json()
        if model.model_validate(json.loads(text)).model_dump_json() != text:
            problems.append(f"{model.__name__} is another one after a way through JSON")
        return problems

    def imports_no_other_module(self) -> list[str]:
        """Modules meet on the bus only."""
        home = self.module.__module__
        if home.startswith(f"{BUILT_IN}."):
            return []  # the import ladder watches these, and lets them share what is no module
        foreign = foreign_import(home, frozenset())
        return [f"{foreign}; modules meet on the bus only"] if foreign else []

    def fits_the_topics(self) -> list[str]:
        """Of its own stage or earlier ones; handlers take what topics carry."""
        try:
            check_graph([self.module])
        except WiringError as error:
            return str(error).splitlines()
        return []

    def starts_and_stops(self) -> list[str]:
        """Configured twice, started, stopped twice; a new one of its kind starts again."""

        async def live(trial: Trial) -> None:
            for _ in range(2):
                await trial.begin()
                await trial.do("configure", trial.module.configure(trial.settings))
                await trial.do("stop", trial.module.stop())
                await trial.do("a second stop", trial.module.stop())

        return self._try(live)

    def stops_after_a_failed_start(self) -> list[str]:
        """Pool, cameras, database and files are broken: it may fail to start, never to stop."""

        async def live(trial: Trial) -> None:
            await trial.begin(is_broken=True)
            await trial.do("stop after a failed start", trial.module.stop())

        return self._try(live)

    def always_tells_its_health(self) -> list[str]:
        """At once, without raising: running, and when it has stopped."""

        async def live(trial: Trial) -> None:
            await trial.begin()
            await trial.ask_health("while it runs")
            await trial.feed_twice()
            await trial.ask_health("after its messages")
            await trial.do("stop", trial.module.stop())
            await trial.ask_health("after it has stopped")

        return self._try(live)

    def takes_its_messages_also_twice(self) -> list[str]:
        """No handler raises for an example of its topic, nor when the same message comes again."""
        facts = self._life()
        return [*facts.call_problems, *facts.handler_errors]

    def publishes_what_it_declares(self) -> list[str]:
        """Every message is on a topic that it declares and of the payload that this carries."""
        return self._life().undeclared

    def gives_frames_back(self) -> list[str]:
        """No lease of a frame is held when its work is done."""
        return self._life().leases_held

    def keeps_the_loop_free(self) -> list[str]:
        """No step from start to stop keeps the event loop for longer than ``max_step_s``."""
        return self._life().blocked

    def _life(self) -> LifeFacts:
        """What a whole life brought to light; it is lived once for all rules that ask."""
        if self._lived is None:

            async def live(trial: Trial) -> None:
                await trial.begin()
                await trial.feed_twice()
                await trial.do("drain", trial.module.drain())
                await trial.do("stop", trial.module.stop())

            self._lived = self._run(live)
        return self._lived

    def _try(self, live: Callable[[Trial], Awaitable[None]]) -> list[str]:
        """Let a module live; what went wrong with the calls."""
        return self._run(live).call_problems

    def _run(self, live: Callable[[Trial], Awaitable[None]]) -> LifeFacts:
        async def run(folder: Path) -> LifeFacts:
            settings = self.module.settings_model(**self._settings)
            async with Trial(
                self.module,
                settings,
                folder,
                examples=self._example_of,
                prepare=self._prepare,
                max_step_s=self._max_step_s,
            ) as trial:
                await live(trial)
            return trial.facts()

        with TemporaryDirectory(prefix="spyoncino-contract-") as folder:
            try:
                return asyncio.run(run(Path(folder)))
            except (UsageError, ValidationError) as error:
                return LifeFacts([sentence(error)], [], [], [], [])

    def _example_of(self, topic: Topic[Any]) -> Sequence[Payload]:
        if topic.name in self._examples:
            return self._examples[topic.name]
        found = [each for each in EXAMPLES if type(each) is topic.payload]
        if found:
            return [each for each in found if isinstance(each, Payload)]
        if _is_valid(topic.payload, {}):
            return [topic.payload()]
        raise UsageError(
            f"there is no example of {topic.name}: pass examples={{{topic.name!r}: [...]}}"
        )


def _is_valid(model: type[BaseModel], values: Mapping[str, Any]) -> bool:
    try:
        model.model_validate(values)
    except ValidationError:
        return False
    return True


def _silent_fields(model: type[BaseModel], path: str) -> list[str]:
    """Settings, also inside groups, that say nothing about themselves."""
    silent = []
    for name, field in model.model_fields.items():
        if not (field.description or "").strip():
            silent.append(f"{path}.{name}")
        group = field.annotation
        if isinstance(group, type) and issubclass(group, ModuleSettings):
            silent += _silent_fields(group, f"{path}.{name}")
    return silent
