"""A line when a message begins, a line when it is edited, and nothing else."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live
from tests.fixtures.payloads import EVENT_ID, event

from spyoncino.modules.output import terminal
from spyoncino.modules.output.terminal import LONGEST_LINE, TerminalModule, line_of
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.topics import NOTIFY_CONFIRMED, NOTIFY_FAILED, NOTIFY_QUEUED
from spyoncino.testing.harness import ModuleHarness

QUEUED = NOTIFY_QUEUED.of("terminal")


def alert(revision: int = 1, **changes: Any) -> AlertNotification:
    facts = {"title": "Somebody rang at door", "text": "Somebody rang at door, 12:03", **changes}
    facts.setdefault("event", event(presses=(1.0,)))
    return AlertNotification(event_ref=EVENT_ID, channel="terminal", revision=revision, **facts)


async def told(harness: ModuleHarness, *alerts: AlertNotification) -> None:
    """Feed each and wait until it was told."""
    for each in alerts:
        reports = NOTIFY_CONFIRMED.of("terminal")
        before = len(harness.received(reports))
        await harness.feed(QUEUED, each)
        while len(harness.received(reports)) == before:
            await harness.settle()


async def test_what_is_heard_once_more_is_a_line_even_if_it_reads_the_same(
    harness: ModuleHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    await harness.add(TerminalModule, enabled=True)
    await told(harness, alert(), alert(2, loud_revision=2), alert(3, loud_revision=2))
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["✉", "✉"]


async def test_a_message_is_a_line_and_each_edit_that_reads_otherwise_is_one_more(
    harness: ModuleHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    await harness.add(TerminalModule, enabled=True)
    at = f"{harness.clock.utc_now().astimezone():%H:%M}"
    await told(
        harness,
        alert(),
        alert(2, media=("a/snapshot.jpg",)),
        alert(3, media=("a/snapshot.jpg",)),
        alert(
            4,
            title="Livia rang at door",
            text="Livia rang at door, 12:03",
            media=("a/snapshot.jpg", "a/clip.mp4"),
            is_final=True,
        ),
    )
    assert capsys.readouterr().out.splitlines() == [
        f"{at} ✉ Somebody rang at door",
        f"{at} ✎ Somebody rang at door (picture)",
        f"{at} ✎ Livia rang at door (picture, clip, over)",
    ]


async def test_it_is_quiet_unless_it_is_wanted(
    harness: ModuleHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    module = await harness.add(TerminalModule)
    await harness.feed(QUEUED, alert())
    await harness.settle()
    assert capsys.readouterr().out == ""
    assert not module.is_outbound


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"text": "the cat sat there"}, "Somebody rang at door: the cat sat there"),
        ({"text": "It rang.", "event": event(story="It rang.")}, "Somebody rang at door"),
        ({"title": "", "text": "only words"}, "only words"),
        (
            {"title": "The house", "text": "door has no\n pictures", "event": None},
            "The house: door has no pictures",
        ),
        (
            {"title": "\x1b[2JAnn\r\x07 rang", "text": ""},
            "[2JAnn rang",
        ),
        ({"title": "x" * 999, "text": ""}, "x" * (LONGEST_LINE - 1) + "…"),
        ({"media": ("a.gif", "b.gif", "c.txt")}, "Somebody rang at door (preview)"),
    ],
)
def test_a_line_is_one_line_that_cannot_steer_the_terminal(
    changes: dict[str, Any], line: str
) -> None:
    assert line_of(alert(**changes)) == line


async def test_a_terminal_that_knows_no_envelope_gets_a_star(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    await harness.add(TerminalModule, enabled=True)
    await told(harness, alert(title="Zoë – at door", text=""))
    assert " * Zoë ? at door\n" in written.getvalue().decode("latin-1")


async def test_a_closed_standard_output_is_given_up_at_once(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    closed.close()
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdout=closed))  # the log has its own
    await harness.add(TerminalModule, enabled=True)
    await harness.feed(QUEUED, alert())
    while not (reports := harness.received(NOTIFY_FAILED.of("terminal"))):
        await harness.settle()
    assert "standard output takes no line" in reports[0].reason


async def test_a_live_table_is_drawn_anew_below_the_line(harness: ModuleHarness) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, width=80, force_terminal=True, color_system=None)
    await harness.add(TerminalModule, enabled=True)
    with Live("the table", console=console, auto_refresh=False):
        before = len(drawn.getvalue())
        await told(harness, alert())
        line = drawn.getvalue()[before:]
    # What stood there is erased first, and stands below the line afterwards.
    assert line.startswith("\r\x1b[2K")
    assert "✉ Somebody rang at door\nthe table" in line
