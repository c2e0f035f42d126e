import re
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from tests.fixtures.fake_modules import (
    AlbumSettings,
    Bell,
    Photographer,
    PhotoSettings,
    _Recorded,
    fake_registry,
)

from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.contracts import ModuleSettings, OutputModule
from spyoncino.core.registry import LoadFailure, Registry
from spyoncino.core.source_settings import FileSource, SimSource
from spyoncino.errors import ConfigError
from spyoncino.modules.builtin import BUILTIN

SIM = "cameras:\n  door:\n    source: {type: sim}\n"


class Desk:
    """A folder with configuration files, and what is loaded from it."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder = folder
        self.registry = registry

    def write(self, text: str, name: str = "spyoncino.yaml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def load(
        self, text: str = "", *, variables: dict[str, str] | None = None, **kw: Any
    ) -> LoadedConfig:
        self.write(text)
        return load_config(
            self.registry,
            variables=variables or {},
            working_folder=self.folder,
            config_home=self.folder / "none",
            **kw,
        )

    def problems(self, text: str, **kw: Any) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            self.load(text, **kw)
        assert len(raised.value.problems) == len(str(raised.value).splitlines())
        return [problem.replace(f"{self.folder}/", "") for problem in raised.value.problems]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, fake_registry())


def test_without_any_file_the_defaults_hold(desk: Desk) -> None:
    loaded = load_config(
        desk.registry, variables={}, working_folder=desk.folder, config_home=desk.folder
    )
    assert loaded.user_file is None
    assert loaded.files == ()
    assert loaded.settings.cameras == {}
    assert loaded.sections["photo"] == PhotoSettings()


def test_later_layers_win(desk: Desk) -> None:
    desk.write("photo: {sensitivity: 0.2}\npool: {workers: 2}\n", "spyoncino.night.yaml")
    desk.write("SPYONCINO_ALBUM__TOKEN=from-dotenv\n", ".env")
    loaded = desk.load(
        "photo: {sensitivity: 0.1, mode: off}\nalbum: {token: from-file}\nbell: {loudness: 1}\n",
        variables={
            "SPYONCINO_ENV": "night",
            "SPYONCINO_POOL__WORKERS": "3",
            "SPYONCINO_ALBUM__TOKEN": "from-variable",
        },
        overrides={"bell": {"loudness": 9}},
    )
    photo, album = loaded.sections["photo"], loaded.sections["album"]
    assert isinstance(photo, PhotoSettings)
    assert isinstance(album, AlbumSettings)
    assert (photo.sensitivity, photo.mode) == (0.2, "off")
    assert loaded.settings.pool.workers == 3
    assert album.token == SecretStr("from-dotenv")
    assert loaded.sections["bell"].model_dump() == {"loudness": 9}
    assert [path.name for path in loaded.files] == [
        "spyoncino.yaml",
        "spyoncino.night.yaml",
        ".env",
    ]
    assert str(loaded.origins["bell", "loudness"]) == "command line"


def test_the_file_may_be_named_by_a_variable(desk: Desk) -> None:
    path = desk.write("bell: {loudness: 4}", "other.yaml")
    loaded = desk.load("bell: {loudness: 1}", variables={"SPYONCINO_CONFIG": str(path)})
    assert loaded.user_file == path
    assert loaded.sections["bell"].model_dump() == {"loudness": 4}


def test_sources_of_both_kinds_are_told_apart(desk: Desk) -> None:
    loaded = desk.load(SIM + "  film:\n    source: {type: file, path: films/a.mp4, loop: yes}\n")
    door, film = loaded.settings.cameras["door"].source, loaded.settings.cameras["film"].source
    assert isinstance(door, SimSource)
    assert isinstance(film, FileSource)
    assert film.loop
    assert film.path == desk.folder / "films" / "a.mp4"


def test_relative_paths_belong_to_the_file_that_has_them(desk: Desk) -> None:
    desk.write("film: x")
    other = desk.folder / "etc"
    other.mkdir()
    path = other / "my.yaml"
    path.write_text("photo: {film: roll.bin}\ndata_dir: ~/door\n")
    loaded = load_config(
        desk.registry, file=path, variables={}, working_folder=desk.folder, config_home=other
    )
    assert loaded.sections["photo"].model_dump()["film"] == other / "roll.bin"
    assert loaded.settings.data_dir == Path.home() / "door"


def test_a_camera_may_override_the_sections_that_allow_it(desk: Desk) -> None:
    text = SIM + "    photo: {mode: off, lens: {focal_mm: 50}}\nphoto: {lens: {colour: false}}\n"
    camera = desk.load(text).settings.cameras["door"]
    assert camera.overrides == {"photo": {"mode": "off", "lens": {"focal_mm": 50, "colour": False}}}


def test_headings_with_nothing_below_set_nothing(desk: Desk) -> None:
    text = SIM + "    zones:\n    photo:\n    doorbell:\n"
    loaded = desk.load(text + "photo:\npool:\n")
    assert loaded.sections["photo"] == PhotoSettings()
    assert loaded.settings.cameras["door"].overrides == {}
    assert desk.load(SIM + "    photo: {}\n").settings.cameras["door"].overrides == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "photo: {sensitivty: 1}",
            (
                "spyoncino.yaml:1: photo.sensitivty: there is no such setting; "
                'did you mean "sensitivity"?'
            ),
        ),
        (
            "phot: {sensitivity: 1}",
            'spyoncino.yaml:1: phot: there is no such setting; did you mean "photo"?',
        ),
        (
            "sensitivity: 1",
            (
                "spyoncino.yaml:1: sensitivity: there is no such setting; "
                'did you mean "sensitivity" inside "photo"?'
            ),
        ),
        (
            "bell: {zzz: 1}",
            (
                "spyoncino.yaml:1: bell.zzz: there is no such setting; "
                "a setting of bell is one of loudness"
            ),
        ),
        (
            "bell: {loudness: loud}",
            'spyoncino.yaml:1: bell.loudness is "loud", but must be a whole number from 0 to 11',
        ),
        (
            "bell: {loudness: {a: 1}}",
            "spyoncino.yaml:1: bell.loudness is a group of settings, but must be a whole number",
        ),
        (
            "bell: {loudness: 12}",
            "spyoncino.yaml:1: bell.loudness is 12, but must be a whole number from 0 to 11",
        ),
        (
            "photo:\n  lens:\n    focal_mm: 0",
            "spyoncino.yaml:3: photo.lens.focal_mm is 0, but must be a number greater than 0",
        ),
        (
            "photo: {mode: Manuel}",
            (
                'spyoncino.yaml:1: photo.mode is "Manuel", but must be one of auto, manual, off; '
                'did you mean "manual"?'
            ),
        ),
        (
            "photo: {labels: person}",
            'spyoncino.yaml:1: photo.labels is "person", but must be a list, each a text',
        ),
        (
            "photo: {labels: [1]}",
            "spyoncino.yaml:1: photo.labels[0] is 1, but must be a text",
        ),
        (
            "photo: {weights: {cat: heavy}}",
            'spyoncino.yaml:1: photo.weights.cat is "heavy", but must be a number',
        ),
        (
            "photo: {lens: 3}",
            "spyoncino.yaml:1: photo.lens is 3, but must be a group of settings",
        ),
        (
            "photo: 3",
            "spyoncino.yaml:1: photo is 3, but must be a group of settings",
        ),
        (
            "photo: {lens: {colour: maybe}}",
            'spyoncino.yaml:1: photo.lens.colour is "maybe", but must be true or false',
        ),
        (
            "album: {max_bytes: 10XB}",
            (
                'spyoncino.yaml:1: album.max_bytes is "10XB", but must be a size in bytes, '
                "such as 10GB or 500MB"
            ),
        ),
        (
            "pool: {workers: 0}",
            "spyoncino.yaml:1: pool.workers is 0, but must be auto or a whole number from 1 to 64",
        ),
        (
            "pool: {workers: atuo}",
            (
                'spyoncino.yaml:1: pool.workers is "atuo", but must be auto or a whole '
                "number from 1 "
                'to 64; did you mean "auto"?'
            ),
        ),
        (
            "cameras:\n  door: {}",
            (
                "spyoncino.yaml:2: cameras.door.source is missing; it must be a group of settings "
                'with "type" one of file, http, pi, rtsp, sim, usb'
            ),
        ),
        (
            "cameras:\n  door:",
            "spyoncino.yaml:2: cameras.door is empty, but must be a group of settings",
        ),
        (
            "cameras: [1]",
            "spyoncino.yaml:1: cameras is a list of 1, but must be a group of settings",
        ),
        (
            "cameras: {door: {source: {type: flie}}}",
            (
                'spyoncino.yaml:1: cameras.door.source.type is "flie", but must be one '
                "of file, http, pi, rtsp, sim, usb; "
                'did you mean "file"?'
            ),
        ),
        (
            "cameras: {door: {source: {path: a}}}",
            (
                'spyoncino.yaml:1: cameras.door.source: "type" is missing; '
                "it must be one of file, http, pi, rtsp, sim, usb"
            ),
        ),
        (
            "cameras: {door: {source: {type: file}}}",
            "spyoncino.yaml:1: cameras.door.source.path is missing; it must be a path",
        ),
        (
            "cameras: {Back Door: {source: {type: sim}}}",
            (
                'spyoncino.yaml:1: cameras.Back Door: the name "Back Door" must begin with a small '
                "letter or digit; then small letters, digits, _ and -"
            ),
        ),
        (
            f"cameras: {{{'x' * 65}: {{source: {{type: sim}}}}}}",
            "is not allowed: String should have at most 64 characters",
        ),
        (
            SIM + "    album: {}\n",
            (
                "spyoncino.yaml:4: cameras.door.album: there is no such setting; "
                '"album" can only be '
                "set for all cameras, at the top level"
            ),
        ),
        (
            SIM + "    photo:\n      sensitivity: 2\n",
            (
                "spyoncino.yaml:5: cameras.door.photo.sensitivity is 2, but must be a "
                "number from 0 "
                "to 1"
            ),
        ),
        (
            SIM + "    zones:\n    - {name: a, polygon: [[0, 0], [1, 2], [0, 1]]}\n",
            (
                "spyoncino.yaml:5: cameras.door.zones[0].polygon: corner [1.0, 2.0] is outside the "
                "picture; each number must be 0..1 of width and height"
            ),
        ),
        (
            SIM + "    masks: [[[0, 0], [1, 1]]]\n",
            (
                "spyoncino.yaml:4: cameras.door.masks[0] is a list of 2, but must be a list of at "
                "least 3, each a list of 2 values"
            ),
        ),
        (
            "modules: {disabled: [event.photograph]}",
            (
                'spyoncino.yaml:1: modules.disabled names "event.photograph", but there is no such '
                "module; there are event.photographer, input.bell, storage.album"
            ),
        ),
        (
            f"album: {{max_bytes: '{'9' * 70}x'}}",
            "9…",
        ),
    ],
)
def test_a_problem_is_one_sentence_that_says_where_what_and_what_would_be_right(
    desk: Desk, text: str, sentence: str
) -> None:
    problems = desk.problems(text)
    assert len(problems) == 1
    assert sentence in problems[0]


def test_every_problem_is_told_in_the_order_of_the_file(desk: Desk) -> None:
    problems = desk.problems("bell:\n  loudness: x\npool:\n  workers: 0\nnope: 1\n")
    assert [re.sub(r": .*", "", problem) for problem in problems] == [
        "spyoncino.yaml:2",
        "spyoncino.yaml:4",
        "spyoncino.yaml:5",
    ]


def test_two_zones_of_one_name_are_refused(desk: Desk) -> None:
    zone = "{name: porch, polygon: [[0, 0], [1, 0], [1, 1]]}"
    problems = desk.problems(SIM + f"    zones: [{zone}, {zone}]\n")
    assert problems == [
        "spyoncino.yaml:4: cameras.door.zones: two zones are named 'porch'; give each its own name"
    ]


def test_problems_of_variables_and_the_command_line_name_them(desk: Desk) -> None:
    problems = desk.problems(
        "",
        variables={"SPYONCINO_BELL__LOUDNESS": "many", "SPYONCINO_NOPE": "1"},
        overrides={"pool": {"workers": -1}},
    )
    assert problems == [
        "command line: pool.workers is -1, but must be auto or a whole number from 1 to 64",
        (
            'environment variable SPYONCINO_BELL__LOUDNESS: bell.loudness is "many", but must be '
            "a whole number from 0 to 11"
        ),
        (
            "environment variable SPYONCINO_NOPE: nope: there is no such setting; a setting is one "
            "of preset, data_dir, cameras, doorbells, pool, shared_memory, packets, bus, health, "
            "log, modules, updates, privacy, "
            "bell, photo, album"
        ),
    ]


def test_a_secret_is_never_in_a_sentence_nor_in_what_is_shown(desk: Desk) -> None:
    problems = desk.problems("album:\n  token: [hunter2]\n  address: [x]\n")
    assert "hunter2" not in "".join(problems)
    assert problems[0].startswith("spyoncino.yaml:2: album.token is ")
    loaded = desk.load("album: {token: hunter2, address: 'https://me:hunter2@host/x'}")
    assert "hunter2" not in str(loaded.shown())
    assert "hunter2" not in repr(loaded)


def test_what_is_shown_has_everything_under_its_key(desk: Desk) -> None:
    tree = desk.load(SIM + "    photo: {mode: off}\n").shown()
    assert tree["cameras"]["door"]["photo"] == {"mode": "off"}
    assert "overrides" not in tree["cameras"]["door"]
    assert tree["album"]["max_bytes"] == 10_000_000
    assert tree["pool"]["workers"] == "auto"


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise PydanticCustomError("odd", "must be odd")
    return value


class PickySettings(ModuleSettings):
    """Section ``picky``: has a rule that no schema can tell."""

    number: Annotated[Any, AfterValidator(_odd)] = Field(default=1, description="Odd.")


class Picky(Bell):
    """Has a rule that no schema can tell."""

    name = "input.picky"
    section = "picky"
    settings_model = PickySettings  # type: ignore[assignment]  # another section than its parent's


def test_a_rule_that_no_schema_tells_is_told_in_its_own_words(desk: Desk) -> None:
    desk.registry = fake_registry(Picky)
    assert desk.problems("picky: {number: 2}") == [
        "spyoncino.yaml:1: picky.number is 2: must be odd"
    ]


class StrictSettings(ModuleSettings):
    """Section ``strict``: has rules over two settings."""

    low: float = Field(default=0.2, description="Lower limit.")
    high: float = Field(default=0.8, description="Upper limit.")

    @model_validator(mode="after")
    def _in_order(self) -> "StrictSettings":
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not be above high ({self.high}).")
        return self


class Strict(Photographer):
    """Has rules over two settings."""

    name = "event.strict"
    section = "strict"
    settings_model = StrictSettings  # type: ignore[assignment]  # another section than its parent's


def test_an_override_must_fit_the_section_it_is_joined_to(desk: Desk) -> None:
    desk.registry = fake_registry(Strict)
    text = SIM + "    strict: {low: 0.5}\nstrict:\n  high: 0.4\n"
    assert desk.problems(text) == [
        "spyoncino.yaml:4: cameras.door.strict: low (0.5) must not be above high (0.4)"
    ]


class MessengerSettings(ModuleSettings):
    """Section ``messenger``: whom to tell."""

    token: SecretStr = Field(description="Key of the account.")
    chat: int = Field(default=0, description="Whom to tell.")


class Messenger(_Recorded, OutputModule[MessengerSettings]):
    """Tells somebody outside."""

    name = "output.messenger"
    section = "messenger"
    settings_model = MessengerSettings


def test_a_required_secret_says_where_it_belongs(desk: Desk) -> None:
    desk.registry = fake_registry(Messenger)
    assert desk.problems("messenger:\n  chat: 1\n") == [
        (
            "spyoncino.yaml:1: messenger.token is missing; it is a secret, so write "
            "SPYONCINO_MESSENGER__TOKEN=… into the .env file, or name a file with it in "
            "SPYONCINO_MESSENGER__TOKEN_FILE"
        )
    ]
    assert desk.problems("")[0].startswith("messenger is missing; it must be")


def test_local_only_refuses_what_tells_somebody_outside(desk: Desk) -> None:
    desk.registry = fake_registry(Messenger)
    text = "privacy: {local_only: true}\nmessenger: {token: x}\n"
    assert desk.problems(text) == [
        (
            "spyoncino.yaml:2: messenger tells somebody outside, but privacy.local_only is true; "
            "remove one of the two"
        )
    ]
    assert desk.load("messenger: {token: x}").sections["messenger"]


@pytest.mark.parametrize(
    ("section", "is_refused"),
    [
        ("mqtt: {enabled: true, host: broker.example.org}", True),
        ("mqtt: {enabled: true, host: localhost, security: none}", False),
        ("mqtt: {enabled: false, host: broker.example.org}", False),
        ("webhook: {enabled: true, url: 'https://example.org/x', secret: s}", True),
        ("webhook: {enabled: true, url: 'http://127.0.0.1:9/x', secret: s}", False),
        ("webhook: {enabled: false, url: 'https://[half'}", False),
        ("dead_man: {heartbeat_url: 'https://example.org/x'}", True),
        ("dead_man: {daily_test: true}", False),
    ],
)
def test_local_only_lets_be_what_is_off_or_stays_on_this_machine(
    desk: Desk, section: str, is_refused: bool
) -> None:
    desk.registry = Registry.discover(BUILTIN)
    text = f"privacy: {{local_only: true}}\n{section}\n"
    if is_refused:
        assert "tells somebody outside" in desk.problems(text)[0]
    else:
        assert desk.load(text).settings.privacy.local_only


def test_a_module_that_could_not_be_loaded_does_not_make_its_section_an_error(desk: Desk) -> None:
    failure = LoadFailure("x:Y", "cannot be loaded (ImportError: torch)")
    desk.registry = Registry((Bell,), (failure,))
    loaded = desk.load("torchy: {a: 1}\nbell: {loudness: 1}\nmodules: {disabled: [x.y]}\n")
    assert len(loaded.notices) == 1
    assert "spyoncino.yaml:1: torchy is ignored" in loaded.notices[0]
    assert "x:Y: cannot be loaded (ImportError: torch)" in loaded.notices[0]


def test_the_hash_follows_what_influences_results_only(desk: Desk) -> None:
    plain = desk.load(SIM).config_hash
    assert desk.load(SIM).config_hash == plain
    assert desk.load(SIM + "pool: {workers: 3}\nlog: {level: debug}\n").config_hash == plain
    other_source = SIM.replace("type: sim", "type: file, path: a.mp4")
    assert desk.load(other_source).config_hash == plain
    one_more = SIM + "  back:\n    source: {type: sim}\n"
    assert desk.load(one_more).config_hash == plain
    assert desk.load(SIM + "photo: {sensitivity: 0.4}\n").config_hash != plain
    assert desk.load(SIM + "    photo: {sensitivity: 0.4}\n").config_hash != plain


def test_a_preset_lies_below_everything_the_user_writes(desk: Desk) -> None:
    loaded = desk.load("preset: high-performance\nhealth: {interval_s: 5}\n")
    assert loaded.settings.pool.workers == 4
    assert loaded.settings.health.interval_s == 5
    assert str(loaded.origins["pool", "workers"]) == "preset high-performance"
    assert desk.load("preset: raspberry-pi\n").settings.pool.workers == 1
    loaded = desk.load("preset: raspberry-pi\npool: {workers: 3}\n")
    assert loaded.settings.pool.workers == 3
    loaded = desk.load("preset: auto\n", variables={"WORKER_COUNT": "2"})
    assert loaded.settings.pool.workers == 2
    [problem] = desk.problems("preset: huge\n")
    assert 'preset is "huge", but must be one of none, auto, raspberry-pi' in problem


def test_an_older_name_for_a_setting_that_is_not_there_is_told_and_ignored(desk: Desk) -> None:
    loaded = desk.load("", variables={"FACE_RECOGNITION_TOLERANCE": "0.5"})
    [notice] = loaded.notices
    assert notice.endswith("TOLERANCE is ignored; there is no section recognition in this version")
