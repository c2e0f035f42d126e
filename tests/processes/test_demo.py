"""The demo on a terminal: what a telephone would show stands above the live table, and is timed."""

import os
import pty
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from tests.fixtures.programs import PROGRAM, Records, clean_environment, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

ABOVE_THE_TABLE = re.compile(r"\x1b\[2K(?:\x1b\[\d*[a-zA-Z]|\r)*\d\d:\d\d ✉ .* rang at door")
"""A line in the place of a table that was erased before."""

TOLD = """
select 1 from deliveries
where channel = 'terminal' and sent_revision = wanted_revision and alert like '%rang%'
"""
"""The message of the press is noted as told, after which it is said on the bus and timed."""


def test_a_press_is_a_line_above_the_table_and_its_time_is_told_at_the_end(
    tmp_path: Path,
) -> None:
    near, far = pty.openpty()
    records = Records(tmp_path / "demo")
    said = bytearray()

    def listen() -> None:
        try:
            while piece := os.read(near, 65_536):
                said.extend(piece)
        except OSError:  # the program and its terminal are gone
            return

    def text() -> str:
        return said.decode(errors="replace")

    program = subprocess.Popen(
        [*PROGRAM, "--data", str(tmp_path / "demo"), "demo", "--for", "90"],
        stdin=far,
        stdout=far,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**clean_environment(), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(far)
    listener = threading.Thread(target=listen)
    listener.start()
    try:
        wait_for(lambda: ABOVE_THE_TABLE.search(text()) is not None, 60.0, text)
        wait_for(lambda: bool(records.query(TOLD)), 30.0, text)
        program.send_signal(signal.SIGINT)
        assert program.wait(40) == 0, text()
    finally:
        if program.poll() is None:
            program.kill()
            program.wait(10)
        listener.join(10)
        os.close(near)
    end = text()
    assert re.search(r"The message was out \d+ ms after the press", end), end
    assert re.search(r"press -> message +p50 \d+ ms", end), end
