import pytest

from spyoncino.errors import SourceError
from spyoncino.hardware.camera_rtsp import RtspCamera
from spyoncino.hardware.source_types import SourceSpec


def test_the_name_of_a_camera_holds_no_secret() -> None:
    spec = SourceSpec("rtsp", "rtsp://anna:s3cret@cam/live", secrets={"password": "0ther"})
    assert RtspCamera(spec).name == "rtsp://cam/live"
    assert "0ther" not in repr(spec)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (SourceSpec("rtsp", "http://cam/live"), "begins with rtsp://"),
        (SourceSpec("rtsp", ""), "cannot be a camera's address"),
        (SourceSpec("rtsp", "rtsp://cam", options={"transport": "smoke"}), "tcp or udp, not smoke"),
    ],
)
def test_wrong_settings_are_told(spec: SourceSpec, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        RtspCamera(spec)
