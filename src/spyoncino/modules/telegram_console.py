"""Obeys those who write to the bot: polls Telegram, checks who may what, asks the system.

What was sent before this run began, or long ago, is not obeyed: a house that was disarmed by
yesterday's message would be a surprise.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from spyoncino.alerts.restraint import end_of_mute
from spyoncino.clients.telegram import Post, TelegramClient
from spyoncino.clients.telegram_updates import Said, said
from spyoncino.core.context import ModuleContext
from spyoncino.errors import DeliveryError, DeliveryRefusedError, SpyoncinoError, UsageError
from spyoncino.modules.chores import Chores
from spyoncino.modules.telegram_answers import Answers
from spyoncino.modules.telegram_naming import Changed, Naming, asked_about
from spyoncino.modules.telegram_post import MUTE_S
from spyoncino.modules.telegram_settings import Role, TelegramSettings
from spyoncino.schemas.modes import Mode
from spyoncino.schemas.status import CameraStatus, HealthSummary

POLL_S: Final = 25.0
"""How long Telegram may wait with its answer until something happens."""

OBEYED_AT_ONCE: Final = 8
"""Orders in work; what comes meanwhile is not obeyed, and counted."""

OLDEST_S: Final = 120.0
"""An order that was sent longer ago is not obeyed."""

STRANGERS_KEPT: Final = 64
"""Chats of which it is remembered that the log has named them."""

Mute = Callable[[str, float], Awaitable[None]]
Posts = Post | tuple[Post, ...]

COMMANDS: Final[dict[str, tuple[Role, str]]] = {
    "status": (Role.VIEWER, "How the system and the cameras are"),
    "events": (Role.VIEWER, "What happened last"),
    "who": (Role.VIEWER, "Who was there in the last 24 hours"),
    "snapshot": (Role.VIEWER, "A picture of now: /snapshot [camera]"),
    "clip": (Role.VIEWER, "The video of an event: /clip [event]"),
    "mute": (Role.MEMBER, "Tell nothing of a camera: /mute [camera] [1h|off]"),
    "arm": (Role.ADMIN, "Nobody is at home: /arm [away|night]"),
    "disarm": (Role.ADMIN, "Somebody is at home"),
    "help": (Role.VIEWER, "What you can ask"),
}
"""Name to who may use it and what it does."""

VERBS: Final = {
    "live": "snapshot {}",
    "mute": "mute {} 1h",
    "mode": "mode {}",
    "name": "name {}",
    "is": "is {}",
    "new": "new {}",
}
"""What a button says before the colon, and the command that it stands for."""

CALLED: Final = "called"
"""The command that an answer to a question about a face stands for."""

UNLISTED: Final = {
    "mode": Role.ADMIN,
    "name": Role.MEMBER,
    "is": Role.MEMBER,
    "new": Role.MEMBER,
    CALLED: Role.MEMBER,
}
"""What only buttons and answers say, and who may."""


class TelegramConsole:
    """The way back from Telegram.

    Args:
        context: Of the module that owns it.
        client: Its connection.
        settings: As they are now.
        mute: Has a camera muted for so many seconds.
        changed: Tells of a change of the gallery.
    """

    def __init__(
        self,
        context: ModuleContext,
        client: TelegramClient,
        settings: Callable[[], TelegramSettings],
        mute: Mute,
        changed: Changed,
    ) -> None:
        self._context = context
        self._client = client
        self._settings = settings
        self._mute = mute
        self._answers = Answers(context)
        self._naming = Naming(context, changed)
        self._chores = Chores(context.log)
        self._strangers: set[int] = set()
        self._counts = dict.fromkeys(("obeyed", "refused", "stale", "unknown_chats"), 0)
        self.problem = ""
        self.summary: HealthSummary | None = None
        self.cameras: dict[str, CameraStatus] = {}

    @property
    def numbers(self) -> dict[str, float]:
        """How often it was asked, and how often not obeyed."""
        return {name: float(count) for name, count in self._counts.items()}

    async def close(self) -> None:
        """Give up what is being answered."""
        await self._chores.cancel()

    # --- asking Telegram -------------------------------------------------------------------------

    async def run(self) -> None:
        """Take what people write, until it is cancelled."""
        offset: int | None = None
        failures = 0
        while True:
            begun_ns = self._context.clock.monotonic_ns()
            try:
                if offset is None:
                    offset = await self._begin()
                updates = await self._client.updates(offset, POLL_S)
            except DeliveryError as error:
                failures += 1
                await self._wait_after(error, failures)
                continue
            failures, self.problem = 0, ""
            for update in updates:
                offset = max(offset, int(update.get("update_id", 0)) + 1)
                self._take(said(update))
            waited_ns = self._context.clock.monotonic_ns() - begun_ns
            if not updates and waited_ns < 1_000_000_000:  # it does not wait: do not storm it
                await self._context.clock.sleep(1.0)

    async def _begin(self) -> int:
        """Have Telegram forget what was sent before now, and offer the commands."""
        last = await self._client.updates(-1, 0.0)
        self._counts["stale"] += len(last)
        for chat in self._settings().chats:
            allowed = {name: text for name, (role, text) in COMMANDS.items() if chat.rank >= role}
            try:
                await self._client.set_commands(chat.id, allowed)
            except DeliveryError as error:
                self._context.log.info("commands are not offered", chat=chat.id, why=str(error))
        return max((int(each.get("update_id", 0)) + 1 for each in last), default=0)

    async def _wait_after(self, error: DeliveryError, failures: int) -> None:
        settings = self._settings()
        self.problem = f"no orders by Telegram: {error}"
        if failures == 1:
            self._context.log.warning("no orders by Telegram", why=str(error))
        doubled_s = settings.first_retry_s * 2 ** min(failures - 1, 16)
        pause_s = min(settings.longest_retry_s, doubled_s)
        if isinstance(error, DeliveryRefusedError):
            pause_s = settings.longest_retry_s
        await self._context.clock.sleep(error.retry_after_s or pause_s)

    # --- who may what ----------------------------------------------------------------------------

    def _take(self, what: Said | None) -> None:
        if what is None:
            return
        chat = self._settings().chat(what.chat_id)
        if chat is None:
            self._ignore(what)
        elif len(self._chores) >= OBEYED_AT_ONCE:
            self._counts["refused"] += 1
            if what.query_id and len(self._chores) < 2 * OBEYED_AT_ONCE:
                self._chores.start(self._say_busy(what.query_id), "a telegram press")
        else:
            self._chores.start(self._obey(what, chat.rank), "a telegram order")

    def _ignore(self, what: Said) -> None:
        """Strangers get nothing; the log names them once, so that their number can be set."""
        self._counts["unknown_chats"] += 1
        if what.chat_id in self._strangers or len(self._strangers) >= STRANGERS_KEPT:
            return
        self._strangers.add(what.chat_id)
        self._context.log.warning(
            "a chat that is not in telegram.chats wrote to the bot, it got no answer",
            chat=what.chat_id,
            type=what.chat_type,
        )

    async def _say_busy(self, query_id: str) -> None:
        """A button shows that it works until its press is answered ("CallbackQuery")."""
        with suppress(DeliveryError):
            await self._client.answer_button(query_id, "Too much at once; press again.")

    async def _obey(self, what: Said, rank: Role) -> None:
        try:
            words = await self._words(what)
            if not words:
                return
            posts = await self._answered(words, rank)
        except (DeliveryError, UsageError) as error:
            self._counts["refused"] += 1
            posts = Post("", str(error))
        except SpyoncinoError as error:
            posts = Post("", f"That did not work: {error}")
        try:
            for post in [posts] if isinstance(posts, Post) else posts:
                await self._client.send(what.chat_id, post)
        except DeliveryError as error:
            self._context.log.warning("an answer got lost", chat=what.chat_id, why=str(error))

    async def _words(self, what: Said) -> list[str]:
        """The command with its arguments; empty where there is nothing to obey."""
        if what.query_id:
            try:
                await self._client.answer_button(what.query_id)
            except DeliveryError:  # Telegram keeps presses for a short time only
                self._counts["stale"] += 1
                return []
            verb, _, argument = what.text.partition(":")
            return VERBS[verb].format(argument).split() if verb in VERBS else []
        command, *arguments = what.text.split() or [""]
        face = asked_about(what.quoted)
        if not command.startswith("/"):
            if not face:
                return []
            command, arguments = f"/{CALLED}", [face, *what.text.split()]
        age_s = self._context.clock.utc_now().timestamp() - (what.sent_s or 0.0)
        if age_s > OLDEST_S:
            self._counts["stale"] += 1
            meant = "The name" if command == f"/{CALLED}" else command
            raise UsageError(
                f"{meant} was sent {age_s / 60:.0f} min ago and is not obeyed any more; send it "
                "again"
            )
        return [command[1:].partition("@")[0].lower(), *arguments]

    async def _answered(self, words: list[str], rank: Role) -> Posts:
        name, *arguments = words
        if name in UNLISTED:
            needed = UNLISTED[name]
        elif name in COMMANDS:
            needed = COMMANDS[name][0]
        else:
            needed, name = Role.VIEWER, "help"
        if rank < needed:
            raise UsageError(f"Only {needed.name.lower()}s may do that.")
        self._counts["obeyed"] += 1
        return await self._do(name, arguments, rank)

    def _do(self, name: str, arguments: list[str], rank: Role) -> Awaitable[Posts]:
        first = arguments[0] if arguments else ""
        answers, naming = self._answers, self._naming
        face, _, person = first.partition(":")
        obey: dict[str, Callable[[], Awaitable[Posts]]] = {
            "status": lambda: answers.status(self.summary, self.cameras),
            "events": answers.events,
            "who": answers.who,
            "snapshot": lambda: answers.snapshot(first),
            "clip": lambda: answers.clip(first),
            "mute": lambda: self._muted(arguments),
            "arm": lambda: answers.change_mode(_mode(first or "away", Mode.AWAY, Mode.NIGHT)),
            "disarm": lambda: answers.change_mode(Mode.HOME),
            "mode": lambda: answers.change_mode(_mode(first, Mode.AWAY, Mode.HOME)),
            "name": lambda: naming.ask(first),
            "is": lambda: naming.choose(face, person),
            "new": lambda: naming.ask_name(first),
            CALLED: lambda: naming.call(first, " ".join(arguments[1:])),
            "help": lambda: self._help(rank),
        }
        return obey[name]()

    async def _help(self, rank: Role) -> Post:
        allowed = [f"/{name} – {text}" for name, (role, text) in COMMANDS.items() if rank >= role]
        return Post("", "\n".join(allowed))

    async def _muted(self, arguments: list[str]) -> Post:
        cameras = [each for each in arguments if each in self._context.cameras]
        times = [each for each in arguments if each not in self._context.cameras]
        for_s = _seconds(times[0]) if times else MUTE_S
        chosen = cameras or list(self._context.cameras)
        for camera in chosen:
            await self._mute(camera, for_s)
        names = ", ".join(chosen) or "no camera"
        until = end_of_mute(self._answers.local_after(for_s), self._answers.local_after(0))
        return Post("", f"{names}: muted until {until}" if for_s else f"{names}: not muted")


def _mode(name: str, *allowed: Mode) -> Mode:
    for mode in allowed:
        if mode.value == name.lower():
            return mode
    raise UsageError(f"{name!r} is none of: {', '.join(allowed)}")


def _seconds(text: str) -> float:
    """The length of a mute: 30m, 1h, 2d, or off."""
    if text.lower() == "off":
        return 0.0
    unit_s = {"m": 60.0, "h": 3600.0, "d": 86_400.0}.get(text[-1:].lower())
    if unit_s is None or not text[:-1].isdigit() or not 0 < int(text[:-1]) * unit_s <= 30 * 86_400:
        raise UsageError(f"{text!r} is neither a camera nor a time such as 30m, 1h, 2d or off")
    return int(text[:-1]) * unit_s
