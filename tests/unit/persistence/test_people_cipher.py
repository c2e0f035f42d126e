"""Faces at rest under a key: nothing readable without it, nothing lost by a wrong one."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from spyoncino.errors import ConfigError, DamagedFileError, StorageError
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_cipher import KeyCipher, read_key, write_new_key
from spyoncino.persistence.people_rows import NewSighting

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
CROP = np.random.default_rng(7).bytes(6_000)
VECTOR = np.random.default_rng(8).normal(size=64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faces" / "faces.db"


def fill(people: FaceDatabase) -> None:
    people.add_face("ann", VECTOR, {"file": "holiday.jpg"}, model="m", crop=CROP)
    sighting = NewSighting("door", "e1", datetime(2026, 5, 4, tzinfo=UTC), VECTOR, "m", crop=CROP)
    people.strangers.add_sighting(sighting)


def written(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.iterdir())


def is_whole(people: FaceDatabase) -> bool:
    (face,) = people.list_faces()
    (sighting,) = people.strangers.sightings()
    return (
        face.crop == sighting.crop == CROP
        and np.array_equal(face.encoding, VECTOR)
        and np.array_equal(sighting.vector, VECTOR.astype(np.float32))
        and face.metadata == {"file": "holiday.jpg"}
        and people.find_matches(VECTOR)[0].person_id == "ann"
    )


SECRETS = (CROP[3_000:3_024], VECTOR.tobytes()[:24], b"holiday")


def test_a_new_gallery_with_a_key_never_writes_a_readable_face(path: Path) -> None:
    with FaceDatabase(path, KEY) as people:
        fill(people)
        assert not any(secret in written(path) for secret in SECRETS)
    with FaceDatabase(path, KEY) as people:
        assert is_whole(people)


@pytest.mark.parametrize(
    ("key", "sentence"), [(None, "is encrypted; name its key"), (OTHER_KEY, "with another key")]
)
def test_without_the_key_nothing_is_opened_and_nothing_destroyed(
    path: Path, key: bytes | None, sentence: str
) -> None:
    with FaceDatabase(path, KEY) as people:
        fill(people)
    with pytest.raises(StorageError, match=sentence):
        FaceDatabase(path, key)
    with FaceDatabase(path, KEY) as people:
        assert is_whole(people)


def test_a_key_for_a_gallery_that_is_readable_says_how_to_encrypt_it(path: Path) -> None:
    with FaceDatabase(path) as people:
        fill(people)
    with pytest.raises(StorageError, match="is not encrypted yet; run `spyoncino faces encrypt"):
        FaceDatabase(path, KEY)


def test_encrypting_in_place_leaves_no_readable_byte_and_decrypting_brings_it_back(
    path: Path,
) -> None:
    with FaceDatabase(path) as people:
        fill(people)
        assert all(secret in written(path) for secret in SECRETS)
        assert people.file.reseal(KEY) == 5
        assert is_whole(people)
        assert not any(secret in written(path) for secret in SECRETS)
        assert people.file.reseal(OTHER_KEY) == 5
    with FaceDatabase(path, OTHER_KEY) as people:
        assert is_whole(people)
        people.file.reseal(None)
    with FaceDatabase(path) as people:
        assert is_whole(people)


def test_a_changed_byte_is_told_as_damage(path: Path) -> None:
    with FaceDatabase(path, KEY) as people:
        fill(people)
        with people.file.write() as connection:
            connection.execute("UPDATE faces SET crop = zeroblob(200)")
        with pytest.raises(DamagedFileError, match=r"faces\.crop cannot be decrypted"):
            people.list_faces()


def test_a_value_cannot_be_moved_to_another_column() -> None:
    cipher = KeyCipher(KEY)
    sealed = cipher.seal(b"a face", "faces.crop")
    assert cipher.open(sealed, "faces.crop") == b"a face"
    assert cipher.seal(b"a face", "faces.crop") != sealed
    with pytest.raises(ValueError, match="another key"):
        cipher.open(sealed, "faces.encoding")


def test_a_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "gallery.key"
    key = write_new_key(path)
    assert read_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="cannot be written"):
        write_new_key(path)
    assert read_key(path) == key


@pytest.mark.parametrize(
    "content", [KEY, KEY.hex().encode(), b"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="]
)
def test_a_key_may_be_bytes_hexadecimal_or_base64(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k"
    path.write_bytes(content)
    path.chmod(0o600)
    assert read_key(path) == KEY


def test_a_wrong_key_file_has_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "k"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_key(path)
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is no key file"):
        read_key(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by other users; run `chmod 600"):
        read_key(path)
