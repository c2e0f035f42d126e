"""What became of a thread's time, by the accounts of the system and by accounts that are given."""

import sys
import threading
import time

import pytest

from spyoncino.core import thread_times as subject
from spyoncino.core.thread_times import ThreadTimes, own_ns, thread_times

MS = 1_000_000
NOTHING = ThreadTimes(0, 0, 0)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="an account of Linux")


@pytest.mark.parametrize(
    ("after", "own_ms"),
    [
        (ThreadTimes(100 * MS, 0, 0), 100),
        (ThreadTimes(0, 100 * MS, 1), 0),
        (ThreadTimes(20 * MS, 80 * MS, 9), 20),
        (ThreadTimes(0, 0, 1), 95),
        (ThreadTimes(0, 0, 20), 0),
        (ThreadTimes(60 * MS, 0, 20), 60),
        (ThreadTimes(0, 130 * MS, 1), 0),
        (ThreadTimes(10 * MS, 5 * MS, 0), 10),
        (ThreadTimes(30 * MS, None, 0), 30),
    ],
    ids=[
        "computes",
        "is not let run",
        "computes and is not let run",
        "sleeps",
        "waits for the interpreter's lock",
        "computes and waits for the lock",
        "accounts that run ahead of the clock",
        "nobody took it: the machine stood still",
        "the system does not tell",
    ],
)
def test_only_what_a_thread_did_itself_is_its_own(after: ThreadTimes, own_ms: int) -> None:
    assert sys.getswitchinterval() == 0.005
    assert own_ns(100 * MS, NOTHING, after) == own_ms * MS


@needs_linux
def test_a_sleep_is_one_wait_and_neither_computing_nor_queueing() -> None:
    before = thread_times()
    time.sleep(0.02)
    after = thread_times()
    assert after.waits > before.waits
    assert after.queued_ns is not None


@needs_linux
def test_each_thread_has_its_own_accounts() -> None:
    others: list[ThreadTimes] = []
    until_ns = time.thread_time_ns() + 30 * MS
    while time.thread_time_ns() < until_ns:
        pass
    thread = threading.Thread(target=lambda: others.append(thread_times()))
    thread.start()
    thread.join()
    assert thread_times().busy_ns - others[0].busy_ns >= 20 * MS


@pytest.mark.parametrize("content", [None, "", "1 x 2"])
def test_a_system_without_the_account_is_no_error(
    content: str | None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = tmp_path_factory.mktemp("proc") / "schedstat"
    if content is not None:
        account.write_text(content)
    monkeypatch.setattr(subject, "_ACCOUNT", str(account))
    times = thread_times()
    assert times.queued_ns is None
    assert times.busy_ns > 0
