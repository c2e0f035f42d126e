"""Web Push in a real browser: the button, the service worker, one notification for each event.

A headless browser reaches no push service, so subscribing is stood in for; the message comes from
the browser's own tools, and what shows it is the service worker of the page.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.fixtures.chromium import chromium, needs_chromium
from tests.fixtures.served_house import ServedHouse, event_of

from spyoncino.clients.push_subscription import packed
from spyoncino.modules.push_note import compose
from spyoncino.schemas.alerts import AlertNotification

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page


__all__ = ["chromium"]

pytestmark = [
    pytest.mark.processes,
    pytest.mark.slow,
    pytest.mark.timeout(120),
    needs_chromium,
]

PUBLIC_KEY = packed(b"\x04" + b"k" * 64)

NO_PUSH_SERVICE = """
PushManager.prototype.getSubscription = async () => window.subscribed ?? null;
PushManager.prototype.subscribe = async (options) => {
  window.subscribed = {
    options: { applicationServerKey: null, asked: options },
    toJSON: () => ({ endpoint: "https://push.example.org/x", keys: { p256dh: "p", auth: "a" } }),
    unsubscribe: async () => { window.subscribed = null; return true; },
  };
  return window.subscribed;
};
"""

CLICK = """async () => {
  const [shown] = await registration.getNotifications({ tag: "event-0001" });
  dispatchEvent(new NotificationEvent("notificationclick", { notification: shown }));
}"""

OUTCOMES = """() => {
  self.outcomes = {};
  const { showNotification } = ServiceWorkerRegistration.prototype;
  ServiceWorkerRegistration.prototype.showNotification = function (title, options) {
    const showing = showNotification.call(this, title, options);
    const note = (outcome) => { outcomes[title] = outcome; };
    showing.then(() => note("shown"), (error) => note(String(error)));
    return showing;
  };
}"""
"""Lets the service worker note what became of each notification."""

SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag, silent, renotify, icon, data }) =>
    ({ title, body, tag, silent, renotify, icon, data }));
}"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ServedHouse]:
    events = [event_of(number, "door", minutes_ago=9 - number) for number in range(3)]
    with ThreadPoolExecutor(1) as builder:  # Playwright's event loop runs in this thread
        built = builder.submit(ServedHouse, tmp_path, ["door"], events).result()
    built.push.public_key = PUBLIC_KEY
    with built as served:
        yield served


@pytest.fixture
def context(chromium: "Browser") -> "Iterator[BrowserContext]":
    opened = chromium.new_context(permissions=["notifications"])
    opened.add_init_script(NO_PUSH_SERVICE)
    yield opened
    opened.close()


@pytest.fixture
def page(context: "BrowserContext", house: ServedHouse) -> "Iterator[Page]":
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(house.address)
    yield opened
    assert errors == []


def alert(
    revision: int, title: str, event_id: str = "event-0001", loud_revision: int = 1
) -> AlertNotification:
    return AlertNotification(
        event_ref=event_id,
        channel="web_push",
        title=title,
        text=f"{title}, state {revision}",
        revision=revision,
        loud_revision=loud_revision,
        event=event_of(1, "door", minutes_ago=1),
    )


def subscribe(page: "Page") -> "Locator":
    """Press the button that tells this browser; returns the one that stops it."""
    page.get_by_role("button", name="Tell this browser", exact=True).click()
    stop = page.get_by_role("button", name="Stop telling this browser")
    stop.wait_for()
    return stop


class Deliverer:
    """Hands messages to the service worker as the browser does when one comes from outside."""

    def __init__(self, page: "Page", house: ServedHouse) -> None:
        self._page = page
        self._origin = house.address
        self._tools: CDPSession = page.context.new_cdp_session(page)
        self._registrations: list[dict[str, Any]] = []
        self._tools.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda told: self._registrations.extend(told["registrations"]),
        )
        self._tools.send("ServiceWorker.enable")
        while not page.context.service_workers:
            page.wait_for_timeout(20)
        (self._worker,) = page.context.service_workers
        self._worker.evaluate(OUTCOMES)

    def deliver(self, told: AlertNotification) -> None:
        while not self._registrations:
            self._page.wait_for_timeout(20)
        order = {
            "origin": self._origin,
            "registrationId": self._registrations[-1]["registrationId"],
            "data": compose(told, 3993).decode(),
        }
        self._tools.send("ServiceWorker.deliverPushMessage", order)

    def shown(self, title: str) -> list[dict[str, Any]]:
        """All notifications, once one of this title has been shown.

        Nobody asks for them before: Chromium forgets a notification that it finds kept and not yet
        on display when it is asked, and a page that asks again and again hits that moment.
        """
        while (outcome := self._worker.evaluate("(title) => outcomes[title]", title)) is None:
            self._page.wait_for_timeout(20)
        assert outcome == "shown"
        shown: list[dict[str, Any]] = self._page.evaluate(SHOWN)
        assert title in {each["title"] for each in shown}
        return shown


def test_the_button_tells_this_browser_and_stops_telling_it(
    page: "Page", house: ServedHouse
) -> None:
    stop = subscribe(page)
    (order,) = house.push.orders.values()
    assert order.endpoint == "https://push.example.org/x"
    asked = page.evaluate("window.subscribed.options.asked")
    assert asked == {"userVisibleOnly": True, "applicationServerKey": PUBLIC_KEY}
    page.reload()  # what the server lost meanwhile is told again
    house.push.orders.clear()
    page.evaluate("window.subscribed = null")
    subscribe(page)
    house.push.orders.clear()  # somebody took it away on the server: no trouble
    stop.click()
    page.get_by_role("button", name="Tell this browser", exact=True).wait_for()
    assert house.push.orders == {}


def test_one_event_is_one_notification_that_is_replaced(page: "Page", house: ServedHouse) -> None:
    subscribe(page)
    worker = Deliverer(page, house)
    transcript = []
    for revision, title in ((1, "Somebody rang"), (2, "Ann rang"), (3, "Ann rang twice")):
        worker.deliver(alert(revision, title))
        (shown,) = worker.shown(title)
        transcript.append(f"{shown['tag']}: {shown['title']} (silent: {shown['silent']})")
        assert shown["body"] == f"{title}, state {revision}"
        assert shown["silent"] == (revision > 1)
        assert shown["renotify"] == (revision == 1)
        assert shown["data"]["address"] == "/#event/event-0001"
    worker.deliver(alert(2, "Ann rang"))  # comes late
    worker.deliver(alert(1, "A cat", "event-0002"))
    shown_now = {each["tag"]: each["title"] for each in worker.shown("A cat")}
    assert shown_now == {"event-0001": "Ann rang twice", "event-0002": "A cat"}
    print("\n".join(["", *transcript, json.dumps(shown_now)]))  # noqa: T201 - for pytest -s


def test_a_ring_after_the_first_words_is_heard_once_though_what_announced_it_never_came(
    page: "Page", house: ServedHouse
) -> None:
    subscribe(page)
    worker = Deliverer(page, house)
    heard = []
    for revision, title, loud in (
        (1, "Somebody is there", 1),
        (3, "Ann rang", 2),  # the push service had put it in place of the second
        (4, "Ann left", 2),
    ):
        worker.deliver(alert(revision, title, loud_revision=loud))
        (shown,) = worker.shown(title)
        heard.append((shown["title"], shown["renotify"], shown["silent"]))
    assert heard == [
        ("Somebody is there", True, False),
        ("Ann rang", True, False),
        ("Ann left", False, True),
    ]


def test_what_bears_no_tag_stands_alone_and_makes_a_sound_each_time(
    page: "Page", house: ServedHouse
) -> None:
    subscribe(page)
    worker = Deliverer(page, house)
    for title in ("The disk is full", "The door is away"):
        worker.deliver(alert(1, title, ""))
        shown = {each["title"]: each for each in worker.shown(title)}
        assert (shown[title]["silent"], shown[title]["renotify"]) == (False, False)
    assert set(shown) == {"The disk is full", "The door is away"}


def test_the_icon_of_a_notification_is_a_bitmap_that_the_page_serves(
    page: "Page", house: ServedHouse
) -> None:
    subscribe(page)
    worker = Deliverer(page, house)
    worker.deliver(alert(1, "Somebody rang"))
    (shown,) = worker.shown("Somebody rang")
    size = page.evaluate(
        """async (address) => {
          const bitmap = await createImageBitmap(await (await fetch(address)).blob());
          return [bitmap.width, bitmap.height];
        }""",
        shown["icon"],
    )  # which throws for an SVG, as a notification shows none
    assert size == [192, 192]


def test_a_notification_leads_to_its_event(page: "Page", house: ServedHouse) -> None:
    subscribe(page)
    page.wait_for_function("() => navigator.serviceWorker.controller")
    worker = Deliverer(page, house)
    worker.deliver(alert(1, "Somebody rang"))
    worker.shown("Somebody rang")
    page.context.service_workers[0].evaluate(CLICK)
    page.wait_for_selector("dialog[open]")
    assert page.url.endswith("#event/event-0001")
    page.wait_for_function(f"async () => (await ({SHOWN})()).length === 0")


def test_a_page_without_tls_says_why_it_cannot_tell(
    chromium: "Browser", house: ServedHouse
) -> None:
    context = chromium.new_context()
    context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
    page = context.new_page()
    page.goto(house.address)
    page.get_by_text("To be told on this device, open the page by an https address.").wait_for()
    assert page.locator("push-button button").is_hidden()
    context.close()


def test_who_blocked_notifications_is_told_where(chromium: "Browser", house: ServedHouse) -> None:
    context = chromium.new_context()
    context.add_init_script(
        "Object.defineProperty(Notification, 'permission', { get: () => 'denied' });"
    )
    page = context.new_page()
    page.goto(house.address)
    page.get_by_text("Notifications of this page are blocked").wait_for()
    assert page.locator("push-button button").is_hidden()
    context.close()


def test_nothing_is_offered_while_the_channel_is_off(
    chromium: "Browser", house: ServedHouse
) -> None:
    house.push.public_key = ""
    page = chromium.new_page()
    page.goto(house.address)
    page.wait_for_selector(".event")
    page.evaluate("document.querySelector('push-button').look()")  # until it has its answer
    assert page.locator("push-button").is_hidden()
    page.close()
