"""A pretend second version of ``process.detected``, and modules that know only one of the two."""

from typing import Any

import pytest
from pydantic import Field
from tests.fixtures.fake_modules import _Recorded, fake_context, fake_registry
from tests.fixtures.payloads import detection, detections, frame

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.contracts import Consume, InputModule, ModuleSettings, ProcessModule
from spyoncino.core.message import Message
from spyoncino.core.orchestrator import Orchestrator
from spyoncino.core.topic_versions import (
    DOWN,
    UP,
    Hop,
    TopicAdapter,
    deprecation_notices,
    hops_from,
    needed_hops,
)
from spyoncino.core.wiring import Edge, build_graph, check_graph
from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.detections import Detection, DetectionEvent
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.status import ContractNotice
from spyoncino.schemas.topics import CAMERA_FRAME, OBJECTS_DETECTED, STATUS_CONTRACT, Stage, Topic


class DetectionsByLabel(Payload):
    """The pretend second version: detections under their labels."""

    first: DetectionEvent
    by_label: dict[str, tuple[Detection, ...]] = Field(default_factory=dict)


V2 = Topic("process.detected.v2", DetectionsByLabel, Stage.PROCESS)
V3 = Topic("process.detected.v3", Payload, Stage.PROCESS)


def down(new: DetectionsByLabel) -> DetectionEvent | None:
    if not new.by_label:
        return None
    found = [each for group in new.by_label.values() for each in group]
    return DetectionEvent(frame=new.first.frame, detections=tuple(found), detector="v2")


def up(old: DetectionEvent) -> DetectionsByLabel:
    return DetectionsByLabel(first=old, by_label={each.label: (each,) for each in old.detections})


ADAPTER = TopicAdapter(OBJECTS_DETECTED, V2, since="0.4", down=down, up=up)


class _Listener(_Recorded):
    async def on_detections(self, topic: str, payload: Payload) -> None:
        self.fake.life.append(f"{self.name} {topic} {type(payload).__name__} {payload.event_id}")


class NewDetector(_Recorded, ProcessModule[ModuleSettings]):
    """Publishes the second version only and brings the adapter."""

    name = "process.new_detector"
    section = "new_detector"
    settings_model = ModuleSettings
    publishes = (V2,)
    adapters = (ADAPTER,)


class OldDetector(_Recorded, ProcessModule[ModuleSettings]):
    """Publishes the first version only."""

    name = "process.old_detector"
    section = "old_detector"
    settings_model = ModuleSettings
    publishes = (OBJECTS_DETECTED,)


class OldReader(_Listener, ProcessModule[ModuleSettings]):
    """A plug-in of somebody who has not heard of the second version."""

    name = "process.old_reader"
    section = "old_reader"
    settings_model = ModuleSettings
    consumes = (Consume(OBJECTS_DETECTED, "on_detections"),)


class NewReader(_Listener, ProcessModule[ModuleSettings]):
    """Consumes the second version."""

    name = "process.new_reader"
    section = "new_reader"
    settings_model = ModuleSettings
    consumes = (Consume(V2, "on_detections"),)


OLD_NEWS = "process.detected, which is deprecated since 0.4: use process.detected.v2."

ALL = (NewDetector, OldDetector, OldReader, NewReader)


def system(bus: Bus, clock: FakeClock, *kinds: Any) -> tuple[Orchestrator, list[str]]:
    context = fake_context(bus, clock)
    orchestrator = Orchestrator(
        fake_registry(*kinds), {}, bus=bus, clock=clock, context_of=lambda _: context
    )
    return orchestrator, context.life


def heard(life: list[str]) -> list[str]:
    return [line for line in life if " process.detected" in line]


async def test_a_reader_of_the_first_version_hears_a_publisher_of_the_second(
    clock: FakeClock,
) -> None:
    async with Bus(clock) as bus:
        orchestrator, life = system(bus, clock, NewDetector, OldReader)
        await orchestrator.start()
        await bus.publish(V2, up(detections(0.0, detection())).model_copy(update={"event_id": "a"}))
        await bus.publish(V2, DetectionsByLabel(first=detections(0.0)))  # has no equivalent
        await bus.drain()
        await orchestrator.stop()
        await bus.publish(V2, up(detections(0.0, detection())))
        await bus.drain()
    assert heard(life) == ["process.old_reader process.detected DetectionEvent a.v1"]


async def test_with_both_versions_on_both_sides_nothing_runs_in_a_circle(clock: FakeClock) -> None:
    async with Bus(clock) as bus:
        orchestrator, life = system(bus, clock, *ALL)
        await orchestrator.start()
        old = detections(0.0, detection()).model_copy(update={"event_id": "old"})
        new = up(detections(0.0, detection())).model_copy(update={"event_id": "new"})
        await bus.publish(OBJECTS_DETECTED, old)
        await bus.publish(V2, new)
        await bus.drain()
        await orchestrator.stop()
    assert sorted(heard(life)) == [
        "process.new_reader process.detected.v2 DetectionsByLabel new",
        "process.new_reader process.detected.v2 DetectionsByLabel old.v2",
        "process.old_reader process.detected DetectionEvent new.v1",
        "process.old_reader process.detected DetectionEvent old",
    ]


async def test_each_module_that_uses_the_old_version_is_told_once(clock: FakeClock) -> None:
    notices: list[ContractNotice] = []

    async def note(message: Message) -> None:
        notices.append(message.payload)

    async with Bus(clock) as bus:
        bus.subscribe(STATUS_CONTRACT, note, name="test")
        orchestrator, _ = system(bus, clock, *ALL)
        await orchestrator.start()
        await orchestrator.restart("process.old_reader")
        await bus.drain()
        await orchestrator.stop()
    assert [(each.component, each.message, each.severity) for each in notices] == [
        (
            f"process.{name}",
            f"process.{name} {uses} {OLD_NEWS}",
            "warning",
        )
        for name, uses in (("old_detector", "publishes"), ("old_reader", "consumes"))
    ]


def test_the_graph_shows_the_connection_that_an_adapter_makes() -> None:
    graph = check_graph([NewDetector, OldReader])
    assert graph.edges == (
        Edge("process.new_detector", V2.name, "process.old_reader", "process.detected"),
    )
    assert graph.unfed == graph.unheard == ()
    assert build_graph([OldDetector, NewReader]).unfed == (("process.new_reader", V2.name),)


def test_only_needed_adapters_run() -> None:
    assert needed_hops(ALL) == [Hop(ADAPTER, DOWN), Hop(ADAPTER, UP)]
    assert needed_hops([NewDetector, NewReader]) == []
    assert needed_hops([NewDetector, OldReader]) == [Hop(ADAPTER, DOWN)]
    assert deprecation_notices([NewDetector, NewReader]) == []


def test_versions_further_apart_are_joined_by_a_chain() -> None:
    further = TopicAdapter(V2, V3, since="0.5", down=lambda _: None)
    chains = list(hops_from(V3, [ADAPTER, further]))
    assert [[hop.target.name for hop in chain] for chain in chains] == [
        ["process.detected.v2"],
        ["process.detected.v2", "process.detected"],
    ]


async def test_the_entity_stays_in_the_name_and_a_frame_is_held_until_its_readers_are_done(
    clock: FakeClock,
) -> None:
    frames_v2 = Topic("camera.{id}.frame.v2", Frame, Stage.INPUT)
    adapter = TopicAdapter(CAMERA_FRAME, frames_v2, since="0.4", down=lambda new: new)
    said: list[str] = []

    class Source(_Recorded, InputModule[ModuleSettings]):
        """Publishes frames of the second version."""

        name = "input.source"
        section = "frame_source"
        settings_model = ModuleSettings
        publishes = (frames_v2,)
        adapters = (adapter,)

    class Reader(_Recorded, ProcessModule[ModuleSettings]):
        """Reads frames of the first."""

        name = "process.reader"
        section = "frame_reader"
        settings_model = ModuleSettings
        consumes = (Consume(CAMERA_FRAME, "on_frame"),)

        async def on_frame(self, topic: str, payload: Frame) -> None:
            said.append(f"{topic} {payload.frame.camera}")

    async with Bus(clock) as bus:
        orchestrator, _ = system(bus, clock, Source, Reader)
        await orchestrator.start()
        sent = frame(1.0)
        await bus.publish(frames_v2.of("door"), sent, on_settled=lambda: said.append("settled"))
        await bus.drain()
        await orchestrator.stop()
    assert said == ["camera.door.frame door", "settled"]


def test_topics_that_are_no_versions_of_one_another_have_no_adapter() -> None:
    other = Topic("process.seen", DetectionsByLabel, Stage.PROCESS)
    with pytest.raises(WiringError, match=r"should be named process\.detected\.v2"):
        TopicAdapter(OBJECTS_DETECTED, other, since="0.4", down=down)
    with pytest.raises(WiringError, match="neither a way down nor up"):
        TopicAdapter(OBJECTS_DETECTED, V2, since="0.4")
