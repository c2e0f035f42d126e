"""Messages are sent and edited within the rules; refusals say whether to try again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fixtures.telegram_stand_in import CHAT, GROUP, TOKEN, Telegram, telegram

from spyoncino.clients.telegram import (
    MAX_CAPTION,
    MAX_TEXT,
    Attachment,
    Button,
    Post,
    TelegramClient,
    clipped,
    listed,
)
from spyoncino.clients.telegram_errors import (
    ChatMovedError,
    MessageGoneError,
    TelegramUncertainError,
)
from spyoncino.clock import FakeClock
from spyoncino.errors import DeliveryError, DeliveryLaterError, DeliveryRefusedError

HELLO = Post("Ann <b>rang</b>", "at the door & waits")


@asynccontextmanager
async def talking(
    clock: FakeClock, token: str = TOKEN, timeout_s: float = 5.0
) -> AsyncIterator[tuple[Telegram, TelegramClient]]:
    async with (
        telegram(lambda: clock.monotonic_ns() / 1e9) as far,
        TelegramClient(token, far.url, timeout_s, clock) as client,
    ):
        yield far, client


def picture(tmp_path: Path, name: str = "snapshot.jpg", size_bytes: int = 9) -> Path:
    path = tmp_path / name
    path.write_bytes(bytes(size_bytes))
    return path


async def test_a_text_becomes_a_picture_then_a_video_in_the_same_message(
    clock: FakeClock, tmp_path: Path
) -> None:
    async with talking(clock) as (far, client):
        number = await client.send(CHAT, HELLO)
        photo = Attachment("photo", picture(tmp_path))
        await client.edit_media(CHAT, number, Post("Ann", "rang", photo))
        await clock.advance(3)
        await client.edit_words(CHAT, number, Post("Ann Lee", "rang"), has_media=True)
        await client.edit_media(
            CHAT, number, Post("Ann Lee", "left", Attachment("video", picture(tmp_path, "c.mp4")))
        )
        far.print_transcript()
        (shown,) = far.messages()
        assert (shown.text, shown.media, shown.edits) == ("Ann Lee\nleft", "video", 3)


async def test_what_looks_like_markup_is_shown_as_it_is(clock: FakeClock) -> None:
    async with talking(clock) as (far, client):
        await client.send(CHAT, Post("😀 <b>Ann</b>", "<a href='x'>&amp;</a>", is_silent=True))
        (shown,) = far.messages()
        assert shown.text == "😀 <b>Ann</b>\n<a href='x'>&amp;</a>"
        assert shown.entities == [{"type": "bold", "offset": 0, "length": 13}]
        assert shown.silent


async def test_long_words_and_buttons_that_do_not_fit_are_cut(
    clock: FakeClock, tmp_path: Path
) -> None:
    buttons = ((Button("fits", "x" * 64), Button("does not", "é" * 33)), (Button("no", "y" * 65),))
    async with talking(clock) as (far, client):
        await client.send(CHAT, Post("t" * 5000, "😀" * 5000, buttons=buttons))
        photo = Attachment("photo", picture(tmp_path))
        await client.send(CHAT, Post("", "😀" * 5000, photo))
        text, caption = far.messages()
        assert len(text.text.encode("utf-16-le")) // 2 in (MAX_TEXT, MAX_TEXT - 1)
        assert len(caption.text.encode("utf-16-le")) // 2 in (MAX_CAPTION, MAX_CAPTION - 1)
        assert [[each["text"] for each in row] for row in text.buttons] == [["fits"]]


async def test_an_edit_that_changes_nothing_is_a_success(clock: FakeClock) -> None:
    async with talking(clock) as (far, client):
        number = await client.send(CHAT, HELLO)
        await client.edit_words(CHAT, number, HELLO, has_media=False)
        assert far.messages()[0].edits == 0
        assert "message is not modified" in far.transcript[-1]


async def test_a_message_that_is_gone_says_so(clock: FakeClock) -> None:
    async with talking(clock) as (_, client):
        with pytest.raises(MessageGoneError, match="cannot be edited any more"):
            await client.edit_words(CHAT, 99, HELLO, has_media=False)


async def test_a_group_that_moved_tells_its_new_id(clock: FakeClock) -> None:
    async with talking(clock) as (far, client):
        far.moved[GROUP] = -100_2002
        with pytest.raises(ChatMovedError) as caught:
            await client.send(GROUP, HELLO)
        assert caught.value.chat_id == -100_2002


@pytest.mark.parametrize(
    ("chat_id", "fault", "words", "is_final"),
    [
        (CHAT, "500", "answered 500", False),
        (CHAT, "drop", "connection to Telegram broke", False),
        (CHAT, "429 7", "pause of 7 s", False),
        (CHAT, "409", "same token", False),
        (CHAT, "403", "may not write to this chat", True),
        (CHAT, "404", "does not know the token", True),
        (CHAT, "400", "Telegram refused", True),
        (5, "", "no such chat", True),
    ],
)
async def test_a_refusal_is_a_sentence_that_says_whether_to_try_again(
    clock: FakeClock, chat_id: int, fault: str, words: str, is_final: bool
) -> None:
    async with talking(clock) as (far, client):
        far.faults.extend([fault] if fault else [])
        with pytest.raises(DeliveryError, match=words) as caught:
            await client.send(chat_id, HELLO)
        assert isinstance(caught.value, DeliveryRefusedError) is is_final
        assert isinstance(caught.value, TelegramUncertainError) is (fault in ("500", "drop"))
        assert caught.value.__cause__ is None


async def test_after_429_the_chat_is_left_alone_and_others_are_not(clock: FakeClock) -> None:
    async with talking(clock) as (far, client):
        far.faults.append("429 7")
        for is_tried in (True, False):
            with pytest.raises(DeliveryError) as caught:
                await client.send(CHAT, HELLO)
            assert caught.value.retry_after_s == 7.0
            assert isinstance(caught.value, DeliveryLaterError) is not is_tried
        assert far.requests == 1
        await client.send(GROUP, HELLO)
        await clock.advance(7)
        await client.send(CHAT, HELLO)
        assert len(far.messages()) == 1


async def test_an_edit_that_the_pace_holds_back_stops_no_new_message(clock: FakeClock) -> None:
    async with talking(clock) as (far, client):
        number = await client.send(CHAT, HELLO)
        await client.edit_words(CHAT, number, Post("Ann", "1"), has_media=False)
        with pytest.raises(DeliveryLaterError, match="a pause of 3 s"):
            await client.edit_words(CHAT, number, Post("Ann", "2"), has_media=False)
        await client.send(CHAT, HELLO)
        assert len(far.messages()) == 2


async def test_a_hundred_messages_never_break_the_limit(clock: FakeClock) -> None:
    async with talking(clock) as (far, client):
        for _ in range(5):
            await client.send(GROUP, HELLO)
            await clock.advance(1.01)
        assert not any("429" in line for line in far.transcript)


async def test_the_token_is_in_no_error(clock: FakeClock) -> None:
    async with talking(clock, token="1:wr0ng") as (_, client):  # noqa: S106 - of a test
        with pytest.raises(DeliveryRefusedError, match=r"set telegram\.token") as caught:
            await client.send(CHAT, HELLO)
        assert "wr0ng" not in repr(caught.value)
    async with TelegramClient("1:hidden", "http://127.0.0.1:1", 5.0, clock) as client:
        with pytest.raises(DeliveryError, match="cannot be reached") as unreachable:
            await client.send(CHAT, HELLO)
    assert "hidden" not in repr(unreachable.value)
    assert unreachable.value.__suppress_context__


async def test_a_slow_answer_is_uncertain_and_a_closed_client_says_so(clock: FakeClock) -> None:
    async with talking(clock, timeout_s=0.05) as (far, client):
        far.delay_s = 1.0
        with pytest.raises(TelegramUncertainError, match="in time"):
            await client.send(CHAT, HELLO)
    with pytest.raises(DeliveryError, match="closed"):
        await client.send(CHAT, HELLO)


async def test_a_file_that_is_gone_is_refused(clock: FakeClock, tmp_path: Path) -> None:
    async with talking(clock) as (_, client):
        with pytest.raises(DeliveryRefusedError, match=r"gone\.jpg cannot be read"):
            await client.send(CHAT, Post("", "x", Attachment("photo", tmp_path / "gone.jpg")))


async def test_updates_are_handed_over_once(clock: FakeClock) -> None:
    async with talking(clock) as (far, client):
        far.say("/status")
        far.say("/who")
        (last,) = await client.updates(-1, 0)
        assert last["message"]["text"] == "/who"
        assert await client.updates(last["update_id"] + 1, 0) == []
        await client.answer_button("q", "x" * 300)
        await client.set_commands(CHAT, {"status": "How it is"})
        assert (far.answered, far.commands) == ([("q", "x" * 200)], {CHAT: ["status"]})
        with pytest.raises(DeliveryRefusedError, match="too old"):
            await client.answer_button("old")


def test_lists_and_texts_are_cut_at_whole_characters() -> None:
    assert clipped("😀😀", 3) == "😀…"
    assert clipped("short", 5) == "short"
    assert listed(["a" * 20, "b" * 20, "c"], room=70) == "a" * 20 + "\n… and 2 more"
