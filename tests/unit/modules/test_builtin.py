import itertools

from spyoncino.core.registry import Registry
from spyoncino.core.wiring import check_graph
from spyoncino.modules.builtin import BUILTIN


def test_every_built_in_module_loads_and_is_rightly_declared() -> None:
    registry = Registry.discover(BUILTIN, ())
    assert registry.failures == ()
    assert len(registry.modules) == len(BUILTIN)


def test_built_in_modules_fit_together_and_everything_consumed_is_published() -> None:
    graph = check_graph(Registry.discover(BUILTIN, ()).modules)
    assert graph.unfed == ()


def test_the_line_of_a_frame_runs_through_every_stage_in_order() -> None:
    graph = check_graph(Registry.discover(BUILTIN, ()).modules)
    pairs = {(edge.publisher, edge.consumer) for edge in graph.edges}
    line = (
        "input.camera",
        "process.object_detector",
        "process.tracker",
        "process.deduplicator",
        "process.zoning_filter",
        "event.builder",
        "event.clip_builder",
        "event.gif_builder",
    )
    assert set(itertools.pairwise(line)) <= pairs
