"""What far sides have of visits: whose last state arrived, and what somebody sees twice.

The texts of a visit end with ``visit NUMBER over``.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spyoncino.modules.output.telegram import PERHAPS_TWICE

if TYPE_CHECKING:
    from tests.fixtures.apprise_stand_in import Service
    from tests.fixtures.mail_stand_in import Postman
    from tests.fixtures.mosquitto_broker import Ear
    from tests.fixtures.telegram_stand_in import Telegram
    from tests.fixtures.web_push_stand_in import FarBrowser
    from tests.fixtures.webhook_stand_in import Receiver

VISIT, OVER = re.compile(r"visit (\d+)"), re.compile(r"visit (\d+) over")
MAILS = 3
"""Of a visit: that it rang, who it is, and that it is over with its clip."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one channel's far side has of the events.

    Args:
        final: Numbers of events whose last state arrived.
        repeated: Repetitions that the far side can tell by their key, and so shows once.
        doubled: Messages that somebody sees twice.
        messages: Everything that arrived.
        unsaid: Of those that somebody sees twice the ones that did not say so when they came.
        needless: Messages that said so and were the only one.
    """

    final: set[int]
    repeated: int
    doubled: int
    messages: int
    unsaid: int = 0
    needless: int = 0


def of_documents(webhook: "Receiver") -> Verdict:
    """A receiver remembers the keys of its documents."""
    last = _final(each["text"] for each in webhook.documents.values() if each["is_final"])
    return Verdict(last, webhook.repetitions, 0, webhook.requests)


def of_mails(post: "Postman") -> Verdict:
    """A reader shows a mail with the same id once; more mails than a visit has steps are seen."""
    ids = [str(mail["Message-ID"]) for mail in post.mails]
    mails = Counter(each.partition(".")[0] for each in set(ids))
    return Verdict(
        _final(_text(mail) for mail in post.mails if list(mail.iter_attachments())),
        len(ids) - len(set(ids)),
        sum(count - MAILS for count in mails.values() if count > MAILS),
        len(ids),
    )


def of_bot(bot: "Telegram") -> Verdict:
    """Every message that is shown of one visit beside another is seen twice.

    One that said so and was replaced when somebody rang had said it all the same.
    """
    shown = bot.messages()
    told = Counter(visit for each in shown for visit in VISIT.findall(each.text)[:1])
    said = Counter(
        visit
        for each in (*shown, *bot.deleted)
        if PERHAPS_TWICE in each.first
        for visit in VISIT.findall(each.text)[:1]
    )
    doubled = told - Counter(set(told))
    return Verdict(
        _final(each.text for each in shown if each.media == "video"),
        0,
        doubled.total(),
        len(shown),
        (doubled - said).total(),
        (said - doubled).total(),
    )


def of_ear(ear: "Ear") -> Verdict:
    """Who reads messages of MQTT tells repetitions by ``delivery_id``."""
    heard = [
        json.loads(payload)
        for topic, payload in list(ear.heard)
        if topic.startswith("spyoncino/events/") and payload
    ]
    return Verdict(
        _final(each["text"] for each in heard if each["is_final"]),
        len(heard) - len({each["delivery_id"] for each in heard}),
        0,
        len(heard),
    )


def of_browser(browser: "FarBrowser") -> Verdict:
    """A browser shows the newest state of each tag, so whatever comes again takes its own place."""
    notes = [shown.note for shown in browser.screen.values()]
    return Verdict(
        _final(note["text"] for note in notes if note["final"]),
        browser.repetitions,
        0,
        browser.received,
    )


def of_notes(service: "Service") -> Verdict:
    """Nobody tells these apart: of a visit the newest counts, and the same words are seen twice."""
    words: dict[str, list[str]] = {}
    for note in service.notes:
        for visit in VISIT.findall(note["message"])[:1]:
            words.setdefault(visit, []).append(note["message"])
    return Verdict(
        _final(each[-1] for each in words.values()),
        0,
        sum(len(each) - len(set(each)) for each in words.values()),
        len(service.notes),
    )


def _final(texts: Iterable[str]) -> set[int]:
    return {int(found[1]) for text in texts if (found := OVER.search(text))}


def _text(mail: Any) -> str:
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())
