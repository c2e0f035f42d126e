"""Documents arrive signed and fresh; a refusal says whether to try again."""

from datetime import UTC, datetime

import pytest
from tests.fixtures.webhook_stand_in import receiver

from spyoncino.clients.webhook import WebhookClient, retry_after_s, signature
from spyoncino.errors import DeliveryError, DeliveryRefusedError

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


async def test_a_document_arrives_once_however_often_it_is_repeated() -> None:
    async with receiver("s3cret", NOW.timestamp()) as far:
        async with WebhookClient(far.url, "s3cret", 5.0) as client:
            for _ in range(3):
                await client.post({"text": "Ann – Grüße"}, "visit/1", NOW)
        assert far.documents == {"visit/1": {"text": "Ann – Grüße"}}
        assert far.requests == 3


async def test_another_secret_is_refused_for_good() -> None:
    async with receiver("s3cret", NOW.timestamp()) as far:
        async with WebhookClient(far.url, "guess", 5.0) as client:
            with pytest.raises(DeliveryRefusedError, match="answered 401 Unauthorized"):
                await client.post({}, "visit/1", NOW)
        assert far.refused == ["wrong signature"]


async def test_a_recorded_document_cannot_be_played_again_later() -> None:
    async with receiver("s3cret", NOW.timestamp() + 3600) as far:
        async with WebhookClient(far.url, "s3cret", 5.0) as client:
            with pytest.raises(DeliveryRefusedError):
                await client.post({}, "visit/1", NOW)
        assert far.refused == ["too old"]


@pytest.mark.parametrize(
    ("status", "headers", "is_final", "pause_s"),
    [
        (500, {}, False, None),
        (503, {"Retry-After": "120"}, False, 120.0),
        (429, {"Retry-After": "Mon, 04 May 2026 12:00:30 GMT"}, False, 30.0),
        (408, {}, False, None),
        (404, {}, True, None),
        (410, {}, True, None),
        (302, {"Location": "https://elsewhere.example"}, True, None),
        (599, {}, False, None),
    ],
)
async def test_an_answer_says_whether_to_try_again(
    status: int, headers: dict[str, str], is_final: bool, pause_s: float | None
) -> None:
    async with receiver("", NOW.timestamp()) as far:
        far.answers = [(status, headers)]
        async with WebhookClient(far.url, "", 5.0) as client:
            with pytest.raises(DeliveryError, match=str(status)) as caught:
                await client.post({}, "visit/1", NOW)
    assert isinstance(caught.value, DeliveryRefusedError) is is_final
    assert caught.value.retry_after_s == pause_s


async def test_nobody_at_the_address_is_told_without_the_address() -> None:
    async with WebhookClient("http://127.0.0.1:1/hook?key=hidden", "", 5.0) as client:
        with pytest.raises(DeliveryError, match="cannot be reached") as caught:
            await client.post({}, "visit/1", NOW)
    assert "hidden" not in str(caught.value)


async def test_a_closed_client_says_so() -> None:
    client = WebhookClient("http://127.0.0.1:1/", "", 5.0)
    with pytest.raises(DeliveryError, match="closed"):
        await client.post({}, "visit/1", NOW)


@pytest.mark.parametrize("header", [None, "soon", "-3", "²", "Mon, 99 May 2026"])
def test_a_pause_that_cannot_be_read_is_none(header: str | None) -> None:
    assert retry_after_s(header, NOW) is None


def test_a_moment_that_has_passed_asks_for_no_pause() -> None:
    assert retry_after_s("Mon, 04 May 2026 11:00:00 GMT", NOW) == 0.0


def test_the_signature_is_the_documented_one() -> None:
    # printf '1.{}' | openssl dgst -sha256 -hmac key
    wanted = "1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
    assert signature("key", "1", b"{}") == f"sha256={wanted}"
    assert signature("key", "2", b"{}") != f"sha256={wanted}"
