"""What a browser hands over: taken when it is whole, refused in a sentence without secrets."""

import pytest

from spyoncino.clients.push_subscription import Subscription, packed, unpacked

POINT = packed(b"\x04" + b"p" * 64)
AUTH = packed(b"a" * 16)
ENDPOINT = "https://push.example.org/s3cret"


def test_keys_come_in_base64url_with_or_without_padding() -> None:
    found = Subscription.parse(ENDPOINT, POINT + "=", AUTH + "==")
    assert (found.public_key, found.auth) == (b"\x04" + b"p" * 64, b"a" * 16)
    assert unpacked(packed(b"\xff\xfe")) == b"\xff\xfe"
    assert unpacked("no base64: ü") == b""
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("endpoint", "p256dh", "auth", "problem"),
    [
        ("http://push.example.org/s3cret", POINT, AUTH, "is another machine"),
        ("ftp://push.example.org/s3cret", POINT, AUTH, "must begin with https"),
        (ENDPOINT + "x" * 2000, POINT, AUTH, "more than 2000"),
        (ENDPOINT, packed(b"\x02" + b"p" * 64), AUTH, "no point"),
        (ENDPOINT, "AAAA", AUTH, "no point"),
        (ENDPOINT, POINT, "AAAA", "16 bytes"),
    ],
)
def test_what_is_no_subscription_is_refused_without_telling_it(
    endpoint: str, p256dh: str, auth: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        Subscription.parse(endpoint, p256dh, auth)
    assert "s3cret" not in str(refused.value)


def test_this_machine_needs_no_tls() -> None:
    assert Subscription.parse("http://127.0.0.1:8000/x", POINT, AUTH).endpoint.endswith("/x")
