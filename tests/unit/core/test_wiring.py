from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.fixtures.fake_modules import (
    FAKES,
    Album,
    Bell,
    Photographer,
    _Recorded,
    fake_context,
    fake_registry,
)
from tests.fixtures.payloads import event

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.core.contracts import (
    Category,
    Consume,
    DashboardModule,
    ModuleSettings,
    ProcessModule,
)
from spyoncino.core.queues import Policy
from spyoncino.core.wiring import (
    Edge,
    build_graph,
    check_graph,
    contract_notices,
    handler_problem,
    patterns_overlap,
    subscribe_module,
    without_misfits,
)
from spyoncino.errors import WiringError
from spyoncino.schemas import topics
from spyoncino.schemas.detections import DetectionEvent, TrackUpdate
from spyoncino.schemas.events import DoorbellEvent, EventCompleted, EventCreated, EventUpdate
from spyoncino.schemas.media import MediaArtifact
from spyoncino.schemas.topics import Stage, Topic

if TYPE_CHECKING:
    from spyoncino.schemas.frames import Frame


class Step(_Recorded, ProcessModule[ModuleSettings]):
    """A stage with every kind of handler."""

    name = "process.step"
    section = "step"
    settings_model = ModuleSettings

    async def on_tracks(self, update: TrackUpdate) -> None: ...

    async def on_named(self, topic: str, update: TrackUpdate) -> None: ...

    async def on_event(self, update: EventUpdate) -> None: ...

    async def on_either(self, update: DetectionEvent | TrackUpdate) -> None: ...

    async def on_anything(self, update) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    async def on_any(self, update: Any) -> None: ...

    async def on_frame(self, frame: "Frame") -> None: ...

    async def on_odd(self, update: "topics.Nowhere") -> None: ...  # type: ignore[name-defined]  # the very mistake

    async def on_nothing(self) -> None: ...

    async def on_too_much(self, a: str, b: str, c: str) -> None: ...

    def on_sync(self, update: TrackUpdate) -> None: ...


def step(
    name: str,
    consumes: tuple[Topic[Any], ...] = (),
    publishes: tuple[Topic[Any], ...] = (),
    handler: str = "on_any",
    **attributes: Any,
) -> type[Step]:
    declared = {
        "name": name,
        "section": name.replace(".", "_"),
        "consumes": tuple(Consume(topic, handler) for topic in consumes),
        "publishes": publishes,
        **attributes,
    }
    return type("Step", (Step,), declared)


def test_the_graph_joins_publishers_and_consumers() -> None:
    graph = check_graph(FAKES)
    pressed = "doorbell.{id}.pressed"
    assert graph.edges == (
        Edge("input.bell", pressed, "event.photographer", pressed),
        Edge("event.photographer", "event.media.ready", "storage.album", "event.media.ready"),
        Edge("event.photographer", "event.snapshot.ready", "storage.album", "event.snapshot.ready"),
    )
    assert graph.unfed == ()
    assert graph.unheard == ()


def test_what_nobody_feeds_or_hears_is_told_but_is_no_error() -> None:
    assert check_graph([Bell]).unheard == (("input.bell", "doorbell.{id}.pressed"),)
    assert check_graph([Album]).unfed == (
        ("storage.album", "event.media.ready"),
        ("storage.album", "event.snapshot.ready"),
    )


def test_a_circle_is_refused_with_the_way_it_takes() -> None:
    first = step("process.first", (topics.MOTION_UNIQUE,), (topics.TRACKS,))
    second = step("process.second", (topics.TRACKS,), (topics.MOTION_ZONED,))
    third = step("process.third", (topics.MOTION_ZONED,), (topics.MOTION_UNIQUE,))
    way = "process.first → process.second → process.third → process.first"
    with pytest.raises(WiringError, match=f"modules feed each other in a circle: {way}"):
        check_graph([first, second, third])


def test_a_module_must_not_feed_itself() -> None:
    with pytest.raises(WiringError, match=r"process\.a → process\.a"):
        check_graph([step("process.a", (topics.TRACKS,), (topics.TRACKS,))])


def test_two_ways_to_the_same_module_are_no_circle() -> None:
    first = step("process.a", (), (topics.TRACKS, topics.MOTION_UNIQUE))
    second = step("process.b", (topics.TRACKS,), (topics.MOTION_ZONED,))
    third = step("process.c", (topics.MOTION_UNIQUE, topics.MOTION_ZONED))
    assert len(check_graph([first, second, third]).edges) == 3


def test_the_control_plane_may_go_back() -> None:
    first = step("process.a", (topics.CONTROL_COMMAND,), (topics.STATUS_REPORT,))
    second = step("process.b", (topics.STATUS_REPORT,), (topics.CONTROL_COMMAND,))
    assert len(check_graph([first, second]).edges) == 2


def test_who_watches_may_consume_anything_and_speak_for_a_person() -> None:
    page = type(
        "Page",
        (_Recorded, DashboardModule),
        {
            "name": "dashboard.page",
            "section": "page",
            "settings_model": ModuleSettings,
            "consumes": (Consume(topics.MEDIA_READY, "on_any"),),
            "publishes": (topics.DOORBELL_PRESSED,),
            "on_any": Step.on_any,
        },
    )
    assert page.category is Category.DASHBOARD  # type: ignore[attr-defined]  # made above
    check_graph([*FAKES, page])


def test_a_module_consumes_from_its_own_stage_or_an_earlier_one() -> None:
    with pytest.raises(WiringError, match=r"must not consume event\.created of the later stage"):
        check_graph([step("process.a", (topics.EVENT_CREATED,))])
    with pytest.raises(WiringError, match=r"must not publish event\.created of the stage event"):
        check_graph([step("process.a", (), (topics.EVENT_CREATED,))])


def test_publisher_and_consumer_agree_on_the_payload() -> None:
    other = Topic("process.tracks", DetectionEvent, Stage.PROCESS)
    with pytest.raises(WiringError) as raised:
        check_graph([step("process.a", (), (topics.TRACKS,)), step("process.b", (other,))])
    assert str(raised.value) == (
        "process.a publishes process.tracks with TrackUpdate, but process.b expects DetectionEvent"
    )


def test_every_broken_rule_is_told_at_once() -> None:
    wrong = step("process.a", (topics.EVENT_CREATED,), (topics.EVENT_CREATED,))
    with pytest.raises(WiringError) as raised:
        check_graph([wrong])
    assert len(str(raised.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("topic", "handler", "problem"),
    [
        (topics.TRACKS, "on_tracks", ""),
        (topics.TRACKS, "on_named", ""),
        (topics.TRACKS, "on_either", ""),
        (topics.TRACKS, "on_anything", ""),
        (topics.TRACKS, "on_any", ""),
        (topics.TRACKS, "on_frame", ""),
        (topics.TRACKS, "on_odd", ""),
        (topics.EVENT_CREATED, "on_event", ""),
        (topics.TRACKS, "on_gone", "process.step has no handler 'on_gone' for process.tracks"),
        (topics.TRACKS, "on_sync", "process.step.on_sync must be an async method"),
        (topics.TRACKS, "on_nothing", "or (topic_name, payload), but takes 0 arguments"),
        (topics.TRACKS, "on_too_much", "but takes 3 arguments"),
        (
            topics.OBJECTS_DETECTED,
            "on_tracks",
            "process.step.on_tracks takes TrackUpdate, but process.detected carries DetectionEvent",
        ),
    ],
)
def test_a_handler_can_take_what_it_is_declared_for(
    topic: Topic[Any], handler: str, problem: str
) -> None:
    said = handler_problem(Step, Consume(topic, handler))
    assert said == problem if not problem else problem in said


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.*", "a.c", True),
        ("a.*", "a.c.d", False),
        ("a.#", "a.c.d", True),
        ("#", "a", True),
        ("a.*.c", "*.b.*", True),
        ("a.*.c", "*.b.d", False),
        ("a", "a.b", False),
    ],
)
def test_patterns_overlap_when_some_name_fits_both(
    first: str, second: str, *, overlap: bool
) -> None:
    assert patterns_overlap(first, second) is overlap
    assert patterns_overlap(second, first) is overlap


async def test_topics_of_one_policy_share_a_queue_and_keep_their_order(clock: FakeClock) -> None:
    got: list[str] = []

    class Log(Step):
        """Consumes two topics with one handler each."""

        consumes = (
            Consume(topics.EVENT_CREATED, "on_created", Policy.BLOCK),
            Consume(topics.EVENT_COMPLETED, "on_completed", Policy.BLOCK),
            Consume(topics.TRACKS, "on_tracks", Policy.LATEST),
        )

        async def on_created(self, update: EventCreated) -> None:
            got.append(f"created {update.source}")

        async def on_completed(self, topic: str, update: EventCompleted) -> None:
            got.append(f"{topic} {update.source}")

    async with Bus(clock) as bus:
        subscriptions = subscribe_module(bus, Log(fake_context(bus, clock)))
        assert [each.policy for each in subscriptions] == [Policy.BLOCK, Policy.LATEST]
        for number in "12":
            created = EventCreated(event=event(), source=number)
            completed = EventCompleted(event=event(), source=number)
            await bus.publish(topics.EVENT_CREATED, created)
            await bus.publish(topics.EVENT_COMPLETED, completed)
        await bus.drain()
    assert got == ["created 1", "event.completed 1", "created 2", "event.completed 2"]


async def test_a_lossless_run_has_one_blocking_queue_for_each_module(clock: FakeClock) -> None:
    async with Bus(clock) as bus:
        photographer = Photographer(fake_context(bus, clock))
        subscriptions = subscribe_module(bus, photographer, lossless=True)
        assert [each.policy for each in subscriptions] == [Policy.BLOCK]


async def test_an_entity_of_a_topic_reaches_its_handler(clock: FakeClock) -> None:
    async with Bus(clock) as bus:
        context = fake_context(bus, clock)
        subscribe_module(bus, Photographer(context))
        subscribe_module(bus, Album(context))
        for bell in ("front", "back"):
            press = DoorbellEvent(doorbell=bell, camera="door")
            await bus.publish(topics.DOORBELL_PRESSED.of(bell), press)
        await bus.drain()
        assert [word for word in context.life if word.startswith("kept")] == [
            "kept media/doorbell.front.pressed.jpg",
            "kept media/doorbell.back.pressed.jpg",
        ]


def test_a_graph_that_breaks_the_rules_can_still_be_drawn() -> None:
    wrong = step("process.a", (topics.MEDIA_READY,))
    graph = build_graph([*FAKES, wrong])
    assert Edge("event.photographer", "event.media.ready", "process.a", "event.media.ready") in set(
        graph.edges
    )
    assert MediaArtifact in {topic.payload for topic in Photographer.publishes}


def test_a_plug_in_that_breaks_the_rules_is_left_out_and_named() -> None:
    late = step("process.late", (topics.EVENT_CREATED,))
    fine = step("process.fine", (topics.TRACKS,))
    registry = replace(
        fake_registry(*FAKES, late, fine), plug_ins=frozenset({"process.late", "process.fine"})
    )
    kept = without_misfits(registry)
    assert kept.modules == (*FAKES, fine)
    (notice,) = contract_notices(kept)
    assert notice.message == (
        "process.late is left out: process.late is of the stage process and must not consume "
        "event.created of the later stage event"
    )


def test_a_built_in_that_breaks_the_rules_is_nobodys_to_leave_out() -> None:
    late = step("process.late", (topics.EVENT_CREATED,))
    registry = replace(fake_registry(late, *FAKES), plug_ins=frozenset({Bell.name}))
    assert without_misfits(registry) is registry
