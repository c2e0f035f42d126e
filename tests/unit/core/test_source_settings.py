import pytest
from pydantic import ValidationError

from spyoncino.core.settings import CameraSettings
from spyoncino.core.source_settings import (
    FileSource,
    HttpSource,
    PiSource,
    RtspSource,
    SimSource,
    UsbSource,
)
from spyoncino.hardware.camera_pi import PiOptions


def test_sources_name_their_own_options() -> None:
    file = FileSource.model_validate({"type": "file", "path": "a.mp4"}).to_spec()
    assert (file.kind, file.path, file.options) == ("file", "a.mp4", {})
    sim = SimSource(type="sim", seed=3, width_px=640, height_px=360).to_spec()
    assert sim.options["seed"] == 3
    assert (sim.options["width"], sim.options["height"]) == (640, 360)
    assert not sim.loop


def test_the_simulator_takes_every_option_it_is_given() -> None:
    camera_sim = pytest.importorskip("spyoncino.hardware.camera_sim")
    options = SimSource(type="sim", fps=5, press_at_s=-1).to_spec().options
    built = camera_sim.SimOptions.of(options)
    assert {name: getattr(built, name) for name in options} == options


def test_defaults_of_the_simulator_are_those_of_the_settings() -> None:
    camera_sim = pytest.importorskip("spyoncino.hardware.camera_sim")
    options = SimSource(type="sim").to_spec().options
    assert camera_sim.SimOptions.of(options) == camera_sim.SimOptions()


def test_secrets_of_a_camera_travel_apart_from_its_address() -> None:
    url = "rtsp://anna:s3cret@cam/live"
    source = RtspSource.model_validate({"type": "rtsp", "url": url, "transport": "udp"})
    spec = source.to_spec()
    assert (spec.kind, spec.path, spec.options) == ("rtsp", "rtsp://cam/live", {"transport": "udp"})
    assert spec.secrets == {"username": "anna", "password": "s3cret"}
    assert "s3cret" not in repr(spec)
    other = {
        "type": "http",
        "url": "http://cam",
        "username": "bea",
        "password": "n3w",
        "stall_s": 3,
    }
    http = HttpSource.model_validate(other)
    assert "n3w" not in repr(http)
    assert http.to_spec().secrets == {"username": "bea", "password": "n3w"}
    assert http.to_spec().stall_s == 3


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"type": "rtsp", "url": "cam/live"}, "must begin with one of rtsp://"),
        ({"type": "rtsp", "url": "http://cam/live"}, "begins with rtsp://"),
        ({"type": "http", "url": "rtsp://cam/live"}, "begins with http://"),
    ],
)
def test_an_address_must_fit_its_type(source: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        CameraSettings.model_validate({"source": source})


def test_a_usb_camera_may_be_named_by_a_number() -> None:
    source = UsbSource.model_validate({"type": "usb", "device": 2, "fps": 15})
    spec = source.to_spec()
    assert (spec.kind, spec.path, spec.options["fps"]) == ("usb", "2", 15)


def test_a_pi_camera_needs_nothing_but_its_type_and_its_options_are_those_of_the_source() -> None:
    spec = PiSource.model_validate({"type": "pi"}).to_spec()
    assert (spec.kind, spec.path) == ("pi", "0")
    assert PiOptions.of(spec.options) == PiOptions()
    source = PiSource.model_validate(
        {
            "type": "pi",
            "camera": 1,
            "rotation_deg": 180,
            "controls": {"AfMode": 2, "Saturation": 0.5},
        }
    )
    options = PiOptions.of(source.to_spec().options)
    assert (options.rotation, options.controls) == (180, '{"AfMode": 2, "Saturation": 0.5}')


@pytest.mark.parametrize("wrong", [{"rotation_deg": 90}, {"width_px": 641}, {"encoder": "best"}])
def test_what_a_pi_camera_cannot_do_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PiSource.model_validate({"type": "pi"} | wrong)


def test_a_sub_stream_is_an_address_or_a_group_and_takes_the_rest_from_the_main_stream() -> None:
    main = {"type": "rtsp", "url": "rtsp://anna:s3cret@cam/1", "transport": "udp", "stall_s": 4}
    short = RtspSource.model_validate({**main, "sub": "rtsp://cam/2"}).to_spec()
    assert short.sub is not None
    assert (short.sub.kind, short.sub.path, short.sub.stall_s) == ("rtsp", "rtsp://cam/2", 4)
    assert short.sub.options == {"transport": "udp"}
    assert short.sub.secrets == {"username": "anna", "password": "s3cret"}
    own = {"url": "rtsp://bea:n3w@cam/2", "transport": "tcp"}
    group = RtspSource.model_validate({**main, "sub": own}).to_spec()
    assert group.sub is not None
    assert group.sub.options == {"transport": "tcp"}
    assert group.sub.secrets == {"username": "bea", "password": "n3w"}
    assert "n3w" not in repr(group)
    mixed = RtspSource.model_validate({**main, "sub": "http://cam/small"}).to_spec()
    assert mixed.sub is not None
    assert (mixed.sub.kind, mixed.sub.options) == ("http", {})
    elsewhere = RtspSource.model_validate({**main, "sub": "rtsp://relay/2"}).to_spec()
    assert elsewhere.sub is not None
    assert not any(elsewhere.sub.secrets.values()), "another machine is told no password"
    assert RtspSource.model_validate(main).to_spec().sub is None


@pytest.mark.parametrize(
    ("sub", "sentence"),
    [
        ("cam/2", "must begin with one of rtsp://"),
        ({"url": "rtsp://cam/2", "transport": "smoke"}, "transport"),
        ({"username": "anna"}, "url"),
    ],
)
def test_a_wrong_sub_stream_is_refused(sub: object, sentence: str) -> None:
    source = {"type": "rtsp", "url": "rtsp://cam/1", "sub": sub}
    with pytest.raises(ValidationError, match=sentence):
        CameraSettings.model_validate({"source": source})
