"""A camera's streams, asked with the extra's library from a device service that checks tokens."""

import logging
from datetime import timedelta

import pytest
from tests.fixtures.onvif_camera import OnvifCamera

from spyoncino.errors import SourceError, SourceRefusedError
from spyoncino.hardware.onvif_streams import (
    OnvifStream,
    chosen,
    is_available,
    streams_of,
    without_secrets,
)

needs_extra = pytest.mark.skipif(
    not is_available(), reason="the extra is missing: pip install 'spyoncino[onvif]'"
)


@needs_extra
@pytest.mark.parametrize("clock_off", [timedelta(), timedelta(days=-400)])
async def test_streams_come_with_size_and_rate_and_without_secrets(clock_off: timedelta) -> None:
    handlers = list(logging.getLogger().handlers)
    with OnvifCamera(clock_off=clock_off) as camera:
        found = await streams_of(camera.url, "admin", "s3cret", 20)
    main, sub = found
    assert (main.profile, main.codec, main.fps) == ("Main", "h264", 25)
    assert (main.width_px, main.height_px, sub.width_px) == (1920, 1080, 640)
    assert main.url == "rtsp://127.0.0.1/main?unicast=true"
    assert "s3cret" not in repr(found)
    assert logging.getLogger().handlers == handlers


@needs_extra
@pytest.mark.parametrize(
    ("account", "sentence"),
    [(("admin", "wrong"), "does not accept the name 'admin'"), (("", ""), "asks for a name")],
)
async def test_a_wrong_account_is_refused_and_never_told(
    account: tuple[str, str], sentence: str
) -> None:
    with OnvifCamera() as camera, pytest.raises(SourceRefusedError, match=sentence) as caught:
        await streams_of(camera.url, *account, 20)
    assert "wrong" not in str(caught.value)


FAULT = (
    b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault>'
    b"<e:Code><e:Value>e:Receiver</e:Value></e:Code><e:Reason><e:Text>busy</e:Text>"
    b"</e:Reason></e:Fault></e:Body></e:Envelope>"
)


@needs_extra
@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        (401, b"", SourceRefusedError, "does not accept"),
        (404, b"", SourceError, "ONVIF is not there .HTTP 404"),
        (200, b"<html>hello</html>", SourceError, "not as ONVIF demands"),
        (200, b"\x00\x01", SourceError, "not as ONVIF demands"),
        (200, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', SourceError, "not as ONVIF demands"),
        (
            500,
            FAULT,
            SourceError,
            "with a fault: busy",
        ),
    ],
)
async def test_each_strange_answer_is_a_sentence(
    status: int, body: bytes, kind: type[SourceError], sentence: str
) -> None:
    with (
        OnvifCamera(answer=lambda _: (status, body)) as camera,
        pytest.raises(kind, match=sentence),
    ):
        await streams_of(camera.url, "admin", "s3cret", 20)


@needs_extra
async def test_nobody_there_and_no_answer_in_time_are_sentences() -> None:
    with pytest.raises(SourceError, match="cannot be asked"):
        await streams_of("http://127.0.0.1:1/onvif/device_service", "admin", "x", 20)
    with (
        OnvifCamera() as camera,
        pytest.raises(SourceError, match="does not answer to ONVIF within 0"),
    ):
        await streams_of(camera.url, "admin", "x", 0.001)


def stream(width_px: int, url: str, codec: str = "h264", lens: str = "v0") -> OnvifStream:
    return OnvifStream(lens, url, codec, width_px, width_px * 9 // 16, 15, url)


def test_the_best_stream_of_each_lens_is_taken_and_one_that_fits_analysis() -> None:
    wide, half, small = stream(3840, "a"), stream(1920, "b"), stream(640, "c")
    photographs, other = stream(4000, "d", "jpeg"), stream(1280, "e", lens="v1")
    found = list(chosen([small, photographs, other, half, wide, stream(640, "a")]))
    assert found == [(wide, small), (other, None)]
    assert list(chosen([photographs])) == [(photographs, None)]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://a:b@cam/x?user=a&Password=b&channel=1", "rtsp://cam/x?channel=1"),
        ("rtsp://cam:8554/x?a=1&b=", "rtsp://cam:8554/x?a=1&b="),
        ("ftp://cam/x", ""),
        ("", ""),
    ],
)
def test_secrets_are_taken_out_of_addresses(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert not is_available()
