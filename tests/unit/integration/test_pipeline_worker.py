"""The worker base: it subscribes, counts, tidies up, and is stopped when its start fails."""

import queue
from collections.abc import Iterator

import pytest
from tests.fixtures.bus_ear import press

from spyoncino.core.message import Message
from spyoncino.errors import UsageError
from spyoncino.integration import MessageBus, PipelineWorker

WAIT_S = 10.0


class Doorman(PipelineWorker):
    """Refuses to answer a press by "nobody"."""

    def _initialize_worker(self) -> None:
        self.seen: queue.Queue[str] = queue.Queue()
        self.steps = ["initialized"]

    def _setup_subscriptions(self) -> None:
        self.listen("doorbell_pressed", self.on_press)
        if self.config.get("is_broken"):
            raise ValueError("no second topic")

    def _cleanup_worker(self) -> None:
        self.steps.append("cleaned up")

    def on_press(self, message: Message) -> None:
        method = message.payload.method
        if method == "nobody":
            raise ValueError("nobody is there")
        self.seen.put(method)


@pytest.fixture
def bus() -> Iterator[MessageBus]:
    with MessageBus() as running:
        yield running


def test_it_counts_what_its_handlers_do(bus: MessageBus) -> None:
    worker = Doorman(bus, worker_id="doorman")
    worker.start()
    for method in ("nobody", "gpio"):
        bus.publish("doorbell_pressed", press(method))
    assert worker.seen.get(timeout=WAIT_S) == "gpio"
    worker.stop()  # returns when its handler is done
    metrics = worker.get_metrics()
    assert (metrics["processed_count"], metrics["error_count"]) == (1, 1)
    assert metrics["error_rate"] == 0.5
    assert (metrics["worker_id"], metrics["running"], metrics["uptime"]) == ("doorman", False, 0.0)
    assert worker.steps == ["initialized", "cleaned up"]


def test_stopped_it_hears_nothing_and_may_be_started_again(bus: MessageBus) -> None:
    worker = Doorman(bus)
    worker.start()
    with pytest.raises(UsageError, match='"Doorman" runs already'):
        worker.start()
    worker.stop()
    worker.stop()
    bus.publish("doorbell_pressed", press("gpio"))
    assert worker.processed_count == 0
    worker.start()
    bus.publish("doorbell_pressed", press("again"))
    assert worker.seen.get(timeout=WAIT_S) == "again"
    worker.stop()


def test_a_start_that_fails_leaves_nothing_behind(bus: MessageBus) -> None:
    worker = Doorman(bus, {"is_broken": True})
    with pytest.raises(ValueError, match="no second topic"):
        worker.start()
    assert not worker.running
    assert worker.steps == ["initialized", "cleaned up"]
    assert not bus.unsubscribe("doorbell_pressed", "Doorman")
