"""The envelope and its receipt."""

from spyoncino.core.message import Message, Receipt
from spyoncino.schemas.status import ErrorReport


def test_data_is_the_payload() -> None:
    payload = ErrorReport(component="door", error="no picture", error_type="SourceError")
    message = Message("status.error.door", payload, 7)
    assert message.data is payload
    assert message.published_ns == 7
    assert message.receipt is None


def test_repr_names_topic_and_payload() -> None:
    assert repr(Message("a.b", 5, 7)) == "Message('a.b', 5, published_ns=7)"


def test_receipt_tells_once_when_the_last_of_its_receivers_settles() -> None:
    told: list[str] = []
    receipt = Receipt(lambda: told.append("settled"), lambda _: None, 2)
    receipt.settle()
    assert told == []
    receipt.settle()
    assert told == ["settled"]
    receipt.settle()
    assert told == ["settled"]


def test_receipt_without_receivers_tells_at_once() -> None:
    told: list[str] = []
    Receipt(lambda: told.append("settled"), lambda _: None, 0)
    assert told == ["settled"]


def test_raising_callback_goes_to_the_error_handler() -> None:
    errors: list[Exception] = []

    def on_settled() -> None:
        raise KeyError("slot")

    Receipt(on_settled, errors.append, 1).settle()
    assert [type(error) for error in errors] == [KeyError]
