"""``spyoncino modules``: which modules there are, how topics connect them, how to make one."""

import asyncio
from typing import Annotated, Any

import typer
from rich.table import Table

from spyoncino.cli.modules_new import new
from spyoncino.cli.options import GlobalOptions, options_of, print_json, stderr, stdout
from spyoncino.core.control_desk import ask_main
from spyoncino.core.module_orders import RELEASE, STATES
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.core.registry import Module, Registry
from spyoncino.core.wiring import (
    FED_BY_THE_CORE,
    TopicGraph,
    build_graph,
    check_graph,
    without_misfits,
)
from spyoncino.errors import StorageError, UsageError, WiringError
from spyoncino.modules.builtin import BUILTIN

app = typer.Typer(no_args_is_help=True, help="The modules and the topics between them.")
app.command("new")(new)


@app.command("list")
def list_modules(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List every module: its section of the configuration, how it is doing, what it is for.

    How it is doing is known while `spyoncino run` runs.

    Example: spyoncino modules list
    """
    registry = without_misfits(Registry.discover(BUILTIN))
    states = _states(options_of(ctx))
    if as_json:
        print_json(
            {
                "modules": [
                    {**_facts(module), **states.get(module.name, {})} for module in registry.modules
                ],
                "failures": [{"name": f.name, "error": f.error} for f in registry.failures],
            }
        )
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("module", "section", "per camera", "state", "purpose"):
        table.add_column(heading)
    for module in registry.modules:
        per_camera = "yes" if module.per_camera else ""
        state = states.get(module.name, {}).get("state", "")
        table.add_row(module.name, module.section, per_camera, state, _purpose(module))
    stdout().print(table)
    for name, told in states.items():
        if told["state"] not in ("ok", "stopped"):
            stderr().print(f"{name}: {told['detail']}", markup=False, soft_wrap=True)
    _tell_failures(registry)


@app.command()
def release(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Start a module that was put into quarantine because it failed again and again.

    Example: spyoncino modules release event.clip_builder
    """
    options = options_of(ctx)
    folder = DataFolder(resolve_data_dir(options.data, options.config))
    if not asyncio.run(ask_main(folder.socket, RELEASE, name=name)):
        raise UsageError(f"{name} was started and failed again; the log has the reason")
    stdout().print(f"{name} runs")


@app.command("graph")
def graph(
    *,
    as_dot: Annotated[bool, typer.Option("--dot", help="Print Graphviz DOT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how topics connect the modules, and whether the graph keeps the rules.

    Example: spyoncino modules graph --dot | dot -Tsvg > graph.svg
    """
    if as_dot and as_json:
        raise UsageError("choose one of --dot and --json")
    registry = without_misfits(Registry.discover(BUILTIN))
    topic_graph = build_graph(registry.modules)
    if as_json:
        print_json(_graph_facts(topic_graph))
    else:
        typer.echo(dot(topic_graph) if as_dot else text(topic_graph))
    _tell_failures(registry)
    check_graph(registry.modules)


def text(topic_graph: TopicGraph) -> str:
    """The graph for people: each module with what feeds it and whom it feeds."""
    lines: list[str] = []
    for module in topic_graph.modules:
        lines.append(f"{module.name}  ({module.category.name.lower()})")
        for name in dict.fromkeys(consume.topic.name for consume in module.consumes):
            sources = [
                edge.publisher
                for edge in topic_graph.edges
                if (edge.consumer, edge.consumed) == (module.name, name)
            ]
            if name in FED_BY_THE_CORE:
                sources.append("the core")
            lines.append(f"  <- {name:<26} from {', '.join(dict.fromkeys(sources)) or 'nobody'}")
        for topic in module.publishes:
            targets = [
                edge.consumer
                for edge in topic_graph.edges
                if (edge.publisher, edge.topic) == (module.name, topic.name)
            ]
            lines.append(f"  -> {topic.name:<26} to {', '.join(targets) or 'whoever listens'}")
        lines.append("")
    lines.append(f"{len(topic_graph.modules)} modules, {len(topic_graph.edges)} connections.")
    return "\n".join(lines)


def dot(topic_graph: TopicGraph) -> str:
    """The graph for Graphviz."""
    boxes = [f'  "{module.name}";' for module in topic_graph.modules]
    arrows = [
        f'  "{edge.publisher}" -> "{edge.consumer}" [label="{edge.topic}"];'
        for edge in topic_graph.edges
    ]
    head = ["digraph spyoncino {", "  rankdir=LR;", "  node [shape=box];"]
    return "\n".join([*head, *boxes, *arrows, "}"])


def _states(options: GlobalOptions) -> dict[str, dict[str, str]]:
    """How each module is doing; empty when no main runs."""
    folder = DataFolder(resolve_data_dir(options.data, options.config))
    if folder.running_process is None:
        return {}
    try:
        told: dict[str, dict[str, str]] = asyncio.run(ask_main(folder.socket, STATES))
    except StorageError:  # it starts, or it ends
        return {}
    return told


def _graph_facts(topic_graph: TopicGraph) -> dict[str, Any]:
    try:
        check_graph(topic_graph.modules)
        problems: list[str] = []
    except WiringError as error:
        problems = str(error).splitlines()
    return {
        "modules": [module.name for module in topic_graph.modules],
        "edges": [
            {"publisher": edge.publisher, "topic": edge.topic, "consumer": edge.consumer}
            for edge in topic_graph.edges
        ],
        "unfed": [{"module": name, "topic": topic} for name, topic in topic_graph.unfed],
        "unheard": [{"module": name, "topic": topic} for name, topic in topic_graph.unheard],
        "problems": problems,
    }


def _facts(module: type[Module]) -> dict[str, Any]:
    return {
        "name": module.name,
        "category": module.category.name.lower(),
        "section": module.section,
        "per_camera": module.per_camera,
        "consumes": [consume.topic.name for consume in module.consumes],
        "publishes": [topic.name for topic in module.publishes],
        "purpose": _purpose(module),
    }


def _purpose(module: type[Module]) -> str:
    """First line of the class's docstring."""
    return (module.__doc__ or "").strip().partition("\n")[0].replace("``", "")


def _tell_failures(registry: Registry) -> None:
    for failure in registry.failures:
        stderr().print(f"{failure.name} {failure.error}", style="red", markup=False, soft_wrap=True)
