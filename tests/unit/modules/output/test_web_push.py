"""One event is one notification in each browser that wants to be told, replaced as facts arrive."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.fixtures.payloads import EVENT_ID, event
from tests.fixtures.web_push_stand_in import PushService, push_service

from spyoncino.clients.push_subscription import packed
from spyoncino.core.config_load import load_config
from spyoncino.core.registry import Registry
from spyoncino.errors import ConfigError, RequestError, UsageError
from spyoncino.modules.builtin import BUILTIN
from spyoncino.modules.output import web_push
from spyoncino.modules.output.web_push import WebPushModule, WebPushSettings
from spyoncino.modules.page_push import PagePush
from spyoncino.schemas.alerts import AlertNotification, AlertPriority
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import NOTIFY_FAILED, NOTIFY_QUEUED, NOTIFY_SENT
from spyoncino.testing.harness import ModuleHarness
from spyoncino.web.views import PushOrder

CONTACT = "mailto:house@example.org"
PRIVATE_KEY = packed(b"\7" * 32)
SECRETS = ("s3cret-capability", PRIVATE_KEY)


@pytest.fixture
async def far(harness: ModuleHarness) -> AsyncIterator[PushService]:
    async with push_service(harness.clock.utc_now().timestamp()) as service:
        yield service


@pytest.fixture
def desk(harness: ModuleHarness) -> PagePush:
    harness.context.channels = lambda: ("web_push",)
    return PagePush(harness.context)


async def add(harness: ModuleHarness, **changes: Any) -> WebPushModule:
    return await harness.add(
        WebPushModule,
        **{
            "enabled": True,
            "contact": CONTACT,
            "private_key": SecretStr(PRIVATE_KEY),
            **changes,
        },
    )


async def subscribe(desk: PagePush, far: PushService, name: str) -> str:
    """What the page does when somebody presses its button."""
    far.subscribe(name, (await desk.view()).public_key)
    order = PushOrder.model_validate(far.subscription(name))
    return (await desk.add(order, "Firefox on Android")).name


def alert(harness: ModuleHarness, revision: int = 1, **changes: Any) -> AlertNotification:
    facts: dict[str, Any] = {
        "event_ref": EVENT_ID,
        "channel": "web_push",
        "title": "Somebody rang at door",
        "text": "Somebody rang",
        "revision": revision,
        "timestamp": harness.clock.utc_now(),
        "event": event(),
    }
    return AlertNotification(**{**facts, **changes})


async def tell(harness: ModuleHarness, far: PushService, told: AlertNotification, to: int) -> None:
    wanted = far.requests + to
    await harness.feed(NOTIFY_QUEUED.of("web_push"), told)
    async with asyncio.timeout(10):
        while far.requests < wanted:
            await harness.settle()
    for _ in range(6):
        await harness.settle()


async def test_one_event_is_one_notification_replaced_as_facts_arrive(
    harness: ModuleHarness, far: PushService, desk: PagePush
) -> None:
    await add(harness)
    for name in ("phone", "laptop"):
        await subscribe(desk, far, name)
    visit = [
        alert(harness, 1, priority=AlertPriority.HIGH),
        alert(harness, 2, media=("media/e/snapshot.jpg",)),
        alert(harness, 3, title="Ann rang at door", text="Ann rang", media=("media/e/face.jpg",)),
        alert(harness, 4, title="Ann rang at door", text="Ann rang, 12 s", is_final=True),
    ]
    for told in visit:
        await tell(harness, far, told, to=2)
    await tell(harness, far, alert(harness, 1, event_ref="another", title="A cat"), to=2)
    transcript = [line for browser in far.browsers.values() for line in browser.transcript]
    print("\n".join(["", *transcript]))  # noqa: T201 - pytest -s shows what people see
    assert far.refused == []
    for browser in far.browsers.values():
        assert set(browser.screen) == {EVENT_ID, "another"}
        shown = browser.screen[EVENT_ID]
        assert (shown.states, shown.sounds) == (4, 1)
        assert shown.note["text"] == "Ann rang, 12 s"
        assert browser.screen["another"].states == 1
    topics = [headers["Topic"] for headers in far.headers]
    assert len(set(topics[:8])) == 1
    assert len(set(topics)) == 2
    assert [each["Urgency"] for each in far.headers[::2]] == ["high"] + ["normal"] * 4
    assert len(harness.received(NOTIFY_SENT.of("web_push"))) == 10


async def test_a_browser_that_was_away_gets_the_newest_state_alone(
    harness: ModuleHarness, far: PushService, desk: PagePush
) -> None:
    await add(harness, keep_for_s=600)
    await subscribe(desk, far, "phone")
    phone = far.browsers["phone"]
    phone.is_online = False
    for revision in (1, 2, 3):
        await tell(harness, far, alert(harness, revision), to=1)
    assert far.replaced == 2
    far.come_online("phone")
    assert phone.screen[EVENT_ID].note["revision"] == 3
    assert phone.screen[EVENT_ID].states == 1
    assert far.headers[0]["TTL"] == "600"


async def test_a_browser_that_left_is_forgotten_and_said_once(
    harness: ModuleHarness, far: PushService, desk: PagePush, logged: Callable[[], str]
) -> None:
    module = await add(harness)
    left = await subscribe(desk, far, "phone")
    await subscribe(desk, far, "laptop")
    far.browsers["phone"].is_gone = True
    await tell(harness, far, alert(harness), to=2)
    await tell(harness, far, alert(harness, 2), to=1)
    (report,) = harness.received(NOTIFY_FAILED.of("web_push"))
    assert (report.target, report.reason) == (left, f"{left} has left: its subscription ended")
    assert [browser.label for browser in (await desk.view()).browsers] == ["Firefox on Android"]
    assert logged().count("a browser is told no more") == 1
    health = await module.health()
    assert health.state is HealthState.OK
    assert (health.numbers["browsers"], health.numbers["browsers_gone"]) == (1, 1)


async def test_what_is_owed_to_one_that_was_taken_away_is_given_up(
    harness: ModuleHarness, far: PushService, desk: PagePush
) -> None:
    await add(harness)
    name = await subscribe(desk, far, "phone")
    far.answers = [(503, {"Retry-After": "30"})]
    await tell(harness, far, alert(harness), to=1)
    assert await desk.remove(name)
    assert not await desk.remove(name)
    async with asyncio.timeout(10):
        while not harness.received(NOTIFY_FAILED.of("web_push")):
            await harness.clock.advance(30)
            await harness.settle()
    assert far.requests == 1


async def test_a_pause_that_the_service_asks_for_is_kept(
    harness: ModuleHarness, far: PushService, desk: PagePush
) -> None:
    module = await add(harness)
    await subscribe(desk, far, "phone")
    far.answers = [(429, {"Retry-After": "30"})]
    await tell(harness, far, alert(harness), to=1)
    assert "429" in (await module.health()).detail
    await harness.clock.advance(29)
    for _ in range(6):
        await harness.settle()
    assert far.requests == 1
    async with asyncio.timeout(10):
        while far.requests < 2:
            await harness.clock.advance(1)
            await harness.settle()


async def test_no_secret_is_told_anywhere(
    harness: ModuleHarness, far: PushService, desk: PagePush, logged: Callable[[], str]
) -> None:
    module = await add(harness)
    await subscribe(desk, far, "phone")
    far.answers = [(403, {})]
    await tell(harness, far, alert(harness), to=1)
    (report,) = harness.received(NOTIFY_FAILED.of("web_push"))
    assert "press the button on the page again" in report.reason
    log = logged()
    assert "not delivered" in log
    said = (
        log
        + report.model_dump_json()
        + (await module.health()).model_dump_json()
        + (await desk.view()).model_dump_json()
        + repr(module.settings)
    )
    for secret in (*SECRETS, far.browsers["phone"].p256dh):
        assert secret not in said


async def test_a_key_is_made_once_and_kept_in_the_data_folder(
    harness: ModuleHarness, desk: PagePush
) -> None:
    module = await add(harness, private_key=SecretStr(""))
    key = (await desk.view()).public_key
    assert harness.context.data.push_key.is_file()
    await module.stop()
    await module.start()
    assert (await desk.view()).public_key == key
    health = await module.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, web_push.NOBODY)


async def test_without_its_libraries_the_channel_says_what_to_install(
    harness: ModuleHarness,
    far: PushService,
    desk: PagePush,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_push, "_is_installed", lambda: False)
    module = await add(harness)
    assert "pip install 'spyoncino[push]'" in (await module.health()).detail
    view = await desk.view()
    assert (view.public_key, view.reason) == ("", web_push.MISSING)
    far.subscribe("phone", "")
    await desk.add(PushOrder.model_validate(far.subscription("phone")), "Browser")
    await harness.feed(NOTIFY_QUEUED.of("web_push"), alert(harness))
    await harness.settle()
    assert far.requests == 0


async def test_what_is_switched_on_while_running_waits_for_the_next_start(
    harness: ModuleHarness, desk: PagePush
) -> None:
    module = await harness.add(WebPushModule)
    assert (await desk.view()).reason == "Web Push is off: set web_push.enabled"
    await module.configure(WebPushSettings(enabled=True, contact=CONTACT))
    assert (await desk.view()).reason == web_push.LATER


async def test_while_it_is_off_nobody_can_subscribe_and_nothing_is_asked(
    harness: ModuleHarness, far: PushService
) -> None:
    module = await harness.add(WebPushModule)
    desk = PagePush(harness.context)
    view = await desk.view()
    assert (view.public_key, view.reason, view.browsers) == ("", "", ())
    far.subscribe("phone", "")
    order = PushOrder.model_validate(far.subscription("phone"))
    with pytest.raises(UsageError, match=r"set web_push\.enabled"):
        await desk.add(order, "Browser")
    await harness.feed(NOTIFY_QUEUED.of("web_push"), alert(harness))
    assert (await module.health()).state is HealthState.OK


async def test_an_endpoint_of_another_machine_without_tls_is_refused(
    harness: ModuleHarness, far: PushService, desk: PagePush
) -> None:
    await add(harness)
    far.subscribe("phone", "")
    told = far.subscription("phone") | {"endpoint": "http://192.0.2.1/s3cret"}
    with pytest.raises(UsageError, match="another machine, so it must begin with https") as refused:
        await desk.add(PushOrder.model_validate(told), "Browser")
    assert "s3cret" not in str(refused.value)


async def test_a_channel_that_does_not_answer_is_said_on_the_page(
    harness: ModuleHarness, desk: PagePush, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_asked: object, **_how: object) -> None:
        raise RequestError("nobody answers control.push.key")

    monkeypatch.setattr(harness.context.bus, "request", nobody)
    assert (await desk.view()).reason == "nobody answers control.push.key"


@pytest.mark.parametrize(
    "contact", ["", "you@example.org", "mailto:you", "http://example.org", "https://x", "x" * 9]
)
def test_a_contact_that_push_services_refuse_is_refused_here(contact: str) -> None:
    with pytest.raises(ValidationError, match="contact must be"):
        WebPushSettings(enabled=True, contact=contact)
    assert not WebPushSettings(contact=contact).enabled


def test_a_private_key_that_is_none_is_refused_without_telling_it() -> None:
    with pytest.raises(ValidationError, match="private_key must be") as refused:
        WebPushSettings(private_key=SecretStr("wr0ng-one"))
    assert "wr0ng-one" not in str(refused.value)
    shown = WebPushSettings(private_key=SecretStr(PRIVATE_KEY)).model_dump_json()
    assert PRIVATE_KEY not in json.dumps(json.loads(shown))


def test_a_house_that_keeps_to_itself_refuses_it_when_the_settings_are_read(
    tmp_path: Path,
) -> None:
    row = next(row for row in BUILTIN if row.endswith(":WebPushModule"))
    (tmp_path / "spyoncino.yaml").write_text(
        f"privacy: {{local_only: true}}\nweb_push: {{enabled: true, contact: '{CONTACT}'}}\n"
    )
    with pytest.raises(ConfigError, match="web_push tells somebody outside"):
        load_config(
            Registry.discover((row,), ()),
            variables={},
            working_folder=tmp_path,
            config_home=tmp_path / "none",
        )
