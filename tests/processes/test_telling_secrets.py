"""No secret of any channel comes out of a running system, while its far sides fail and refuse."""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.conftest import ROOT
from tests.fixtures.programs import Records, Running, command, sim, write_config
from tests.fixtures.rtsp_camera import free_port

sys.path.insert(0, str(ROOT / "benchmarks"))

from spyoncino.clients import apprise_service
from spyoncino.clients.push_subscription import packed
from telling_far import CHANNELS, FarSides

pytestmark = [
    pytest.mark.slow,
    pytest.mark.processes,
    pytest.mark.timeout(300),  # it waits for a whole house, then for five more programs
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated"),
]

SECRETS = {
    "SPYONCINO_WEBHOOK__SECRET": "hm4c-of-the-house",
    "SPYONCINO_EMAIL__PASSWORD": "m4il-of-the-house",
    "SPYONCINO_TELEGRAM__TOKEN": "987654:b0t-of-the-house",
    "SPYONCINO_MQTT__PASSWORD": "br0ker-of-the-house",
    "SPYONCINO_WEB_PUSH__PRIVATE_KEY": packed(b"pr1vate-key-of-the-house-of-ours"),
}
SHORT_KEY = "sh0rt-of-the-house"
URL_KEY, BEAT_KEY, TOPIC = "k3y-in-the-address", "b3at-of-the-house", "t0pic-of-the-house"
WORDS = (*(text.split(":")[-1] for text in SECRETS.values()), URL_KEY, BEAT_KEY, TOPIC, SHORT_KEY)
PUSH_CONTACT = "mailto:ann@example.org"
PATIENCE_S = 150.0
"""Longest wait for one thing: with a load of 20 the house takes more than 30 s to start."""

OPENAPI = "api/v1/openapi.json"
PAGES = ("", "metrics", OPENAPI)
REFUSED = {("webhook",), ("email",), ("telegram",)}
"""Who says that it will never do; a broker may let this user in tomorrow."""

ALL = {*CHANNELS, *(["apprise"] if apprise_service.is_installed() else [])}
WRONG = {
    "SPYONCINO_WEBHOOK__URL": f"http://example.org/hook?key={URL_KEY}",
    "SPYONCINO_TELEGRAM__TOKEN": "b0t-of-the-house without a number",
    "SPYONCINO_DEAD_MAN__HEARTBEAT_URL": f"http://example.org/{BEAT_KEY}",
    "SPYONCINO_APPRISE__SERVICES__PHONE": f"json://example.org/{TOPIC}",
    "SPYONCINO_WEB_PUSH__PRIVATE_KEY": SHORT_KEY,
    "SPYONCINO_EMAIL__PASSWORD": "[m4il-of-the-house]",
}
"""Secrets that are no good: each is refused when the settings are read."""


def found_in(text: str) -> list[str]:
    return [word for word in WORDS if word in text]


def reasons(records: Records) -> dict[str, str]:
    rows = records.query("select channel, reason from deliveries where reason != ''")
    return dict(rows)


def house(folder: Path, far: FarSides) -> Path:
    """A configuration without any secret beside a file with all of them; none is right."""
    sections = far.settings(2.0)
    for section, key in (
        ("webhook", "secret"),
        ("email", "password"),
        ("telegram", "token"),
        ("mqtt", "password"),
    ):
        del sections[section][key]
    sections["web_push"] = {"enabled": True, "contact": PUSH_CONTACT}
    address = f"{sections['webhook'].pop('url')}?key={URL_KEY}"
    lines = {
        **SECRETS,
        "SPYONCINO_WEBHOOK__URL": address,
        "SPYONCINO_DEAD_MAN__HEARTBEAT_URL": f"http://127.0.0.1:{free_port()}/{BEAT_KEY}",
    }
    if "apprise" in ALL:
        sections["apprise"] = {"enabled": True, "timeout_s": 2.0}
        nobody = f"json://127.0.0.1:{free_port()}/{TOPIC}"
        lines["SPYONCINO_APPRISE__SERVICES__PHONE"] = nobody
    (folder / ".env").write_text("".join(f"{name}={text}\n" for name, text in lines.items()))
    (folder / ".env").chmod(0o600)
    return write_config(
        folder / "spyoncino.yaml",
        cameras={"door": sim()},
        log={"level": "debug"},
        pool={"workers": 1},
        events={"linger_s": 1},
        dead_man={"heartbeat_every_s": 30},
        **{name: {**section, "first_retry_s": 0.2} for name, section in sections.items()},
    )


def unreachable(program: Running, records: Records, far: FarSides) -> dict[str, str]:
    """Why each channel could not tell anybody while its far side was down; then all are well.

    Each comes back as soon as it has failed: pauses double, and one that went on failing until the
    slowest had failed too would not try again for as long as that took.
    """
    seen: dict[str, str] = {}

    def have_all_failed() -> bool:
        for channel, reason in reasons(records).items():
            if channel not in seen:
                seen[channel] = reason
                if channel in CHANNELS:
                    far.fail(channel, "")
        return set(seen) == ALL

    program.wait_for(have_all_failed, PATIENCE_S)
    return seen


def processes(program: Running) -> tuple[str, str]:
    """Command lines and environments of all its processes; one may end while it is asked."""
    lines, environments = [], []
    for each in (psutil.Process(program.process.pid), *program.children()):
        with suppress(psutil.NoSuchProcess):
            lines.append(" ".join(each.cmdline()))
            environments.append(str(each.environ()))
    return "\n".join(lines), "\n".join(environments)


def api(program: Running) -> str:
    """Everything that the page answers."""
    found = re.search(r"The page: (http://[^\s?#]+)", program.said())
    assert found is not None
    said = ""
    with urllib.request.urlopen(found.group(1) + OPENAPI) as answer:  # noqa: S310
        described = json.load(answer)
    gets = [path[1:] for path, verbs in described["paths"].items() if "get" in verbs]
    assert gets
    for path in (*PAGES, *(each for each in gets if "{" not in each and "live" not in each)):
        try:
            address = found.group(1) + path
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310
                said += answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            said += error.read().decode(errors="replace")
    return said


def test_secrets_are_in_no_log_error_report_answer_command_line_or_table(tmp_path: Path) -> None:
    with FarSides(tmp_path, time.time) as far:
        for channel in CHANNELS:
            far.fail(channel, "down")
        config, data = house(tmp_path, far), tmp_path / "data"
        records = Records(data)
        run = ("--data", data, "run", "--config", config)
        with Running(tmp_path / "log", *run, cwd=tmp_path) as program:
            program.wait_for_line(r"The page: http://\S+", PATIENCE_S)
            why = unreachable(program, records, far)
            refused = "select distinct channel from deliveries where state = 'failed'"
            program.wait_for(lambda: {*records.query(refused)} == REFUSED, PATIENCE_S)
            lines, environments = processes(program)
            answers = api(program)
            shown = [
                command("--data", data, *words, cwd=tmp_path)
                for words in (
                    ("config", "show"),
                    ("config", "check"),
                    ("config", "history"),
                    ("doctor",),
                )
            ]
            tables = json.dumps(records.query("select * from deliveries"))
            said = program.said()
        places = {
            "log": said,
            "reasons": f"{why} {reasons(records)}",
            "command lines": lines,
            "answers of the page": answers,
            "environments": environments,
            "commands": "".join(each.out + each.err for each in shown),
            "deliveries": tables,
        }
        for path in data.rglob("*"):
            if path.is_file() and not path.is_symlink():
                places[str(path)] = path.read_bytes().decode("latin-1")
    assert {place: words for place, text in places.items() if (words := found_in(text))} == {}
    assert "url:" in shown[0].out, shown[0].err
    assert "door" in answers
    assert "run" in lines


def test_secrets_that_are_refused_are_not_repeated_in_the_refusal(tmp_path: Path) -> None:
    wrong = {
        name: text for name, text in WRONG.items() if "APPRISE" not in name or "apprise" in ALL
    }
    (tmp_path / ".env").write_text("".join(f"{name}={text}\n" for name, text in wrong.items()))
    write_config(
        tmp_path / "spyoncino.yaml",
        cameras={"door": sim()},
        webhook={"enabled": True},
        telegram={"enabled": True, "chats": [{"id": 1}]},
        email={"enabled": True},
        web_push={"enabled": True, "contact": PUSH_CONTACT},
        apprise={"enabled": "apprise" in ALL},
    )
    for words in (("config", "check"), ("--debug", "run")):
        done = command("--data", tmp_path / "data", *words, cwd=tmp_path)
        assert done.code != 0
        said = done.out + done.err
        assert [name for name in wrong if name.split("_")[1].lower() not in said] == []
        assert found_in(said) == []
