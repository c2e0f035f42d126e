"""Tells in the terminal of ``run``: a line for what a telephone makes heard, and one for an edit.

What a telephone would show, for whoever tries the rules without one. Nothing leaves this machine.
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from spyoncino.errors import DeliveryRefusedError
from spyoncino.modules.delivery import DeliveryModule, Receipt
from spyoncino.modules.delivery_settings import DeliverySettings
from spyoncino.persistence.deliveries import Delivery
from spyoncino.schemas.alerts import AlertNotification

TARGET: Final = "terminal"

BEGINS, EDITS = "✉", "✎"
PLAIN: Final = {BEGINS: "*", EDITS: "~"}
"""Instead of them where the terminal's encoding has none."""

LONGEST_LINE: Final = 300
"""Characters; a template of one's own may make a novel."""

_FILES: Final = {".jpg": "picture", ".gif": "preview", ".mp4": "clip"}


class TerminalSettings(DeliverySettings):
    """Section ``terminal``: messages as lines in the terminal of ``run``, or in its log."""


class TerminalModule(DeliveryModule[TerminalSettings]):
    """Writes to standard output, above the live table where there is one."""

    name = "output.terminal"
    section = "terminal"
    channel = "terminal"
    settings_model = TerminalSettings
    is_outbound = False

    def targets(self, alert: AlertNotification) -> Sequence[str]:
        """There is one terminal."""
        del alert
        return (TARGET,)

    async def tell(self, delivery: Delivery) -> Receipt:
        """Write a line; an edit that reads like the one before is no news and writes none.

        Raises:
            DeliveryRefusedError: Standard output is closed: it does not open again.
        """
        words = line_of(delivery.alert)
        digest = hashlib.sha256(words.encode()).hexdigest()[:12]
        if delivery.is_loud or digest != delivery.remote_id:
            at = self.context.clock.utc_now().astimezone()
            _write(f"{at:%H:%M}", BEGINS if delivery.is_loud else EDITS, words)
        return Receipt(digest, is_confirmed=True)


def line_of(alert: AlertNotification) -> str:
    """What one line says of a message: its title, its text where that says more, what is attached.

    Control characters are left out: a name must not be able to steer the terminal.
    """
    words, event = alert.title or alert.text, alert.event
    is_own = event is None or alert.text != event.story  # the story says what the title does
    if alert.title and alert.text and is_own and not alert.text.startswith(alert.title):
        words = f"{alert.title}: {alert.text}"
    words = "".join(each if each.isprintable() else " " for each in words)
    words = " ".join(words.split())
    if len(words) > LONGEST_LINE:
        words = f"{words[: LONGEST_LINE - 1]}…"
    files = (_FILES.get(PurePath(path).suffix, "") for path in alert.media)
    facts = [*dict.fromkeys(file for file in files if file)]
    if alert.is_final and event is not None:
        facts.append("over")
    return f"{words} ({', '.join(facts)})" if facts else words


def _write(at: str, mark: str, words: str) -> None:
    # Through sys.stdout and no console of its own: a live table catches what is written there and
    # draws itself anew below. It blocks as long as the terminal does, which is what the log does.
    out = sys.stdout
    encoding = out.encoding or "utf-8"
    try:
        mark.encode(encoding)
    except UnicodeEncodeError:
        mark = PLAIN[mark]
    line = f"{at} {mark} {words}\n".encode(encoding, "replace").decode(encoding)
    try:
        out.write(line)
        out.flush()
    except (OSError, ValueError) as error:
        raise DeliveryRefusedError(f"standard output takes no line ({error})") from error
