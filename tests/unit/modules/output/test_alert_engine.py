"""One message for each event and channel, edited as facts arrive."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from tests.fixtures.payloads import EVENT_ID, event
from tests.unit.alerts.test_rules import identity

from spyoncino.errors import StorageError
from spyoncino.modules.alert_settings import AlertSettings
from spyoncino.modules.output.alert_engine import TICK_S, AlertEngine
from spyoncino.persistence.mutes import MuteStore
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.control import ControlCommand
from spyoncino.schemas.events import (
    Event,
    EventCompleted,
    EventCreated,
    EventState,
    EventUpdate,
    Verdict,
)
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.modes import Mode, SystemMode
from spyoncino.schemas.topics import (
    CONTROL_COMMAND,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
    NOTIFY_QUEUED,
    SYSTEM_MODE,
)
from spyoncino.testing.harness import ModuleHarness

EVERYTHING = {"rules": ({"name": "everything"},)}


async def engine(harness: ModuleHarness, *channels: str, **settings: Any) -> AlertEngine:
    harness.context.channels = lambda: channels or ("telegram",)
    return await harness.add(AlertEngine, **(settings or EVERYTHING))


async def created(harness: ModuleHarness, **changes: Any) -> Event:
    told = event(**changes)
    await harness.feed(EVENT_CREATED, EventCreated(event=told))
    return told


async def updated(harness: ModuleHarness, **changes: Any) -> None:
    await harness.feed(EVENT_UPDATED, EventUpdate(event=event(EventState.PROCESSING, **changes)))


async def completed(harness: ModuleHarness, **changes: Any) -> None:
    told = event(EventState.COMPLETED, **changes)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=told))


async def ready(harness: ModuleHarness, kind: MediaKind) -> None:
    await harness.feed(MEDIA_READY, artifact(kind))


def told(harness: ModuleHarness, channel: str = "telegram") -> list[AlertNotification]:
    return harness.received(NOTIFY_QUEUED.of(channel))


async def ticks(harness: ModuleHarness, count: int) -> None:
    """Let the engine look so often whether a digest is due."""
    for _ in range(count):
        await harness.clock.advance(TICK_S)
        await harness.settle()


async def test_a_visit_is_one_message_that_grows(harness: ModuleHarness) -> None:
    await engine(harness)
    await created(harness, presses=(10.0,))
    await ready(harness, MediaKind.SNAPSHOT)
    await updated(harness, presses=(10.0,), identities=(identity(Verdict.KNOWN, "Ann"),))
    await completed(harness, presses=(10.0,), identities=(identity(Verdict.KNOWN, "Ann"),))
    await ready(harness, MediaKind.CLIP)
    assert [(each.revision, each.title, each.media, each.is_final) for each in told(harness)] == [
        (1, "Somebody rang at door", (), False),
        (2, "Somebody rang at door", ("media/snapshot",), False),
        (3, "Ann rang at door", ("media/snapshot",), False),
        (4, "Ann rang at door", ("media/snapshot",), False),
        (5, "Ann rang at door", ("media/snapshot", "media/clip"), True),
    ]
    assert {each.event_ref for each in told(harness)} == {EVENT_ID}


async def test_an_update_without_news_edits_nothing_and_a_better_picture_does(
    harness: ModuleHarness,
) -> None:
    await engine(harness)
    await created(harness)
    for end_s in (15.0, 16.0):
        await updated(harness, end_s=end_s)
    assert [each.revision for each in told(harness)] == [1, 2]  # created, then processing
    await ready(harness, MediaKind.SNAPSHOT)
    await ready(harness, MediaKind.SNAPSHOT)
    await ready(harness, MediaKind.WEBP)
    assert [each.revision for each in told(harness)] == [1, 2, 3, 4]


async def test_a_rule_shows_the_kinds_that_it_names_and_the_most_wanted_first(
    harness: ModuleHarness,
) -> None:
    await engine(harness, rules=({"name": "all", "media": ["clip", "gif"]},))
    await created(harness)
    for kind in (MediaKind.SNAPSHOT, MediaKind.GIF, MediaKind.CLIP):
        await ready(harness, kind)
    assert told(harness)[-1].media == ("media/clip", "media/gif")


async def test_each_channel_is_told_by_the_rule_that_names_it(harness: ModuleHarness) -> None:
    rules = (
        {"name": "cats", "when": {"labels": ["cat"]}},
        {"name": "people", "when": {"types": ["person"]}, "channels": ["email"], "text": "{type}!"},
        {"name": "rest", "priority": "low"},
    )
    await engine(harness, "telegram", "email", rules=rules)
    await created(harness)
    (mail,), (message,) = told(harness, "email"), told(harness)
    assert (mail.rule, mail.text, mail.priority) == ("people", "person!", AlertPriority.NORMAL)
    assert (message.rule, message.priority) == ("rest", AlertPriority.LOW)


async def test_without_channels_nobody_is_told_and_the_reason_is_kept(
    harness: ModuleHarness,
) -> None:
    harness.context.channels = tuple
    module = await harness.add(AlertEngine, **EVERYTHING)
    await created(harness)
    await completed(harness)
    assert told(harness) == []
    assert harness.reasons("alert") == [(False, "rule 'everything': it names no enabled channel")]
    assert (await module.health()).numbers["silent"] == 1


async def test_a_silent_event_says_of_each_rule_why(harness: ModuleHarness) -> None:
    await engine(harness, rules=({"name": "cats", "when": {"labels": ["cat"]}},))
    await created(harness)
    await completed(harness)
    assert harness.reasons("alert") == [(False, "rule 'cats': label is person, the rule wants cat")]


async def test_the_first_rules_tell_the_bell_and_people_while_away(harness: ModuleHarness) -> None:
    harness.context.channels = lambda: ("telegram",)
    await harness.add(AlertEngine)
    await created(harness)
    assert told(harness) == []
    await updated(harness, type="doorbell", presses=(11.0,))
    assert [each.rule for each in told(harness)] == ["somebody rang"]
    await harness.feed(SYSTEM_MODE, SystemMode(mode=Mode.AWAY))
    await created(harness, event_id="another")
    assert told(harness)[-1].rule == "somebody while nobody is at home"
    stranger = (identity(Verdict.BLOCKED, "Bob"),)
    await harness.feed(SYSTEM_MODE, SystemMode(mode=Mode.HOME))
    await created(harness, event_id="third", identities=stranger)
    assert told(harness)[-1].rule == "somebody on the block list"


async def test_a_duration_is_waited_for(harness: ModuleHarness) -> None:
    await engine(harness, rules=({"name": "long", "when": {"min_duration_s": 10}},))
    await created(harness)
    assert told(harness) == []
    await updated(harness, end_s=21.0)
    assert len(told(harness)) == 1


async def test_what_is_held_back_is_counted_once_and_told_in_the_digest(
    harness: ModuleHarness,
) -> None:
    rules = ({"name": "people", "cooldown_s": 3600.0},)
    module = await engine(harness, rules=rules, digest_every_s=60.0)
    await created(harness)
    for _ in range(2):
        await created(harness, event_id="second")
    await completed(harness, event_id="second")
    assert [each.event_ref for each in told(harness)] == [EVENT_ID]
    assert (
        False,
        "held back from telegram: pause of 3600 s after the last message about door",
    ) in (harness.reasons("alert"))
    await ticks(harness, 13)
    digest = told(harness)[-1]
    assert digest.event_ref.startswith("digest-")
    assert digest.text.startswith("1 event was not told")
    assert (await module.health()).numbers == {
        "told": 1,
        "edited": 0,
        "raised": 0,
        "held_back": 1,
        "silent": 0,
        "digests": 1,
        "muted": 0,
    }


async def test_what_is_told_after_all_is_in_no_digest(harness: ModuleHarness) -> None:
    rules = ({"name": "people", "cooldown_s": 30.0},)
    module = await engine(harness, rules=rules, digest_every_s=60.0)
    await created(harness)
    for name in ("second", "third"):
        await created(harness, event_id=name)
    await harness.clock.advance(31.0)
    await updated(harness, event_id="second", end_s=45.0)
    assert [each.event_ref for each in told(harness)] == [EVENT_ID, "second"]
    await ticks(harness, 8)
    assert told(harness)[-1].text.startswith("1 event was not told")
    assert (await module.health()).numbers["digests"] == 1


async def test_what_a_digest_has_told_takes_nothing_out_of_the_next(
    harness: ModuleHarness,
) -> None:
    rules = ({"name": "people", "cooldown_s": 90.0},)
    module = await engine(harness, rules=rules, digest_every_s=60.0)
    await created(harness)
    await created(harness, event_id="second")
    await ticks(harness, 13)
    await created(harness, event_id="third")
    await harness.clock.advance(26.0)
    await updated(harness, event_id="second", end_s=45.0)
    await ticks(harness, 8)
    texts = [each.text.split(" not")[0] for each in told(harness) if each.rule == "digest"]
    assert texts == ["1 event was", "1 event was"]
    assert (await module.health()).numbers["told"] == 2


async def test_no_digest_says_that_nothing_was_held_back(harness: ModuleHarness) -> None:
    rules = ({"name": "people", "cooldown_s": 30.0},)
    module = await engine(harness, rules=rules, digest_every_s=60.0)
    await created(harness)
    await created(harness, event_id="second")
    await harness.clock.advance(31.0)
    await updated(harness, event_id="second", end_s=45.0)
    await ticks(harness, 8)
    assert len(told(harness)) == 2
    assert (await module.health()).numbers["digests"] == 0


async def test_the_digest_of_the_night_comes_in_the_morning(harness: ModuleHarness) -> None:
    now = harness.clock.utc_now().astimezone()
    until = now + timedelta(minutes=10)
    quiet = (f"{now:%H:%M}", f"{until:%H:%M}")
    await engine(harness, rules=({"name": "all"},), quiet=quiet, digest_every_s=1.0)
    await created(harness)
    await ticks(harness, 3)
    assert told(harness) == []
    await created(harness, event_id="bell", presses=(10.0,))
    assert len(told(harness)) == 1
    await harness.clock.advance(600.0)
    await harness.clock.advance(TICK_S)
    await harness.settle()
    assert "quiet hours" in told(harness)[-1].text


async def test_a_late_update_does_not_reopen_a_completed_event(harness: ModuleHarness) -> None:
    await engine(harness)
    await completed(harness)
    await updated(harness)
    states = [each.event.state for each in told(harness) if each.event is not None]
    assert set(states) == {EventState.COMPLETED}


async def test_media_of_an_event_that_is_not_known_are_left_alone(harness: ModuleHarness) -> None:
    await engine(harness)
    await ready(harness, MediaKind.CLIP)
    assert told(harness) == []


def artifact(kind: MediaKind) -> MediaArtifact:
    return MediaArtifact(
        kind=kind,
        event_ref=EVENT_ID,
        camera="door",
        path=f"media/{kind.value}",
        content_type="image/jpeg",
        size_bytes=1,
    )


async def test_what_could_not_be_published_is_published_when_the_event_is_repeated(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = await engine(harness)
    publish = module.publish

    async def fail(*_given: object) -> None:
        raise StorageError("the disk is full")

    for feed, state in ((created, EventState.CREATED), (completed, EventState.COMPLETED)):
        monkeypatch.setattr(module, "publish", fail)
        with pytest.raises(StorageError):
            await module.on_event(EventUpdate(event=event(state)))
        monkeypatch.setattr(module, "publish", publish)
        await feed(harness)
    assert [each.revision for each in told(harness)] == [1, 2]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"rules": [{"name": "a"}, {"name": "a"}]}, "two rules are named 'a'"),
        ({"rules": [{"name": "a", "text": "{whom}"}]}, "has {whom}"),
        ({"rules": [{"name": "a", "when": {"zone": ["x"]}}]}, "Extra inputs"),
        ({"rules": [{"name": "a", "when": {"days": ["funday"]}}]}, "'mon'"),
    ],
)
def test_a_wrong_rule_is_refused_with_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        AlertSettings.model_validate(settings)


def mute_of(harness: ModuleHarness, for_s: object, camera: str = "door") -> ControlCommand:
    return ControlCommand(
        source="cli",
        target="alerts",
        command="mute",
        arguments={"camera": camera, "for_s": for_s},
        timestamp=harness.clock.utc_now(),
    )


async def test_a_muted_camera_is_silent_also_after_a_restart_until_its_time_is_over(
    harness: ModuleHarness,
) -> None:
    harness.set_camera()
    module = await engine(harness)
    await harness.feed(CONTROL_COMMAND, mute_of(harness, 3600.0))
    await created(harness, presses=(10.0,))
    assert told(harness) == []
    assert (await module.health()).numbers["muted"] == 1
    await module.stop()
    await module.start()
    await created(harness, presses=(10.0,), event_id="second")
    assert told(harness) == []
    await harness.clock.advance(3600.0)
    await created(harness, presses=(10.0,), event_id="third")
    assert told(harness)[-1].event_ref == "third"
    assert (await module.health()).numbers["muted"] == 0


async def test_a_mute_can_be_ended_and_one_that_makes_no_sense_is_not_obeyed(
    harness: ModuleHarness,
) -> None:
    harness.set_camera()
    module = await engine(harness)
    for wrong in (mute_of(harness, "soon"), mute_of(harness, -1), mute_of(harness, 1, "moon")):
        await harness.feed(CONTROL_COMMAND, wrong)
    other = mute_of(harness, 60).model_copy(update={"target": "logs"})
    await harness.feed(CONTROL_COMMAND, other)
    assert (await module.health()).numbers["muted"] == 0
    for for_s in (3600, 0):
        await harness.feed(CONTROL_COMMAND, mute_of(harness, for_s))
    await created(harness)
    assert len(told(harness)) == 1
    assert await MuteStore(harness.context.database).in_force(harness.clock.utc_now()) == []
