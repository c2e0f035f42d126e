"""The far sides of all channels on this machine, behind gates that can fail, in a thread."""

import asyncio
import json
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fixtures.mail_stand_in import PASSWORD as MAIL_PASSWORD  # noqa: E402 - the path first
from tests.fixtures.mail_stand_in import USER as MAIL_USER  # noqa: E402
from tests.fixtures.mail_stand_in import Postman, postman  # noqa: E402
from tests.fixtures.mosquitto_broker import Ear, Mosquitto, mosquitto  # noqa: E402
from tests.fixtures.rtsp_camera import free_port  # noqa: E402
from tests.fixtures.telegram_stand_in import CHAT, TOKEN, Telegram, telegram  # noqa: E402
from tests.fixtures.webhook_stand_in import Receiver, receiver  # noqa: E402

from spyoncino.modules.output.telegram import PERHAPS_TWICE  # noqa: E402

SECRET = "hmac-s3cret-of-the-house"  # noqa: S105 - of a stand-in

CHANNELS = ("webhook", "email", "telegram", "mqtt")
FAULTS = ("down", "slow", "dropping", "storm")
VISIT, OVER = re.compile(r"visit (\d+)"), re.compile(r"visit (\d+) over")
MAILS = 3
"""Of a visit: that it rang, who it is, and that it is over with its clip."""

TICK_S = 0.02
STORM = 40
"""Refusals that wait for the next requests while a storm lasts; taken away at its end."""


@dataclass
class Gate:
    """A way to one far side; everything goes through it.

    Args:
        port: Of the far side.
        slow_s: How late it answers while it is slow.
        drop_share: Share of what a client says that breaks the connection while it drops.
    """

    port: int
    slow_s: float
    drop_share: float
    fault: str = ""
    own_port: int = field(default_factory=free_port)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.own_port)

    async def close(self) -> None:
        """Refuse, and break what is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._open):
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=self.slow_s + 1)

    async def fail(self, fault: str) -> None:
        """Be as the fault says from now on; empty: well."""
        was, self.fault = self.fault, fault
        if fault == "down":
            await self.close()
        elif was == "down":
            await self.open()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        far_writer = None
        self._open.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
            self._open.add(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, far_writer, writer, is_answer=False))
                group.create_task(self._carry(far_reader, writer, writer, is_answer=True))
        except* OSError:
            pass
        finally:
            for each in (writer, far_writer):
                if each is not None:
                    self._open.discard(each)
                    each.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        *,
        is_answer: bool,
    ) -> None:
        while data := await reader.read(65_536):
            if self.fault == "slow" and is_answer:
                await asyncio.sleep(self.slow_s)
            if self.fault == "dropping" and self._chance.random() < self.drop_share / 2:
                client.transport.abort()  # half of what is dropped is a request, half an answer
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one end went: so does the other


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


class FarSides:
    """Webhook receiver, mail server, Bot API and MQTT broker; a context manager.

    Args:
        folder: For certificates and the broker.
        now_s: Wall time of the sender, which may be scaled.
        slow_s: How late a slow far side answers.
    """

    def __init__(self, folder: Path, now_s: Callable[[], float], slow_s: float = 1.5) -> None:
        self._folder = folder
        self._now_s = now_s
        self._slow_s = slow_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="far sides", daemon=True)
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._error: BaseException | None = None
        self.gates: dict[str, Gate] = {}
        self.webhook: Receiver
        self.post: Postman
        self.bot: Telegram
        self.broker: Mosquitto
        self.ear: Ear

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_ended: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._ready.set()
            self._loop.close()

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            self.webhook = await stack.enter_async_context(receiver(SECRET, self._now_s()))
            self.bot = await stack.enter_async_context(telegram(self._now_s))
            for name in ("mail", "broker"):
                (self._folder / name).mkdir()
            self.post = stack.enter_context(postman(self._folder / "mail"))
            self.broker = stack.enter_context(mosquitto(self._folder / "broker"))
            self.ear = stack.enter_context(Ear(self.broker))
            ports = {
                "webhook": (_port(self.webhook.url), 0.5),
                "email": (
                    self.post.port,
                    0.1,
                ),  # a dozen exchanges a mail: half of them get through
                "telegram": (_port(self.bot.url), 0.5),
                "mqtt": (self.broker.port, 0.3),
            }
            for channel, (port, share) in ports.items():
                self.gates[channel] = Gate(port, self._slow_s, share)
                await self.gates[channel].open()
                stack.push_async_callback(self.gates[channel].close)
            self._ready.set()
            while not self._over.is_set():
                self.webhook.now_s = self._now_s()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), TICK_S)

    # --- faults ----------------------------------------------------------------------------------

    def fail(self, channel: str, fault: str) -> None:
        """Let a far side be as the fault says; empty: well. Callable from any thread."""
        asyncio.run_coroutine_threadsafe(self._fail(channel, fault), self._loop).result(10)

    async def _fail(self, channel: str, fault: str) -> None:
        is_storm = fault == "storm"
        refusals: dict[str, tuple[Any, Any]] = {
            "webhook": (self.webhook.answers, (429, {"Retry-After": "1"})),
            "email": (self.post.answers, "451 4.7.1 too many mails, try later"),
            "telegram": (self.bot.faults, "429 1"),
        }
        if channel in refusals:
            waiting, refusal = refusals[channel]
            waiting.clear()
            waiting.extend([refusal] * (STORM * is_storm))
        elif is_storm:
            fault = "dropping"  # MQTT knows no such answer: a broker that has enough hangs up
        await self.gates[channel].fail("" if fault == "storm" else fault)

    # --- settings --------------------------------------------------------------------------------

    def settings(self, timeout_s: float) -> dict[str, dict[str, Any]]:
        """Sections of all channels, secrets in plain: they are of stand-ins."""
        common = {"enabled": True, "timeout_s": timeout_s}
        port = {channel: gate.own_port for channel, gate in self.gates.items()}
        return {
            "webhook": {
                **common,
                "url": f"http://127.0.0.1:{port['webhook']}/hook",
                "secret": SECRET,
            },
            "email": {
                **common,
                "host": "localhost",
                "port": port["email"],
                "user": MAIL_USER,
                "password": MAIL_PASSWORD,
                "certificate_file": str(self.post.certificate),
                "sender": "house@example.org",
                "to": ["ann@example.org"],
            },
            "telegram": {
                **common,
                "token": TOKEN,
                "api_url": f"http://127.0.0.1:{port['telegram']}",
                "chats": [{"id": CHAT, "role": "admin"}],
                "console": False,
            },
            "mqtt": {**self.broker.settings, **common, "port": port["mqtt"]},
        }

    # --- what arrived ----------------------------------------------------------------------------

    def judged(self) -> dict[str, Verdict]:
        """What each far side has, of events whose text is ``visit NUMBER over`` at their end."""
        bodies = [_text(mail) for mail in self.post.mails]
        ids = [str(mail["Message-ID"]) for mail in self.post.mails]
        mails = Counter(each.partition(".")[0] for each in set(ids))
        heard = [
            json.loads(payload)
            for topic, payload in list(self.ear.heard)
            if topic.startswith("spyoncino/events/") and payload
        ]
        shown = self.bot.messages()
        told: dict[str, list[bool]] = {}
        for each in sorted(shown, key=lambda one: one.message_id):
            for visit in VISIT.findall(each.text)[:1]:
                told.setdefault(visit, []).append(PERHAPS_TWICE in each.first)
        return {
            "webhook": Verdict(
                _final(
                    each["text"] for each in self.webhook.documents.values() if each["is_final"]
                ),
                self.webhook.repetitions,
                0,
                self.webhook.requests,
            ),
            "email": Verdict(
                _final(
                    body
                    for body, mail in zip(bodies, self.post.mails, strict=True)
                    if list(mail.iter_attachments())
                ),
                len(ids) - len(set(ids)),
                sum(count - MAILS for count in mails.values() if count > MAILS),
                len(ids),
            ),
            "telegram": Verdict(
                _final(each.text for each in shown if each.media == "video"),
                0,
                sum(map(len, told.values())) - len(told),
                len(shown),
                sum(not is_said for visit in told.values() for is_said in visit[1:]),
                sum(visit[0] for visit in told.values()),
            ),
            "mqtt": Verdict(
                _final(each["text"] for each in heard if each["is_final"]),
                len(heard) - len({each["delivery_id"] for each in heard}),
                0,
                len(heard),
            ),
        }


def _final(texts: Iterable[str]) -> set[int]:
    return {int(found[1]) for text in texts if (found := OVER.search(text))}


def _text(mail: Any) -> str:
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())


def _port(url: str) -> int:
    return int(url.split(":")[2].split("/", maxsplit=1)[0])


class ScaledClock:
    """Time that runs faster than it does, the same in every process that knows its origin.

    Args:
        scale: Seconds of it in a second.
        origin_s: Seconds since 1970 at which both clocks show the same.
    """

    def __init__(self, scale: float, origin_s: float) -> None:
        self.scale = scale
        self.origin_s = origin_s

    def now_s(self) -> float:
        """Seconds since 1970, as this clock has it."""
        return self.origin_s + (time.time() - self.origin_s) * self.scale
