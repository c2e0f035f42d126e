"""Rung over HTTP and by command; ``kill -9`` in between: each accepted press is in one event."""

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from tests.fixtures.programs import RINGS_ALONE, Records, Running, command, sim, write_config

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]


def port(running: Running) -> str:
    found = re.findall(r"The page: http://127\.0\.0\.1:(\d+)", running.said())
    return found[-1] if found else ""


def ring_http(running: Running, press_id: str, doorbell: str = "front") -> tuple[int, str]:
    """Status and the id, or the sentence."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port(running)}/api/v1/doorbells/{doorbell}/press",
        json.dumps({"press_id": press_id}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - this machine
            return answer.status, json.load(answer)["event_id"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["detail"]


def presses_of(records: Records) -> Counter[str]:
    """Press to the number of event rows that have it."""
    rows = records.query("select data from events")
    return Counter(each for (text,) in rows for each in json.loads(text)["press_ids"])


def test_every_accepted_press_is_in_exactly_one_event_also_when_main_is_killed(
    tmp_path: Path,
) -> None:
    records = Records(tmp_path / "data")
    config = write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": sim(press_at_s=-1)},
        events=RINGS_ALONE,
        pool={"workers": 1},
    )
    arguments = ("--data", records.data, "run", "--config", config, "--show", "lines")
    nobody = command("--data", records.data, "ring")
    assert nobody.code == 1
    assert "start `spyoncino run`" in nobody.err

    accepted = []
    with Running(tmp_path / "first", *arguments) as running:
        running.wait_for(lambda: port(running) != "")
        status, sentence = ring_http(running, "visitor-0", "attic")
        assert (status, sentence) == (404, "There is no doorbell 'attic'; there is: front.")
        by_command = command("--data", records.data, "ring", "--json")
        assert by_command.code == 0, by_command.err
        accepted.append(by_command.objects[0]["event_id"])
        for number in range(20):
            status, press_id = ring_http(running, f"visitor-{number}")
            assert status == 202
            accepted.append(press_id)
        running.process.kill()
        running.wait()
    with Running(tmp_path / "second", *arguments) as running:
        running.wait_for(lambda: port(running) != "")
        status, _ = ring_http(running, "visitor-19")  # who got no answer rings again
        assert status == 202
        status, press_id = ring_http(running, "visitor-last")
        accepted.append(press_id)
        running.wait_for(lambda: set(accepted) <= presses_of(records).keys())
        running.interrupt()
        assert running.wait() == 0
    assert {press_id: presses_of(records)[press_id] for press_id in accepted} == dict.fromkeys(
        accepted, 1
    )
