"""Messages as push services and browsers want them, against the specifications' own example."""

from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.web_push_stand_in import FarBrowser, PushService, decrypt, push_service, unpack

from spyoncino.clients.push_subscription import Subscription, packed
from spyoncino.clients.vapid_key import VapidKey
from spyoncino.clients.web_push import (
    MAX_BODY_BYTES,
    MAX_MESSAGE_BYTES,
    PushMessage,
    SubscriptionGoneError,
    WebPushClient,
    encrypted,
)
from spyoncino.errors import DeliveryError, DeliveryRefusedError

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = VapidKey(packed(b"\7" * 32))
CONTACT = "mailto:house@example.org"
MESSAGE = PushMessage(
    b'{"tag":"e1","revision":1,"title":"Ann rang","text":"","picture":""}',
    "topic-of-e1",
    60,
    "high",
)


def subscription(far: PushService, name: str = "phone") -> Subscription:
    told = far.subscription(name)
    return Subscription.parse(told["endpoint"], told["keys"]["p256dh"], told["keys"]["auth"])


async def push(far: PushService, message: PushMessage = MESSAGE, key: VapidKey = KEY) -> None:
    async with WebPushClient(key, CONTACT, 5.0) as client:
        await client.push(subscription(far), message, NOON)


def test_the_stand_in_reads_the_example_of_rfc_8291() -> None:
    number = int.from_bytes(unpack("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    body = unpack(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc"
        "InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLV"
        "WGNWQexSgSxsj_Qulcy4a-fN"
    )
    key = ec.derive_private_key(number, ec.SECP256R1())
    plain = decrypt(body, key, unpack("BTBZMqHH6r4Tts7J_aSIgg"))
    assert plain == b"When I grow up, I want to be a watermelon"


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=MAX_MESSAGE_BYTES))
def test_only_the_browser_reads_what_is_encrypted_for_it(body: bytes) -> None:
    browser = FarBrowser("phone")
    to = Subscription.parse("https://push.example.org/x", browser.p256dh, packed(browser.auth))
    sealed = encrypted(to, body)
    assert len(sealed) <= MAX_BODY_BYTES
    assert decrypt(sealed, browser.private_key, browser.auth) == body
    assert encrypted(to, body) != sealed


def test_the_largest_message_fills_the_largest_body() -> None:
    browser = FarBrowser("phone")
    to = Subscription.parse("https://push.example.org/x", browser.p256dh, packed(browser.auth))
    assert len(encrypted(to, b"x" * MAX_MESSAGE_BYTES)) == MAX_BODY_BYTES


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    to = Subscription("https://push.example.org/x", b"\x04" + b"\1" * 64, b"a" * 16)
    with pytest.raises(DeliveryRefusedError, match="key cannot be used"):
        encrypted(to, b"x")


async def test_the_push_service_takes_what_is_signed_for_it() -> None:
    async with push_service(NOON.timestamp()) as far:
        far.subscribe("phone", KEY.public_key)
        await push(far)
        assert far.refused == []
        assert far.browsers["phone"].screen["e1"].note["title"] == "Ann rang"
        assert (far.headers[0]["TTL"], far.headers[0]["Urgency"]) == ("60", "high")


async def test_what_waits_is_replaced_by_what_has_the_same_topic() -> None:
    async with push_service(NOON.timestamp()) as far:
        phone = far.subscribe("phone", KEY.public_key)
        phone.is_online = False
        await push(far)
        await push(far)
        assert (len(far.waiting), far.replaced) == (1, 1)
        far.come_online("phone")
        assert phone.screen["e1"].states == 1


async def test_another_key_than_the_browser_subscribed_with_is_refused_with_what_to_do() -> None:
    async with push_service(NOON.timestamp()) as far:
        far.subscribe("phone", KEY.public_key)
        with pytest.raises(DeliveryRefusedError, match=r"403 Forbidden; .* press the button"):
            await push(far, key=VapidKey(packed(b"\6" * 32)))


async def test_a_wrong_clock_of_the_service_is_refused_not_tried_for_ever() -> None:
    async with push_service(NOON.timestamp() - 86_400) as far:
        far.subscribe("phone", KEY.public_key)
        with pytest.raises(DeliveryRefusedError, match="403"):
            await push(far)
        assert "lives too long" in far.refused[0]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_ended_is_told_apart(status: int) -> None:
    async with push_service(NOON.timestamp()) as far:
        far.subscribe("phone", KEY.public_key)
        far.answers = [(status, {})]
        with pytest.raises(SubscriptionGoneError, match=HTTPStatus(status).phrase):
            await push(far)


async def test_what_may_pass_is_told_apart_from_what_never_will() -> None:
    async with push_service(NOON.timestamp()) as far:
        far.subscribe("phone", KEY.public_key)
        far.answers = [
            (429, {"Retry-After": "17"}),
            (503, {}),
            (302, {"Location": "/x"}),
            (799, {}),
        ]
        with pytest.raises(DeliveryError, match="429 Too Many") as limited:
            await push(far)
        assert limited.value.retry_after_s == 17
        with pytest.raises(DeliveryError, match="503"):
            await push(far)
        with pytest.raises(DeliveryRefusedError, match="302 Found"):
            await push(far)
        assert far.requests == 3
        with pytest.raises(DeliveryError, match="799"):
            await push(far)
        with pytest.raises(DeliveryRefusedError, match="413"):
            await push(far, PushMessage(b"x" * (MAX_MESSAGE_BYTES + 1), "t", 60, "low"))
        with pytest.raises(DeliveryRefusedError, match="400"):
            await push(far, PushMessage(b"x", "no topic!", 60, "low"))


async def test_a_service_that_is_away_is_tried_again_and_its_address_not_told() -> None:
    async with push_service(NOON.timestamp()) as far:
        far.subscribe("phone", KEY.public_key)
        to = subscription(far)
    async with WebPushClient(KEY, CONTACT, 5.0) as client:
        with pytest.raises(DeliveryError, match="cannot be reached") as away:
            await client.push(to, MESSAGE, NOON)
        assert "s3cret" not in str(away.value)
    with pytest.raises(DeliveryError, match="was closed"):
        await client.push(to, MESSAGE, NOON)
