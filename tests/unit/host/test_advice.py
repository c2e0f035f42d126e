from dataclasses import replace

import pytest

from spyoncino.host.advice import Plan, Remark, Speed, Verdict, remarks_on
from spyoncino.host.decoders import DecodeCost
from spyoncino.host.facts import Device, MachineFacts, Room

FACTS = MachineFacts(
    system="Debian",
    board="",
    architecture="x86_64",
    python="3.11.7",
    cpu="some processor",
    cores=2,
    cores_allowed=2.0,
    busy_cores=0.1,
    memory_bytes=8_000_000_000,
    memory_free_bytes=6_000_000_000,
    shared_memory=Room("/dev/shm", 4_000_000_000, 4_000_000_000, is_writable=True),  # noqa: S108
    data=Room("/data", 100_000_000_000, 50_000_000_000, is_writable=True),
    data_on_card=False,
    video_devices=(),
    gpio_chips=(),
    decoders=("h264", "hevc", "mjpeg"),
    hardware_decoders=(),
    has_picamera2=False,
    detectors=("cpu",),
    broken_detectors={},
    models=("nanodet_416",),
)
PLAN = Plan(
    analysis_fps=(5.0, 5.0),
    is_example=False,
    missing=(),
    workers=2,
    packet_bytes=64_000_000,
    ring_bytes=17_000_000,
    media_bytes=10_000_000_000,
    media_free_bytes=500_000_000,
    model="cpu:nanodet_416",
)
SPEED = Speed(look_ms=40.0, looks_per_second=48.0, motion_ms=0.3, decode_ms=2.0)


def about(subject: str, found: list[Remark]) -> Remark:
    """The last remark about something."""
    return [remark for remark in found if remark.subject == subject][-1]


def test_a_machine_that_is_enough_gets_nothing_to_do() -> None:
    found = remarks_on(FACTS, PLAN, SPEED)
    assert {remark.verdict for remark in found} == {Verdict.GOOD}
    assert not any(remark.help for remark in found)


def test_too_many_pictures_for_the_model_are_slow_and_name_the_setting() -> None:
    slow = replace(SPEED, look_ms=250.0, looks_per_second=4.0)
    remark = about("objects", remarks_on(FACTS, replace(PLAN, workers=1), slow))
    assert remark.verdict is Verdict.SLOW
    assert "250 ms" in remark.sentence
    assert "10 are analysed" in remark.sentence
    assert "analysis_fps: 2" in remark.help
    assert "pool.workers: 2" in remark.help


def test_more_workers_than_cores_are_never_advised() -> None:
    slow = replace(SPEED, look_ms=900.0, looks_per_second=1.1)
    remark = about("objects", remarks_on(FACTS, PLAN, slow))
    assert "pool.workers" not in remark.help
    assert "analysis_fps: 1" in remark.help


def test_a_model_that_cannot_run_is_wrong() -> None:
    found = remarks_on(FACTS, PLAN, Speed(trouble="objects cannot be looked for: no model"))
    remark = about("objects", found)
    assert remark.verdict is Verdict.WRONG
    assert "no model" in remark.sentence
    assert "objects.model" in remark.help


def test_what_was_not_measured_is_said_to_be_so() -> None:
    found = remarks_on(FACTS, PLAN, Speed())
    assert about("objects", found).sentence == "cpu:nanodet_416 was not measured"
    assert "decoders" in about("decoding", found).sentence


def test_a_back_end_that_cannot_be_loaded_is_wrong() -> None:
    found = remarks_on(replace(FACTS, broken_detectors={"npu": "ImportError: x"}), PLAN, SPEED)
    remark = next(remark for remark in found if "npu" in remark.sentence)
    assert remark.verdict is Verdict.WRONG


def test_memory_that_is_not_there_is_wrong_and_memory_in_use_is_slow() -> None:
    small = replace(FACTS, memory_bytes=500_000_000, memory_free_bytes=400_000_000)
    remark = about("memory", remarks_on(small, PLAN, SPEED))
    assert remark.verdict is Verdict.WRONG
    assert "pool.workers: 1 and packets.max_bytes" in remark.help
    full = replace(FACTS, memory_free_bytes=400_000_000)
    remark = about("memory", remarks_on(full, replace(PLAN, workers=1), SPEED))
    assert remark.verdict is Verdict.SLOW
    assert "pool.workers" not in remark.help


def test_shared_memory_that_is_too_small_names_a_size_that_fits() -> None:
    tiny = Room("/dev/shm", 16_000_000, 16_000_000, is_writable=True)  # noqa: S108
    remark = about("pictures", remarks_on(replace(FACTS, shared_memory=tiny), PLAN, SPEED))
    assert remark.verdict is Verdict.WRONG
    assert "ring_max_bytes: 8MB" in remark.help


@pytest.mark.parametrize(
    ("free_bytes", "verdict"),
    [
        (400_000_000, Verdict.WRONG),
        (3_000_000_000, Verdict.NOTE),
        (50_000_000_000, Verdict.GOOD),
    ],
)
def test_the_disk_is_compared_with_the_cap_of_media(free_bytes: int, verdict: Verdict) -> None:
    room = Room("/data", 100_000_000_000, free_bytes, is_writable=True)
    assert about("disk", remarks_on(replace(FACTS, data=room), PLAN, SPEED)).verdict is verdict


def test_folders_that_cannot_be_written_are_wrong() -> None:
    closed = Room("/closed", 1, 1, is_writable=False)
    found = remarks_on(replace(FACTS, data=closed, shared_memory=closed), PLAN, SPEED)
    assert "--data DIR" in about("disk", found).help
    assert "shared_memory.folder" in about("pictures", found).help


def test_an_sd_card_is_noted() -> None:
    remark = about("disk", remarks_on(replace(FACTS, data_on_card=True), PLAN, SPEED))
    assert "SD card" in remark.sentence


def test_devices_that_the_user_may_not_open_name_the_group() -> None:
    facts = replace(
        FACTS,
        video_devices=(Device("/dev/video0", "", is_usable=False),),
        gpio_chips=(Device("/dev/gpiochip0", "gpio", is_usable=False),),
    )
    found = remarks_on(facts, PLAN, SPEED)
    helps = [remark.help for remark in found if remark.verdict is Verdict.WRONG]
    assert [text.split(",")[0] for text in helps] == [
        "sudo usermod -aG video $USER",
        "sudo usermod -aG gpio $USER",
    ]
    assert any("never on a real device" in remark.sentence for remark in found)


def test_cameras_are_counted_and_missing_files_named() -> None:
    plan = replace(PLAN, analysis_fps=(5.0,), missing=(("door", "path", "/x.mp4"),))
    found = remarks_on(FACTS, plan, SPEED)
    assert found[0].help == "plug it in, or correct cameras.door.source.path"
    assert about("cameras", found).sentence == "1 camera is configured"
    found = remarks_on(FACTS, replace(PLAN, is_example=True), SPEED)
    assert "no camera" in about("cameras", found).sentence


def test_slow_decoding_and_missing_decoders_are_said() -> None:
    found = remarks_on(FACTS, PLAN, replace(SPEED, decode_ms=60.0))
    assert about("decoding", found).verdict is Verdict.SLOW
    found = remarks_on(replace(FACTS, decoders=("h264",)), PLAN, SPEED)
    assert any("no decoder for hevc, mjpeg" in remark.sentence for remark in found)


def test_a_busy_machine_is_noted() -> None:
    assert about("load", remarks_on(replace(FACTS, busy_cores=1.5), PLAN, SPEED)).help


ON_PI = replace(FACTS, board="Raspberry Pi 5 Model B Rev 1.0")


def test_a_raspberry_pi_hears_what_a_pi_camera_needs() -> None:
    remark = about("cameras", remarks_on(ON_PI, PLAN, SPEED))
    assert remark.verdict is Verdict.NOTE
    assert "apt install python3-picamera2" in remark.help
    remark = about("cameras", remarks_on(replace(ON_PI, has_picamera2=True), PLAN, SPEED))
    assert "never on a Raspberry Pi" in remark.sentence


def test_a_configured_pi_camera_without_its_library_is_wrong() -> None:
    plan = replace(PLAN, pi_cameras=("door",))
    remark = about("cameras", remarks_on(ON_PI, plan, SPEED))
    assert remark.verdict is Verdict.WRONG
    assert "door needs" in remark.sentence
    elsewhere = about("cameras", remarks_on(FACTS, plan, SPEED))
    assert "needs a Raspberry Pi; use type: usb" in elsewhere.help


SOFTWARE = DecodeCost("software", 8.0, 8.5)


@pytest.mark.parametrize(
    ("hardware", "help_"),
    [
        (DecodeCost("cuda", 2.0, 3.0), "set cameras.<id>.decoder: cuda"),
        (DecodeCost("cuda", 7.0, 9.0), ""),
        (DecodeCost("cuda", 1.0, 1.0, "It failed. Decoding in software."), ""),
    ],
)
def test_hardware_is_recommended_only_when_it_was_measured_to_be_better(
    hardware: DecodeCost, help_: str
) -> None:
    facts = replace(FACTS, hardware_decoders=("cuda",))
    remark = about(
        "decoding", remarks_on(facts, PLAN, replace(SPEED, decoders=(SOFTWARE, hardware)))
    )
    assert remark.verdict is Verdict.NOTE
    assert "never run on such a device" in remark.sentence
    assert remark.help == help_
    assert ("software is the better choice" in remark.sentence) == (not help_)


def test_hardware_that_was_not_measured_is_not_recommended() -> None:
    facts = replace(FACTS, hardware_decoders=("v4l2m2m",))
    remark = about("decoding", remarks_on(facts, PLAN, SPEED))
    assert "v4l2m2m was not measured" in remark.sentence
    assert remark.help == ""


def test_a_button_needs_pins_and_their_library() -> None:
    plan = replace(PLAN, buttons=("front",))
    told = [each for each in remarks_on(FACTS, plan, Speed()) if each.subject == "gpio"]
    assert [each.verdict for each in told] == [Verdict.WRONG, Verdict.WRONG]
    assert told[0].help == "remove gpio from doorbell front"
    assert told[1].help == "pip install 'spyoncino[gpio]'"
    chips = (Device("/dev/gpiochip0", "gpio", is_usable=True),)
    there = replace(FACTS, gpio_chips=chips, has_gpio_library=True)
    (note,) = [each for each in remarks_on(there, plan, Speed()) if each.subject == "gpio"]
    assert "never on a Raspberry Pi" in note.sentence
