"""The contract finds what is wrong with a module, and blames nobody for what is right."""

import asyncio
import importlib
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ConfigDict, Field

from spyoncino.core.bus import Bus
from spyoncino.core.contracts import Consume, ModuleSettings, ProcessModule
from spyoncino.core.queues import Policy
from spyoncino.errors import UsageError
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.schemas import topics
from spyoncino.schemas.base import Payload
from spyoncino.schemas.detections import TrackUpdate
from spyoncino.schemas.status import HealthStatus
from spyoncino.schemas.topics import Stage, Topic
from spyoncino.testing import ContractError, ModuleContract


class Good(ProcessModule[ModuleSettings]):
    """Passes tracks on."""

    name = "process.good"
    section = "good"
    settings_model: ClassVar[type[ModuleSettings]] = ModuleSettings
    consumes: ClassVar[tuple[Consume, ...]] = (Consume(topics.MOTION_ZONED, "on_tracks"),)
    publishes: ClassVar[tuple[Topic[Any], ...]] = (topics.TRACKS,)

    async def start(self) -> None:
        """Nothing to acquire."""

    async def stop(self) -> None:
        """Nothing to release."""

    async def health(self) -> HealthStatus:
        return HealthStatus()

    async def on_tracks(self, update: TrackUpdate) -> None:
        await self.publish(topics.TRACKS, update.model_copy(update={"source": self.name}))


class Liar(Good):
    """Publishes what it does not declare."""

    async def on_tracks(self, update: TrackUpdate) -> None:
        await self.publish(topics.MOTION_UNIQUE, update)


class SlyLiar(Good):
    """The same, past the check of its base class, and a payload that is not the topic's."""

    publishes = (Topic("process.mine", TrackUpdate, Stage.PROCESS),)

    async def on_tracks(self, update: TrackUpdate) -> None:
        await self.context.bus.publish(topics.MOTION_UNIQUE, update.model_copy())
        await self.context.bus.publish("process.mine", Payload())


class Blocker(Good):
    """Computes in the loop, much longer than the test's limit."""

    async def on_tracks(self, _: TrackUpdate) -> None:
        end_s = time.monotonic() + 0.6
        while time.monotonic() < end_s:
            pass


class Forgetful(Good):
    """Bears no repeated message."""

    consumes = (Consume(topics.EVENT_COMPLETED, "on_event", Policy.BLOCK, durable=True),)
    publishes = ()

    async def on_event(self, payload: Any) -> None:
        if getattr(self, "seen", "") == payload.event_id:
            raise KeyError("again")
        self.seen = payload.event_id


class Keeper(Good):
    """Holds frames for ever."""

    async def on_tracks(self, _: TrackUpdate) -> None:
        self.context.captures.hold(FrameHandle("ring", 1, 1, 640, 360))


class Stuck(Good):
    """Never returns from its handler."""

    async def on_tracks(self, _: TrackUpdate) -> None:
        await asyncio.Event().wait()


class Patient(Good):
    """Waits for its clock, which is fine."""

    async def on_tracks(self, _: TrackUpdate) -> None:
        await self.context.clock.sleep(5.0)


class Fragile(Good):
    """Cannot stop when its start failed, nor twice; its health raises then."""

    async def start(self) -> None:
        async with self.context.database.read():
            pass
        self.part = "part"

    async def stop(self) -> None:
        del self.part

    async def health(self) -> HealthStatus:
        return HealthStatus(detail=self.part)


class Healthless(Good):
    """Answers nonsense."""

    async def health(self) -> Any:
        return "fine"


class Late(Good):
    """Consumes from a later stage."""

    consumes = (Consume(topics.EVENT_COMPLETED, "on_tracks"),)


class LooseGroup(ModuleSettings):
    loud: int = 1


class LooseSettings(ModuleSettings):
    """Tolerates everything, says little, and has no JSON that comes back."""

    model_config = ConfigDict(extra="ignore", frozen=False)

    mute: int = 1
    group: LooseGroup = Field(default_factory=LooseGroup, description="Group.")


class Loose(Good):
    """Has loose settings."""

    settings_model = LooseSettings


class Demanding(ModuleSettings):
    """Must be told."""

    path: str = Field(description="Where.")


class NeedsSettings(Good):
    """Has a setting without a default."""

    settings_model = Demanding


class Misnamed(Good):
    name = "output.good"


class OwnPayload(Payload):
    """Of a topic of its own, with a field that has no default."""

    number: int


OWN = Topic("process.own", OwnPayload, Stage.PROCESS)


class OwnTopic(Good):
    """Consumes a topic that only it knows."""

    consumes = (Consume(OWN, "on_own"),)
    publishes = ()

    async def on_own(self, payload: OwnPayload) -> None:
        assert payload.number == 7


def broken(kind: type[Good], **options: Any) -> dict[str, list[str]]:
    """Rule to its sentences, for the rules that are broken."""
    rules = ModuleContract(kind, **options).rules
    return {rule.name: list(said) for rule in rules if (said := rule.broken_by())}


def test_a_good_module_keeps_every_rule() -> None:
    ModuleContract(Good).check()
    assert broken(Patient) == {}


def test_the_fixture_checks_every_rule(module_contract: Any) -> None:
    module_contract(Good)
    with pytest.raises(ContractError, match=r"publishes_what_it_declares: process\.good publishes"):
        module_contract(Liar)


@pytest.mark.parametrize(
    ("kind", "rule", "sentence"),
    [
        (Liar, "publishes_what_it_declares", "process.good publishes process.motion.unique, which"),
        (SlyLiar, "publishes_what_it_declares", "it published on process.motion.unique, which it"),
        (SlyLiar, "publishes_what_it_declares", "process.mine carries TrackUpdate, not Payload"),
        (
            Forgetful,
            "takes_its_messages_also_twice",
            "a handler of event.completed raised KeyError",
        ),
        (Keeper, "gives_frames_back", "2 frames are still leased when its work is done"),
        (Fragile, "stops_after_a_failed_start", "stop after a failed start raised AttributeError"),
        (Fragile, "starts_and_stops", "a second stop raised AttributeError"),
        (Fragile, "always_tells_its_health", "health after it has stopped raised AttributeError"),
        (Healthless, "always_tells_its_health", "is 'fine', not a HealthStatus"),
        (Late, "fits_the_topics", "must not consume event.completed of the later stage event"),
        (Loose, "has_sound_settings", "settings.mute has no description"),
        (Loose, "has_sound_settings", "settings.group.loud has no description"),
        (Loose, "has_sound_settings", "LooseSettings is not frozen"),
        (Loose, "has_sound_settings", "LooseSettings takes unknown keys"),
        (NeedsSettings, "has_sound_settings", "not valid by default: path; pass settings"),
        (NeedsSettings, "starts_and_stops", "path"),
        (Misnamed, "declares_what_it_is", "output.good should begin with process."),
        (Misnamed, "declares_what_it_is", "Misnamed does not say what it does"),
        (OwnTopic, "takes_its_messages_also_twice", "no example of process.own: pass examples"),
    ],
)
def test_what_is_wrong_is_said_by_the_rule_that_it_breaks(
    kind: type[Good], rule: str, sentence: str
) -> None:
    contract = ModuleContract(kind)
    (found,) = [each for each in contract.rules if each.name == rule]
    with pytest.raises(ContractError) as raised:
        found.check()
    assert sentence in str(raised.value)


def test_a_line_that_keeps_the_loop_is_named() -> None:
    said = broken(Blocker, max_step_s=0.05)["keeps_the_loop_free"][0]
    assert said.startswith("test_contract.py:")
    assert " in on_tracks kept the event loop for more than 0.05 s" in said


def test_a_handler_that_never_returns_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spyoncino.testing.trial.MAX_ROUNDS", 5)
    monkeypatch.setattr("spyoncino.testing.trial.PAUSE_S", 0.005)
    monkeypatch.setattr(Bus.stop, "__kwdefaults__", {"timeout_s": 0.05})  # grace of the stuck
    said = ModuleContract(Stuck).takes_its_messages_also_twice()
    assert said[0] == "the handler of process.motion.zoned does not return"


def test_examples_and_settings_can_be_given() -> None:
    assert broken(OwnTopic, examples={OWN.name: [OwnPayload(number=7)]}) == {}
    assert broken(NeedsSettings, settings={"path": "x"}) == {}


def test_a_module_that_imports_a_built_in_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nosy_plug_in.py").write_text(
        f"from {Good.__module__} import Good\n"
        "from spyoncino.modules import folders\n"
        "class Nosy(Good):\n    'Looks into others.'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, Good.__module__, sys.modules[__name__])
    kind = importlib.import_module("nosy_plug_in").Nosy
    (said,) = broken(kind)["imports_no_other_module"]
    assert said.startswith("nosy_plug_in.py imports spyoncino.modules.folders; modules meet")


def test_the_pytest_plug_in_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "spyoncino.testing.plugin", raising=False)
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(UsageError, match=r"needs pytest: pip install pytest"):
        __import__("spyoncino.testing.plugin")
