"""The database of people: reference faces, searching them, forgetting them for good."""

import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.core.paths import DataFolder
from spyoncino.errors import DamagedFileError, StorageError, UsageError
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_names import person_id_of
from spyoncino.persistence.people_renewal import reembed
from spyoncino.persistence.people_rows import NewFace, PersonKind
from spyoncino.persistence.people_schema import STEPS

CROP = b"\xff\xd8 the picture of a face " * 200


def unit(*parts: float) -> NDArray[np.float64]:
    vector = np.array(parts, dtype=np.float64)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return DataFolder(tmp_path).face_database


@pytest.fixture
def people(path: Path) -> Iterator[FaceDatabase]:
    with FaceDatabase(path) as database:
        yield database


def test_the_faces_table_has_the_specified_columns_and_indexes(people: FaceDatabase) -> None:
    with people.file.read() as connection:
        columns = {row[1]: row for row in connection.execute("PRAGMA table_info(faces)")}
        indexes = {row[1] for row in connection.execute("PRAGMA index_list(faces)")}
        (definition,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'faces'"
        ).fetchone()
    specified = {
        "id": "INTEGER",
        "person_id": "TEXT",
        "encoding": "BLOB",
        "metadata": "TEXT",
        "created_at": "TIMESTAMP",
        "updated_at": "TIMESTAMP",
        "is_blacklisted": "BOOLEAN",
    }
    assert {name: columns[name][2] for name in specified} == specified
    assert columns["person_id"][3] == columns["encoding"][3] == 1
    assert columns["is_blacklisted"][4] == "FALSE"
    assert "AUTOINCREMENT" in definition
    assert {"idx_faces_person_id", "idx_faces_blacklisted"} <= indexes


def test_only_this_user_can_read_a_byte_of_it(people: FaceDatabase, path: Path) -> None:
    people.add_face("ann-lee", unit(1, 0), crop=CROP)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"faces.db": 0o600, "faces.db-wal": 0o600, "faces.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    FaceDatabase(path).close()
    path.chmod(0o644)
    FaceDatabase(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_face_comes_back_as_it_was_kept(people: FaceDatabase) -> None:
    encoding = np.linspace(-1, 1, 512, dtype=np.float32)
    number = people.add_face(
        "ann-lee", encoding, {"from": "a.jpg"}, model="m1", crop=CROP, quality=0.75
    )
    (face,) = people.list_faces("ann-lee")
    assert (face.face_id, face.person_id, face.model) == (number, "ann-lee", "m1")
    assert (face.metadata, face.crop, face.quality) == ({"from": "a.jpg"}, CROP, 0.75)
    assert face.encoding.dtype == np.float64
    assert np.array_equal(face.encoding.astype(np.float32), encoding)
    with people.file.read() as connection:
        (blob,) = connection.execute("SELECT encoding FROM faces").fetchone()
    assert blob == encoding.astype("<f8").tobytes()


def test_matches_are_sorted_by_distance_and_cut_at_the_tolerance(people: FaceDatabase) -> None:
    for name, vector in (("far", (0, 1)), ("near", (1, 0.1)), ("middle", (1, 0.5))):
        people.add_face(name, unit(*vector), {"of": name}, model="m1")
    found = people.find_matches(unit(1, 0))
    assert [match.person_id for match in found] == ["near", "middle"]
    assert found[0].distance == pytest.approx(np.linalg.norm(unit(1, 0) - unit(1, 0.1)))
    assert found[0].confidence == pytest.approx(1 - found[0].distance)
    assert found[0].metadata == {"of": "near"}
    assert len(people.find_matches(unit(1, 0), tolerance=2)) == 3


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_searching_is_exact(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    numbers = st.floats(-1, 1, width=32)
    vectors = st.lists(numbers, min_size=4, max_size=4).map(np.array)
    references = data.draw(st.lists(vectors, min_size=1, max_size=8))
    probe, tolerance = data.draw(vectors), data.draw(st.floats(0, 3))
    with FaceDatabase(tmp_path_factory.mktemp("faces") / "faces.db") as people:
        people.add_faces("ann", [NewFace(each) for each in references], model="m")
        found = people.find_matches(probe, tolerance)
    distances = sorted(float(np.sqrt(np.square(each - probe).sum())) for each in references)
    assert [match.distance for match in found] == [each for each in distances if each <= tolerance]


def test_a_search_sees_what_was_added_removed_or_written_by_others(
    people: FaceDatabase, path: Path
) -> None:
    first = people.add_face("ann", unit(1, 0), model="m")
    assert len(people.find_matches(unit(1, 0))) == 1
    with FaceDatabase(path) as other:
        other.add_face("bob", unit(1, 0.01), model="m")
    assert len(people.find_matches(unit(1, 0))) == 2
    assert people.remove_faces([first, "77"]) == 1
    assert [match.person_id for match in people.find_matches(unit(1, 0))] == ["bob"]


def test_a_face_that_is_removed_takes_what_other_models_made_of_it_along(
    people: FaceDatabase,
) -> None:
    for crop in (b"bad", b"good"):
        people.add_face("ann", unit(1, 0), model="old", crop=crop)
    people.add_face("bob", unit(1, 0), model="old", crop=b"bad")
    assert reembed(people, lambda crops: [unit(1, 1, 1)] * len(crops), "new") == (3, 0)
    (bad,) = (face for face in people.list_faces("ann", model="new") if face.crop == b"bad")
    assert people.remove_faces([bad.face_id]) == 1
    assert {face.crop for face in people.list_faces("ann")} == {b"good"}
    assert len(people.list_faces("bob")) == 2
    assert reembed(people, lambda crops: [unit(1, 1, 1)] * len(crops), "new") == (0, 0)


def test_a_vector_for_a_face_that_is_gone_is_not_kept(people: FaceDatabase) -> None:
    face_id = people.add_face("ann", unit(1, 0), model="old", crop=CROP)
    people.flag("ann", PersonKind.BLOCKED)
    assert people.add_vector_of(face_id, unit(1, 1, 1), "new")
    (made,) = people.list_faces(model="new")
    assert (made.person_id, made.crop, made.is_blacklisted) == ("ann", CROP, True)
    people.forget("ann")
    assert not people.add_vector_of(face_id, unit(1, 1, 1), "new")
    assert people.people() == []


def test_vectors_of_two_models_never_meet(people: FaceDatabase) -> None:
    people.add_face("ann", unit(1, 0), model="old")
    people.add_face("bob", unit(1, 0, 0), model="new")
    assert [match.person_id for match in people.find_matches(unit(1, 0, 0))] == ["bob"]
    assert [match.person_id for match in people.find_matches(unit(1, 0), model="old")] == ["ann"]
    assert [each.person_id for each in people.references("old")] == ["ann"]
    assert [each.person_id for each in people.references()] == ["bob"]
    with pytest.raises(UsageError, match="of the model new have 3 numbers, not 2"):
        people.find_matches(unit(1, 0))
    with pytest.raises(UsageError, match="of the model old have 2 numbers, not 3"):
        people.add_face("ann", unit(1, 0, 0), model="old")


@pytest.mark.parametrize("wrong", [np.zeros(0), np.zeros((2, 2)), np.array([np.nan, 1])])
def test_only_a_vector_of_finite_numbers_is_an_encoding(
    people: FaceDatabase, wrong: NDArray[np.float64]
) -> None:
    with pytest.raises(UsageError, match="a vector of finite numbers"):
        people.add_face("ann", wrong)
    assert people.people() == []


def test_a_batch_is_kept_whole_or_not_at_all(people: FaceDatabase) -> None:
    with pytest.raises(UsageError):
        people.add_faces("ann", [NewFace(unit(1, 0)), NewFace(unit(1, 0, 0))], model="m")
    assert people.list_faces() == []
    assert people.people() == []
    many = [NewFace(unit(1, each), crop=CROP) for each in range(50)]
    assert people.add_faces("ann", many, model="m") == [str(each) for each in range(1, 51)]


def test_references_are_what_a_gallery_in_memory_needs(people: FaceDatabase) -> None:
    people.add_face("ann", unit(3, 4), model="m")
    people.add_face("bob", unit(1, 0), model="m")
    people.flag("bob", PersonKind.BLOCKED)
    ann, bob = people.references()
    assert (ann.person_id, ann.kind, bob.kind) == ("ann", "known", "blocked")
    assert ann.vector.dtype == np.float32
    assert ann.vector == pytest.approx([0.6, 0.8])


def test_blocking_flags_every_face_now_and_later(people: FaceDatabase) -> None:
    people.add_face("bob", unit(1, 0), model="m")
    people.flag("bob", PersonKind.BLOCKED)
    people.add_face("bob", unit(1, 1), model="m")
    assert [face.is_blacklisted for face in people.list_faces("bob")] == [True, True]
    people.flag("bob", PersonKind.KNOWN)
    assert [face.is_blacklisted for face in people.list_faces("bob")] == [False, False]
    with pytest.raises(UsageError, match="there is nobody called 'eve'"):
        people.flag("eve", PersonKind.BLOCKED)


def test_people_are_found_by_key_or_name(people: FaceDatabase) -> None:
    ann = people.add_person("Ann  Lee")
    people.add_face("ann-lee", unit(1, 0))
    assert (ann.person_id, ann.name, ann.kind) == ("ann-lee", "Ann Lee", PersonKind.KNOWN)
    assert people.add_person("ann lee", PersonKind.BLOCKED).kind is PersonKind.KNOWN
    found = people.person("ANN LEE")
    assert found is not None
    assert found == people.person("ann-lee")
    assert found.face_count == 1
    assert people.person("bob") is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Ann Lee", "ann-lee"),
        ("  José   Müller ", "jose-muller"),
        ("王小明", "王小明"),
        ("R2_D2!", "r2-d2"),
    ],
)
def test_the_key_is_the_name_in_plain_letters(name: str, key: str) -> None:
    assert person_id_of(name) == key


def test_a_name_has_a_letter(people: FaceDatabase) -> None:
    with pytest.raises(UsageError, match="it has no letter and no digit"):
        people.add_person(" !? ")


def test_forgetting_leaves_not_one_byte_of_a_face_in_the_file(
    people: FaceDatabase, path: Path
) -> None:
    stays = np.random.default_rng(1).bytes(9_000)
    goes = [np.random.default_rng(each).bytes(9_000) for each in range(2, 30)]
    for each in goes:
        people.add_face("ann", unit(1, each[0]), model="m", crop=each, quality=0.5)
        people.add_face("bob", unit(1, 0), model="m", crop=stays)
    receipt = people.forget("ann")
    assert (receipt.faces, receipt.crops, receipt.sightings) == (28, 28, 0)
    assert receipt.is_scrubbed
    written = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert stays[100:140] in written
    for each in goes:
        for at in range(0, len(each), 200):
            assert each[at : at + 24] not in written
    assert people.person("ann") is None
    with pytest.raises(UsageError, match="there is nobody called 'ann'"):
        people.forget("ann")


def test_traces_that_a_kill_left_are_removed_at_the_next_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = np.random.default_rng(3).bytes(9_000)
    people = FaceDatabase(path)
    people.add_face("ann", unit(1, 0), crop=secret)
    monkeypatch.setattr(people.file, "scrub", lambda: False)
    assert not people.forget("ann").is_scrubbed
    with FaceDatabase(path) as again, closing(people):
        assert again.people() == []
        written = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert secret[2_000:2_024] not in written


def test_a_new_model_makes_its_vectors_from_the_kept_crops(people: FaceDatabase) -> None:
    for index in range(5):
        people.add_face("ann", unit(1, index), {"n": index}, model="old", crop=b"c%d" % index)
    people.add_face("bob", unit(1, 1), model="old")

    def embed(crops: Sequence[bytes]) -> list[NDArray[np.float64] | None]:
        return [None if crop == b"c3" else unit(1, 2, int(crop[1:])) for crop in crops]

    assert reembed(people, embed, "new", batch=2) == (4, 2)
    assert people.newest_model() == "new"
    assert [face.metadata["n"] for face in people.list_faces(model="new")] == [0, 1, 2, 4]
    assert reembed(people, embed, "new") == (0, 2)
    assert len(people.list_faces(model="old")) == 6


def test_many_threads_write_and_search_at_once(people: FaceDatabase) -> None:
    def work(number: int) -> None:
        for each in range(10):
            people.add_face(f"p{number}", unit(1, each), model="m")
            people.find_matches(unit(1, 0), 2)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(people.find_matches(unit(1, 0), 2)) == 40


def test_a_backup_taken_while_it_is_in_use_is_whole_and_private(
    people: FaceDatabase, tmp_path: Path
) -> None:
    people.add_face("ann", unit(1, 0), crop=CROP)
    copy = tmp_path / "copy" / "faces.db"
    people.file.backup(copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with FaceDatabase(copy) as restored:
        assert restored.list_faces()[0].crop == CROP


def test_a_file_of_a_newer_program_is_left_alone(path: Path) -> None:
    FaceDatabase(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(StorageError, match="was written by a newer Spyoncino"):
        FaceDatabase(path)


def test_a_damaged_file_is_a_sentence(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all" * 300)
    with pytest.raises(DamagedFileError, match="is damaged"):
        FaceDatabase(path)


def test_a_step_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FaceDatabase(path).close()
    broken = (*STEPS, ("CREATE TABLE more (n)", "this is no SQL"))
    monkeypatch.setattr("spyoncino.persistence.people_schema.STEPS", broken)
    with pytest.raises(StorageError, match="the database refused"):
        FaceDatabase(path)
    monkeypatch.undo()
    with FaceDatabase(path) as people, people.file.read() as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert "more" not in tables
