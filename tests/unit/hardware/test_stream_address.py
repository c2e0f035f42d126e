import pytest

from spyoncino.hardware.stream_address import StreamAddress


def test_secrets_are_taken_out_of_an_address_and_put_back_for_the_library() -> None:
    address = StreamAddress.parse("rtsp://anna:p%40ss%2Fw@cam.lan:8554/live?ch=1")
    assert address.shown == "rtsp://cam.lan:8554/live?ch=1"
    assert (address.host, address.port) == ("cam.lan", 8554)
    assert (address.username, address.password) == ("anna", "p@ss/w")
    assert address.with_secrets == "rtsp://anna:p%40ss%2Fw@cam.lan:8554/live?ch=1"
    assert "p@ss" not in repr(address)


def test_settings_win_over_what_the_address_carries() -> None:
    address = StreamAddress.parse("rtsp://anna:old@cam/live", "bea", "new")
    assert address.with_secrets == "rtsp://bea:new@cam/live"


@pytest.mark.parametrize(
    ("url", "port"),
    [("rtsp://cam", 554), ("rtsps://cam", 322), ("http://cam", 80), ("https://[fe80::1]/x", 443)],
)
def test_each_scheme_has_its_port(url: str, port: int) -> None:
    assert StreamAddress.parse(url).port == port
    assert StreamAddress.parse(url).with_secrets == url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("file:///etc/passwd", "must begin with one of rtsp://"),
        ("rtsp://", "names no machine"),
        ("rtsp://u:secret@cam:99999/", "port must be a number"),
        ("rtsp://u:secret@cam/a b", "without spaces"),
    ],
)
def test_what_is_no_address_is_told_without_secrets(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        StreamAddress.parse(url)
    assert "secret" not in str(caught.value)
