"""The graph of topics: which module feeds which, whether that is right, and the subscriptions.

The rules that hold before anything starts: the data plane is acyclic, a module consumes only from
its own stage or an earlier one, publishers and consumers of a topic agree on its payload, and every
handler exists and takes that payload. The way back is the control plane only, which is exempt.
"""

import inspect
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from spyoncino.core.bus import Bus
from spyoncino.core.contracts import Category, Consume
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.core.registry import LoadFailure, Module, Registry
from spyoncino.core.subscription import Subscription
from spyoncino.core.topic_versions import adapters_of, deprecation_notices, hops_from
from spyoncino.errors import WiringError
from spyoncino.schemas import topics
from spyoncino.schemas.status import ContractNotice
from spyoncino.schemas.topics import Delivery, Stage, Topic

STAGE_OF = {
    Category.INPUT: Stage.INPUT,
    Category.PROCESS: Stage.PROCESS,
    Category.EVENT: Stage.EVENT,
    Category.STORAGE: Stage.STORAGE,
    Category.OUTPUT: Stage.OUTPUT,
}
"""Stage of the categories on the line of a frame. The others watch it: they may consume anything
and speak for a person, who may ring or give orders, so they close no circle."""


FED_BY_THE_CORE = frozenset(
    topic.name
    for topic in (
        topics.GALLERY_CHANGED,
        topics.PERFORMANCE_WARNING,
        topics.SHUTDOWN,
        topics.STATUS_BUS,
        topics.STATUS_ERROR,
        topics.STATUS_HEALTH,
        topics.STATUS_LOAD,
        topics.STATUS_REPORT,
        topics.SYSTEM_ERROR,
        topics.WORKER_REPORT,
        topics.SYSTEM_MODE,
    )
)
"""Topics that the core publishes; no module needs to."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One module feeds another.

    Args:
        publisher: Name of the module that publishes.
        topic: Name of the topic, as the publisher declares it.
        consumer: Name of the module that consumes.
        consumed: Name of the topic, as the consumer declares it; may be a pattern.
    """

    publisher: str
    topic: str
    consumer: str
    consumed: str


@dataclass(frozen=True, slots=True)
class TopicGraph:
    """Who feeds whom.

    Args:
        modules: The modules, in the order of their table.
        edges: Every pair of a publisher and a consumer of a topic.
        unfed: Module and topic that it consumes and nobody publishes.
        unheard: Module and topic that it publishes and nobody consumes.
    """

    modules: tuple[type[Module], ...]
    edges: tuple[Edge, ...]
    unfed: tuple[tuple[str, str], ...]
    unheard: tuple[tuple[str, str], ...]


def build_graph(modules: Sequence[type[Module]]) -> TopicGraph:
    """Join what modules publish, and what adapters make of it, with what they consume."""
    edges = []
    fed: set[tuple[str, str]] = set()
    heard: set[tuple[str, str]] = set()
    for source, published, carried, target, consume in _pairs(modules):
        if patterns_overlap(carried.pattern, consume.topic.pattern):
            edges.append(Edge(source.name, published.name, target.name, consume.topic.name))
            fed.add((target.name, consume.topic.name))
            heard.add((source.name, published.name))
    wanted = [
        (each.name, consume.topic.name)
        for each in modules
        for consume in each.consumes
        if consume.topic.name not in FED_BY_THE_CORE
    ]
    offered = [(each.name, topic.name) for each in modules for topic in each.publishes]
    return TopicGraph(
        tuple(modules),
        tuple(dict.fromkeys(edges)),
        tuple(pair for pair in wanted if pair not in fed),
        tuple(pair for pair in offered if pair not in heard),
    )


def check_graph(modules: Sequence[type[Module]]) -> TopicGraph:
    """The graph, if it keeps the rules.

    Raises:
        WiringError: One line for each broken rule.
    """
    graph = build_graph(modules)
    problems = [*_type_problems(modules), *_cycle_problems(graph)]
    for module in modules:
        problems += _stage_problems(module)
        problems += _durable_problems(module)
        problems += [p for consume in module.consumes if (p := handler_problem(module, consume))]
    if problems:
        raise WiringError("\n".join(problems))
    return graph


def without_misfits(registry: Registry) -> Registry:
    """The registry without plug-ins that break the rules; they are among its failures.

    A stranger's mistake must not stop the house. Built-in modules stay as they are: when these
    break the rules, ``check_graph`` says so.
    """
    kept = [module for module in registry.modules if module.name not in registry.plug_ins]
    try:
        check_graph(kept)
    except WiringError:
        return registry
    misfits = []
    for module in registry.modules:
        if module.name not in registry.plug_ins:
            continue
        try:
            check_graph([*kept, module])
        except WiringError as error:
            reason = "; ".join(str(error).splitlines())
            misfits.append(LoadFailure(module.name, f"is left out: {reason}"))
        else:
            kept.append(module)
    return registry.leaving_out(misfits)


def contract_notices(registry: Registry) -> list[ContractNotice]:
    """What to tell on ``status.contract`` at a start: who is left out, who uses old topics."""
    left_out = [
        ContractNotice(
            source="orchestrator",
            component=failure.name,
            message=f"{failure.name} {failure.error}",
            severity="error",
        )
        for failure in registry.failures
    ]
    return left_out + deprecation_notices(registry.modules)


def patterns_overlap(first: str, second: str) -> bool:
    """Whether some topic name is taken by both patterns."""
    return _words_overlap(first.split("."), second.split("."))


def subscribe_module(bus: Bus, module: Module, *, lossless: bool = False) -> list[Subscription]:
    """Subscribe every handler that a module declares, and let it answer what it says it does.

    What a module consumes with one policy, capacity, durability and rate shares one queue, so it
    sees those topics in the order in which they were published.

    Args:
        bus: Where to subscribe.
        module: A started module.
        lossless: Block the publisher wherever a message would be dropped.
    """
    groups: dict[tuple[Policy, int, bool, float | None], list[Consume]] = {}
    for consume in module.consumes:
        policy = Policy.BLOCK if lossless else consume.policy
        max_per_s = None if lossless else consume.max_per_s
        key = (policy, consume.capacity, consume.durable, max_per_s)
        groups.setdefault(key, []).append(consume)
    subscriptions = [
        bus.subscribe(
            "|".join(dict.fromkeys(consume.topic.pattern for consume in group)),
            _dispatcher(module, group),
            name=module.name,
            policy=policy,
            capacity=capacity,
            max_per_s=max_per_s,
            durable=durable,
        )
        for (policy, capacity, durable, max_per_s), group in groups.items()
    ]
    subscriptions += [
        bus.answer(topic, module.handle_request, name=module.name) for topic in module.answers
    ]
    return subscriptions


def handler_problem(module: type[Module], consume: Consume) -> str:
    """One sentence about a handler that cannot take its topic; empty when it can."""
    handler = getattr(module, consume.handler, None)
    if handler is None:
        return f"{module.name} has no handler {consume.handler!r} for {consume.topic.name}"
    if not inspect.iscoroutinefunction(handler):
        return f"{module.name}.{consume.handler} must be an async method"
    names = _parameters(handler)
    if len(names) not in (1, 2):
        return (
            f"{module.name}.{consume.handler} must take (payload) or (topic_name, payload), "
            f"but takes {len(names)} arguments"
        )
    accepted = _annotation(handler, names[-1])
    if accepted and not issubclass(consume.topic.payload, accepted):
        return (
            f"{module.name}.{consume.handler} takes {accepted[0].__name__}, but "
            f"{consume.topic.name} carries {consume.topic.payload.__name__}"
        )
    return ""


def _pairs(
    modules: Sequence[type[Module]],
) -> Iterable[tuple[type[Module], Topic[Any], Topic[Any], type[Module], Consume]]:
    """Publisher, its topic, that topic or what adapters make of it, consumer, its topic."""
    adapters = adapters_of(modules)
    for source, target in itertools.product(modules, repeat=2):
        for published, consume in itertools.product(source.publishes, target.consumes):
            yield source, published, published, target, consume
            for chain in hops_from(published, adapters):
                yield source, published, chain[-1].target, target, consume


def _words_overlap(first: list[str], second: list[str]) -> bool:
    if first[:1] == ["#"] or second[:1] == ["#"]:
        return True
    if not first or not second:
        return not first and not second
    same = first[0] == second[0] or "*" in (first[0], second[0])
    return same and _words_overlap(first[1:], second[1:])


def _type_problems(modules: Sequence[type[Module]]) -> list[str]:
    problems = []
    for source, _, carried, target, consume in _pairs(modules):
        wanted = consume.topic.payload
        overlap = patterns_overlap(carried.pattern, consume.topic.pattern)
        if overlap and not issubclass(carried.payload, wanted):
            problems.append(
                f"{source.name} publishes {carried.name} with {carried.payload.__name__}, "
                f"but {target.name} expects {wanted.__name__}"
            )
    return problems


def _stage_problems(module: type[Module]) -> list[str]:
    stage = STAGE_OF.get(module.category)
    if stage is None:
        return []
    problems = [
        f"{module.name} is of the stage {stage.name.lower()} and must not consume "
        f"{consume.topic.name} of the later stage {consume.topic.stage.name.lower()}"
        for consume in module.consumes
        if consume.topic.stage is not Stage.CONTROL and consume.topic.stage > stage
    ]
    problems += [
        f"{module.name} is of the stage {stage.name.lower()} and must not publish "
        f"{topic.name} of the stage {topic.stage.name.lower()}"
        for topic in module.publishes
        if topic.stage not in (stage, Stage.CONTROL)
    ]
    return problems


def _durable_problems(module: type[Module]) -> list[str]:
    """A module finds its place in the outbox by its name, so it has one place there."""
    durable = [consume for consume in module.consumes if consume.durable]
    problems = [
        f"{module.name} cannot consume {consume.topic.name} durably: only topics of the critical "
        "class are kept, and only the policy block loses nothing"
        for consume in durable
        if consume.topic.delivery is not Delivery.CRITICAL or consume.policy is not Policy.BLOCK
    ]
    if len({consume.capacity for consume in durable}) > 1:
        problems.append(f"{module.name} consumes durably with different capacities; use one")
    return problems


def _cycle_problems(graph: TopicGraph) -> list[str]:
    """A circle in the data plane, told once with the way it takes."""
    follows: dict[str, list[str]] = {}
    on_the_line = {module.name for module in graph.modules if module.category in STAGE_OF}
    control = {
        topic.name
        for module in graph.modules
        for topic in module.publishes
        if topic.stage is Stage.CONTROL
    }
    for edge in graph.edges:
        if {edge.publisher, edge.consumer} <= on_the_line and edge.topic not in control:
            follows.setdefault(edge.publisher, []).append(edge.consumer)
    done: set[str] = set()
    for start in follows:
        circle = _circle_from(start, follows, [], done)
        if circle:
            return [f"modules feed each other in a circle: {' → '.join(circle)}"]
    return []


def _circle_from(
    name: str, follows: dict[str, list[str]], way: list[str], done: set[str]
) -> list[str]:
    if name in way:
        return [*way[way.index(name) :], name]
    if name in done:
        return []
    for next_name in follows.get(name, ()):
        circle = _circle_from(next_name, follows, [*way, name], done)
        if circle:
            return circle
    done.add(name)
    return []


def _parameters(handler: Callable[..., Any]) -> list[str]:
    """Names of the positional parameters after ``self``."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(handler).parameters.values()
    return [each.name for each in parameters if each.kind in positional and each.name != "self"]


def _annotation(handler: Callable[..., Any], parameter: str) -> tuple[type, ...]:
    """The classes that a parameter accepts; empty when its annotation does not say."""
    try:
        annotation = get_type_hints(handler).get(parameter)
    except (NameError, AttributeError, TypeError, SyntaxError):  # for type checkers only
        return ()
    candidates = get_args(annotation) or (annotation,)
    says = all(isinstance(each, type) and each is not Any for each in candidates)
    return candidates if says else ()


def _dispatcher(module: Module, group: Sequence[Consume]) -> Callable[[Message], Awaitable[None]]:
    """One handler for several topics: each message goes to the method that was declared for it."""
    table: list[tuple[str, Callable[..., Awaitable[None]], bool]] = []
    for consume in group:
        handler = getattr(module, consume.handler)
        table.append((consume.topic.pattern, handler, len(_parameters(handler)) == 2))
    known: dict[str, list[tuple[Callable[..., Awaitable[None]], bool]]] = {}

    async def dispatch(message: Message) -> None:
        topic = message.topic
        targets = known.get(topic)
        if targets is None:
            targets = [row[1:] for row in table if patterns_overlap(row[0], topic)]
            known[topic] = targets
        for handler, takes_topic in targets:
            await (handler(topic, message.payload) if takes_topic else handler(message.payload))

    return dispatch
