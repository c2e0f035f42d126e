"""The far sides of all channels on this machine, behind gates that can fail, in a thread."""

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fixtures.apprise_stand_in import TOKEN as NOTES_TOKEN  # noqa: E402 - the path first
from tests.fixtures.apprise_stand_in import Service, service  # noqa: E402
from tests.fixtures.mail_stand_in import PASSWORD as MAIL_PASSWORD  # noqa: E402
from tests.fixtures.mail_stand_in import USER as MAIL_USER  # noqa: E402
from tests.fixtures.mail_stand_in import Postman, postman  # noqa: E402
from tests.fixtures.mosquitto_broker import Ear, Mosquitto, mosquitto  # noqa: E402
from tests.fixtures.rtsp_camera import free_port  # noqa: E402
from tests.fixtures.telegram_stand_in import CHAT, TOKEN, Telegram, telegram  # noqa: E402
from tests.fixtures.web_push_stand_in import PushService, push_service  # noqa: E402
from tests.fixtures.webhook_stand_in import Receiver, receiver  # noqa: E402

from spyoncino.clients.push_subscription import packed  # noqa: E402
from spyoncino.clients.vapid_key import VapidKey  # noqa: E402
from telling_judged import (  # noqa: E402
    Verdict,
    of_bot,
    of_browser,
    of_documents,
    of_ear,
    of_mails,
    of_notes,
)

SECRET = "hmac-s3cret-of-the-house"  # noqa: S105 - of a stand-in

CHANNELS = ("webhook", "email", "telegram", "mqtt")
EVERY_CHANNEL = (*CHANNELS, "web_push", "apprise")
FAULTS = ("down", "slow", "dropping", "storm")
PUSH_KEY = packed(b"\7" * 32)
BROWSER = "phone"

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


class FarSides:
    """Receiver, mail server, Bot API, broker, push service and what Apprise speaks to.

    A context manager.

    Args:
        folder: For certificates and the broker.
        now_s: Wall time of the sender, which may be scaled.
        slow_s: How late a slow far side answers.
        channels: Whose far sides are behind gates, have settings and are judged.
    """

    def __init__(
        self,
        folder: Path,
        now_s: Callable[[], float],
        slow_s: float = 1.5,
        channels: Sequence[str] = CHANNELS,
    ) -> None:
        self.channels = channels
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
        self.push: PushService
        self.notes: Service

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
            ports = await self._stand(stack)
            for channel in self.channels:
                port, share = ports[channel]
                gate = self.gates[channel] = Gate(port, self._slow_s, share)
                await gate.open()
                stack.push_async_callback(gate.close)
            if "web_push" in self.gates:  # tokens are for the address that the browser gave
                self.push.origin = f"http://127.0.0.1:{self.gates['web_push'].own_port}"
                self.push.subscribe(BROWSER, VapidKey(PUSH_KEY).public_key)
            self._ready.set()
            while not self._over.is_set():
                self.webhook.now_s = self.push.now_s = self._now_s()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), TICK_S)

    async def _stand(self, stack: AsyncExitStack) -> dict[str, tuple[int, float]]:
        """Start all of them.

        Returns:
            Of each its port, and the share of what is said to it that breaks the connection.
        """
        self.webhook = await stack.enter_async_context(receiver(SECRET, self._now_s()))
        self.bot = await stack.enter_async_context(telegram(self._now_s))
        self.push = await stack.enter_async_context(push_service(self._now_s()))
        self.notes = await stack.enter_async_context(service())
        for name in ("mail", "broker"):
            (self._folder / name).mkdir()
        self.post = stack.enter_context(postman(self._folder / "mail"))
        self.broker = stack.enter_context(mosquitto(self._folder / "broker"))
        self.ear = stack.enter_context(Ear(self.broker))
        return {
            "webhook": (_port(self.webhook.url), 0.5),
            "email": (self.post.port, 0.1),  # a dozen exchanges a mail: half of them get through
            "telegram": (_port(self.bot.url), 0.5),
            "mqtt": (self.broker.port, 0.3),
            "web_push": (_port(self.push.origin), 0.5),
            "apprise": (_port(self.notes.url), 0.5),
        }

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
            "web_push": (self.push.answers, (429, {"Retry-After": "1"})),
            "apprise": (self.notes.answers, 429),
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
        port = {channel: gate.own_port for channel, gate in self.gates.items()}
        sections: dict[str, Callable[[], dict[str, Any]]] = {
            "webhook": lambda: {
                "url": f"http://127.0.0.1:{port['webhook']}/hook",
                "secret": SECRET,
            },
            "email": lambda: {
                "host": "localhost",
                "port": port["email"],
                "user": MAIL_USER,
                "password": MAIL_PASSWORD,
                "certificate_file": str(self.post.certificate),
                "sender": "house@example.org",
                "to": ["ann@example.org"],
            },
            "telegram": lambda: {
                "token": TOKEN,
                "api_url": f"http://127.0.0.1:{port['telegram']}",
                "chats": [{"id": CHAT, "role": "admin"}],
                "console": False,
            },
            "mqtt": lambda: {**self.broker.settings, "port": port["mqtt"]},
            "web_push": lambda: {"contact": "mailto:ann@example.org", "private_key": PUSH_KEY},
            "apprise": lambda: {
                "services": {"phone": f"json://127.0.0.1:{port['apprise']}/{NOTES_TOKEN}"}
            },
        }
        common = {"enabled": True, "timeout_s": timeout_s}
        return {channel: {**sections[channel](), **common} for channel in self.channels}

    # --- what arrived ----------------------------------------------------------------------------

    def judged(self) -> dict[str, Verdict]:
        """What each far side has, of events whose text is ``visit NUMBER over`` at their end."""
        verdicts: dict[str, Callable[[], Verdict]] = {
            "webhook": lambda: of_documents(self.webhook),
            "email": lambda: of_mails(self.post),
            "telegram": lambda: of_bot(self.bot),
            "mqtt": lambda: of_ear(self.ear),
            "web_push": lambda: of_browser(self.push.browsers[BROWSER]),
            "apprise": lambda: of_notes(self.notes),
        }
        return {channel: verdicts[channel]() for channel in self.channels}


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
