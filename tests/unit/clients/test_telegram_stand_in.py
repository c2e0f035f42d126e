"""The stand-in refuses what the documentation forbids, and nothing at the limits themselves."""

import asyncio
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from tests.fixtures.telegram_stand_in import (
    CHAT,
    GROUP,
    RULES,
    TOKEN,
    Telegram,
    jpeg_header,
    telegram,
)

Fields = dict[str, Any]
HELLO: Fields = {"chat_id": CHAT, "text": "hello"}
PHOTO, VIDEO = {"photo": 9}, {"video": 9}


def buttons(data: str) -> Fields:
    return {"reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}}


def question(hint: str) -> Fields:
    return {"reply_markup": {"force_reply": True, "input_field_placeholder": hint}}


def commands(name: str, description: str = "d", count: int = 1) -> Fields:
    listed = [{"command": name, "description": description}] * count
    return {"commands": listed, "scope": {"type": "chat", "chat_id": CHAT}}


def bold(length: int) -> Fields:
    return {"entities": [{"type": "bold", "offset": 0, "length": length}]}


def media(name: str) -> Fields:
    return {"chat_id": CHAT, "message_id": 1, "media": {"type": "photo", "media": name}}


async def ask(
    far: Telegram,
    method: str,
    fields: Fields,
    files: dict[str, int] | None = None,
    token: str = TOKEN,
) -> tuple[int, Fields]:
    body: dict[str, Any] = {"json": fields}
    if files:
        form = aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, str(value))
        for name, size_bytes in files.items():
            form.add_field(name, BytesIO(bytes(size_bytes)), filename="file")
        body = {"data": form}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{far.url}/bot{token}/{method}", **body) as answer,
    ):
        return answer.status, await answer.json()


EDIT: Fields = {"chat_id": CHAT, "message_id": 1}
BROKEN: dict[str, tuple[str, Fields, dict[str, int], int]] = {
    "method": ("sendAlbum", HELLO, {}, 404),
    "text": ("sendMessage", {**HELLO, "text": "x" * 4097}, {}, 400),
    "caption": ("sendPhoto", {"chat_id": CHAT, "caption": "x" * 1025}, PHOTO, 400),
    "entity": ("sendMessage", {**HELLO, **bold(6)}, {}, 400),
    "markup": ("sendMessage", {**HELLO, "parse_mode": "HTML"}, {}, 400),
    "photo size": ("sendPhoto", {"chat_id": CHAT}, {"photo": 10_000_001}, 413),
    "file size": ("sendVideo", {"chat_id": CHAT}, {"video": 50_000_001}, 413),
    "file": ("sendPhoto", {"chat_id": CHAT}, VIDEO, 400),
    "attach": ("editMessageMedia", media("file.jpg"), {}, 400),
    "button": ("sendMessage", {**HELLO, **buttons("x" * 65)}, {}, 400),
    "hint": ("sendMessage", {**HELLO, **question("x" * 65)}, {}, 400),
    "edited markup": ("editMessageText", {**EDIT, "text": "y", **question("x")}, {}, 400),
    "edit caption": ("editMessageCaption", {**EDIT, "caption": "y"}, {}, 400),
    "edit what": ("editMessageText", {**EDIT, "message_id": 9, "text": "y"}, {}, 400),
    "delete what": ("deleteMessage", {**EDIT, "message_id": 9}, {}, 400),
    "same": ("editMessageText", {**EDIT, "text": "hello"}, {}, 400),
    "chat": ("sendMessage", {**HELLO, "chat_id": 5}, {}, 400),
    "late press": ("answerCallbackQuery", {"callback_query_id": "old"}, {}, 400),
    "notice": ("answerCallbackQuery", {"callback_query_id": "q", "text": "x" * 201}, {}, 400),
    "command": ("setMyCommands", commands("Arm"), {}, 400),
    "description": ("setMyCommands", commands("arm", "d" * 257), {}, 400),
}
"""Rule to what breaks it, where the chat has one message that says hello."""

ELSEWHERE = {
    *("token", "photo sides", "edit text", "delete when", "blocked", "moved", "pause", "one poll")
}
"""Rules that want more than one request; each has a test below."""


def test_every_rule_is_broken_by_a_test() -> None:
    assert BROKEN.keys() | ELSEWHERE == RULES.keys()


@pytest.mark.parametrize("rule", BROKEN)
async def test_what_the_documentation_forbids_is_refused(rule: str) -> None:
    method, fields, files, code = BROKEN[rule]
    async with telegram() as far:
        await ask(far, "sendMessage", HELLO)
        status, answer = await ask(far, method, fields, files)
        assert (status, answer["ok"], far.broken) == (code, False, [rule])


@pytest.mark.parametrize(("age_s", "broken"), [(172_799.0, []), (172_800.0, ["delete when"])])
async def test_what_is_two_days_old_cannot_be_deleted(age_s: float, broken: list[str]) -> None:
    now_s = 0.0
    async with telegram(lambda: now_s) as far:
        await ask(far, "sendMessage", HELLO)
        now_s = age_s
        _, answer = await ask(far, "deleteMessage", EDIT)
        assert (answer["ok"], far.broken, len(far.messages())) == (not broken, broken, len(broken))


async def test_empty_texts_and_too_many_commands_are_refused() -> None:
    async with telegram() as far:
        await ask(far, "sendMessage", {**HELLO, "text": ""})
        await ask(far, "setMyCommands", commands("arm", count=101))
        await ask(far, "sendMessage", {**HELLO, **buttons("")})
        assert far.broken == ["text", "command", "button"]


@pytest.mark.parametrize(
    ("method", "fields", "files"),
    [
        ("sendMessage", {**HELLO, "text": "x" * 4096}, {}),
        ("sendMessage", {**HELLO, **bold(5)}, {}),
        ("sendMessage", {**HELLO, **buttons("x" * 64)}, {}),
        ("sendMessage", {**HELLO, **question("x" * 64)}, {}),
        ("sendPhoto", {"chat_id": CHAT, "caption": "x" * 1024}, {"photo": 10_000_000}),
        ("sendVideo", {"chat_id": CHAT}, {"video": 50_000_000}),
        ("answerCallbackQuery", {"callback_query_id": "q", "text": "x" * 200}, {}),
        ("setMyCommands", commands("a_1" + "b" * 29, "d" * 256, 100), {}),
    ],
)
async def test_the_limits_themselves_are_allowed(
    method: str, fields: Fields, files: dict[str, int]
) -> None:
    async with telegram() as far:
        status, answer = await ask(far, method, fields, files)
        assert (status, answer["ok"], far.broken) == (200, True, [])


async def test_who_does_not_know_the_token_gets_nothing() -> None:
    async with telegram() as far:
        assert (await ask(far, "sendMessage", HELLO, token="1:other"))[0] == 401  # noqa: S106 - of a test
        assert (far.broken, far.messages()) == (["token"], [])


async def test_a_picture_has_no_text_to_edit_and_a_text_can_become_a_picture() -> None:
    async with telegram() as far:
        await ask(far, "sendPhoto", {"chat_id": CHAT}, PHOTO)
        await ask(far, "editMessageText", {**EDIT, "text": "y"})
        assert far.broken == ["edit text"]
        await ask(far, "sendMessage", HELLO)
        shown = {"type": "photo", "media": "attach://photo"}
        form = {"chat_id": CHAT, "message_id": 2, "media": str(shown).replace("'", '"')}
        assert (await ask(far, "editMessageMedia", form, PHOTO))[0] == 200
        assert far.messages()[1].media == "photo"


@pytest.mark.parametrize(
    ("width_px", "height_px", "code"),
    [(7680, 2320, 200), (7680, 2321, 400), (4000, 200, 200), (4000, 199, 400)],
)
async def test_a_picture_with_too_many_or_too_thin_pixels_is_refused(
    width_px: int, height_px: int, code: int
) -> None:
    async with telegram() as far, aiohttp.ClientSession() as session:
        form = aiohttp.FormData({"chat_id": str(CHAT)})
        form.add_field("photo", jpeg_header(width_px, height_px), filename="a.jpg")
        async with session.post(f"{far.url}/bot{TOKEN}/sendPhoto", data=form) as answer:
            assert answer.status == code
        assert far.broken == ["photo sides"] * (code == 400)


async def test_who_blocked_the_bot_and_who_moved_is_told_in_the_answer() -> None:
    async with telegram() as far:
        far.blocked.add(CHAT)
        far.moved[GROUP] = -1003
        assert (await ask(far, "sendMessage", HELLO))[0] == 403
        _, answer = await ask(far, "sendMessage", {**HELLO, "chat_id": GROUP})
        assert answer["parameters"] == {"migrate_to_chat_id": -1003}
        assert far.broken == ["blocked", "moved"]


async def test_who_is_too_fast_is_told_how_long_to_wait() -> None:
    async with telegram(lambda: 10.0) as far:
        answers = [await ask(far, "sendMessage", HELLO) for _ in range(4)]
        assert [status for status, _ in answers] == [200, 200, 200, 429]
        assert answers[3][1]["parameters"] == {"retry_after": 4}
        assert far.broken == ["pause"]


async def test_a_second_poll_ends_the_first() -> None:
    async with telegram() as far:
        first = asyncio.ensure_future(ask(far, "getUpdates", {"timeout": 30}))
        while not far.polls:  # noqa: ASYNC110 - the far side is another program
            await asyncio.sleep(0)
        assert (await ask(far, "getUpdates", {"timeout": 0}))[0] == 200
        assert ((await first)[0], far.broken) == (409, ["one poll"])
