"""One life of a module under watch: every call is guarded, everything it publishes is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from spyoncino.clock import FakeClock
from spyoncino.core.contracts import BaseModule, ModuleSettings
from spyoncino.core.guard import guarded, sentence
from spyoncino.core.topic_match import compile_pattern
from spyoncino.core.wiring import subscribe_module
from spyoncino.persistence.database import Database
from spyoncino.schemas.base import Payload
from spyoncino.schemas.status import ContractNotice, ErrorReport, HealthStatus
from spyoncino.schemas.topics import STATUS_BUS, STATUS_CONTRACT, STATUS_ERROR, Topic
from spyoncino.testing.broken import BrokenPart
from spyoncino.testing.harness import CAMERA, ModuleHarness
from spyoncino.testing.loop_watch import LoopWatch

PAUSE_S = 0.05
ROUND_S = 0.5
MAX_ROUNDS = 200
"""A call may wait: after each pause by the wall the module's clock moves on by a round, so that it
has ten seconds for real work and a hundred of its own time."""


@dataclass(frozen=True)
class LifeFacts:
    """What one life of a module brought to light, as sentences.

    Args:
        call_problems: Calls that raised or did not return.
        handler_errors: Handlers that raised.
        undeclared: What it published without declaring it so.
        leases_held: Frames that it did not give back.
        blocked: Lines that kept the event loop.
    """

    call_problems: list[str]
    handler_errors: list[str]
    undeclared: list[str]
    leases_held: list[str]
    blocked: list[str]


class Trial:
    """A harness with one module in it.

    Args:
        kind: The module's class.
        settings: What it is configured with.
        folder: A temporary data folder.
        examples: Gives the payloads to feed on a topic.
        prepare: Called with the harness before the module is built.
        max_step_s: What one step in the event loop may take.

    Attributes:
        module: The one built last.
        problems: What went wrong with calls, one sentence each.
    """

    module: BaseModule[Any]

    def __init__(
        self,
        kind: type[BaseModule[Any]],
        settings: ModuleSettings,
        folder: Path,
        *,
        examples: Callable[[Topic[Any]], Sequence[Payload]],
        prepare: Callable[[ModuleHarness], None] | None,
        max_step_s: float,
    ) -> None:
        self.kind = kind
        self.settings = settings
        self.problems: list[str] = []
        self.clock = FakeClock()
        self.harness = ModuleHarness(folder, self.clock)
        self._examples = examples
        self._prepare = prepare
        self._fed: set[int] = set()
        self._watch = LoopWatch(kind.__module__, max_step_s)
        self._max_step_s = max_step_s
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.harness)
        database = Database(self.harness.context.data.database)
        await database.open()
        self._stack.push_async_callback(database.close)
        self.harness.context.database = database
        self.harness.set_camera(CAMERA)
        if self._prepare is not None:
            self._prepare(self.harness)
        await self._stack.enter_async_context(self._watch)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def begin(self, *, is_broken: bool = False) -> None:
        """Build, configure twice, start and subscribe, as the orchestrator does.

        Args:
            is_broken: Everything around the module fails, and so may its start.
        """
        context = self.harness.context
        if is_broken:
            broken = cast("Any", BrokenPart())
            context = replace(context, pool=broken, captures=broken, database=broken, data=broken)
        self.module = self.kind(context)
        await self.do("configure", self.module.configure(self.settings))
        await self.do("a second configure", self.module.configure(self.settings))
        if is_broken:
            await self._wait(guarded(self.module.start()))
            return
        await self.do("start", self.module.start())
        subscribe_module(self.harness.bus, self.module)

    async def do(self, what: str, call: Awaitable[object]) -> None:
        """Await a call of the module; note when it raises or does not return."""
        done = await self._wait(guarded(call))
        if done is None:
            self.problems.append(f"{what} does not return")
        elif error := done.result():
            self.problems.append(f"{what} raised {sentence(error)}")

    async def ask_health(self, when: str) -> None:
        """Ask for health; it never raises, and is a ``HealthStatus``."""
        answers: list[object] = []

        async def ask() -> None:
            answers.append(await self.module.health())

        await self.do(f"health {when}", ask())
        if answers and not isinstance(answers[0], HealthStatus):
            self.problems.append(f"health {when} is {answers[0]!r}, not a HealthStatus")

    async def feed_twice(self) -> None:
        """Every example of every consumed topic, each two times; the clock runs meanwhile."""
        for consume in self.kind.consumes:
            name = consume.topic.name.replace("{id}", CAMERA)
            for example in self._examples(consume.topic):
                for payload in (example, example):
                    self._fed.add(id(payload))
                    await self.harness.bus.publish(name, payload)
                    if await self._wait(guarded(self.harness.bus.drain())) is None:
                        self.problems.append(f"the handler of {name} does not return")
                        return

    def facts(self) -> LifeFacts:
        """What came to light, after it has ended."""
        held = self.harness.captures.held
        return LifeFacts(
            self.problems,
            [
                f"a handler of {each.payload.metadata.get('topic')} raised "
                f"{each.payload.error_type}: {each.payload.error}"
                for each in self.harness.messages
                if isinstance(each.payload, ErrorReport)
                and each.payload.component == self.kind.name
            ],
            self._undeclared(),
            [f"{held} frames are still leased when its work is done"] if held else [],
            [
                f"{place} kept the event loop for more than {self._max_step_s:g} s: use "
                "asyncio.to_thread or the pool"
                for place in dict.fromkeys(self._watch.blocked)
            ],
        )

    def _undeclared(self) -> list[str]:
        problems = []
        for message in self.harness.messages:
            payload = message.payload
            is_of_bus = message.topic in _OF_THE_BUS or message.topic.startswith(_ERRORS)
            if isinstance(payload, ContractNotice) and payload.component == self.kind.name:
                if payload.severity == "error":
                    problems.append(payload.message)
            elif id(payload) not in self._fed and not is_of_bus:
                problems += self._publish_problem(message.topic, payload)
        return list(dict.fromkeys(problems))

    async def _wait(
        self, call: Coroutine[Any, Any, Exception | None]
    ) -> "asyncio.Task[Exception | None] | None":
        """The task of a call when it has returned; ``None`` when it does not."""
        task = asyncio.create_task(call)
        for _ in range(MAX_ROUNDS):
            await asyncio.wait({task}, timeout=PAUSE_S)
            if task.done():
                return task
            await self.clock.advance(ROUND_S)
        task.cancel()
        await asyncio.wait({task}, timeout=PAUSE_S)
        return None

    def _publish_problem(self, name: str, payload: Payload) -> list[str]:
        for topic in self.kind.publishes:
            if compile_pattern(topic.pattern)(name):
                if isinstance(payload, topic.payload):
                    return []
                wanted = topic.payload.__name__
                return [f"{name} carries {wanted}, not {type(payload).__name__}"]
        return [f"it published on {name}, which it does not declare"]


_OF_THE_BUS = frozenset({STATUS_BUS.name, STATUS_CONTRACT.name})
_ERRORS = STATUS_ERROR.of("").name
