"""``faces``: enrolling says what is wrong, people are listed, blocked, forgotten, named."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from spyoncino.cli.app import app
from spyoncino.core.paths import DataFolder
from spyoncino.detectors.embedder_config import Likeness
from spyoncino.errors import StorageError, UsageError
from spyoncino.geometry.boxes import Box
from spyoncino.geometry.faces import FaceQuality
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import NewSighting
from spyoncino.runtime.tasks import FoundFace

GOOD = FaceQuality(0.9, 120.0, 0.9, 0.9, 0.9, 1.0)
ANN, ANN_2, ANN_3, BOB, TWIN, TWO, SMALL, NOBODY = range(10, 90, 10)
"""Blue of a picture, which tells the double below what to see in it."""


def found(*vector: float, left: float = 0.4, quality: FaceQuality = GOOD) -> FoundFace:
    row = np.array(vector, np.float32)
    points = tuple((left + 0.02 * step, 0.2) for step in range(5))
    return FoundFace(
        Box(left, 0.1, left + 0.2, 0.5),
        0.9,
        points,
        None,
        quality,
        (row / np.linalg.norm(row)).astype("<f4").tobytes(),
        b"a crop",
    )


SEEN: dict[int, list[FoundFace]] = {
    ANN: [found(1, 0, 0)],
    ANN_2: [found(1, 0.6, 0)],
    ANN_3: [found(1, 0, 0.6)],
    BOB: [found(0, 0, 1)],
    TWIN: [found(1, 0.3, 0)],
    TWO: [found(0, 1, 0, left=0.6), found(0, 0, 1, left=0.1, quality=replace(GOOD, size_px=100))],
    SMALL: [found(1, 0, 0, quality=replace(GOOD, size_px=20.0))],
    NOBODY: [],
}


class FakeLooker:
    """Sees what the blue of a picture says."""

    embedder = "fake"
    likeness = Likeness(0.5, 0.35, 0.05, 32)

    def faces_of(self, image: NDArray[np.uint8]) -> Sequence[FoundFace]:
        return SEEN[int(image[0, 0, 0])]

    def vectors_of(self, crops: Sequence[bytes]) -> list[NDArray[np.float32] | None]:
        return [np.array([1, 0, 0, 0], np.float32) for _ in crops]


class NewLooker(FakeLooker):
    embedder = "newer"


@pytest.fixture(autouse=True)
def looker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for file in ("enroll", "import", "identify", "lock"):
        monkeypatch.setattr(f"spyoncino.cli.faces_{file}.open_looker", lambda _faces: FakeLooker())
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)


def picture(name: str, blue: int, shade: int = 0) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((200, 400, 3), (blue, 0, shade), np.uint8))
    return name


def faces(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["--data", "data", "faces", *words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def flat(result: Result) -> str:
    return " ".join(result.stdout.split())


@pytest.fixture
def people() -> Iterator[FaceDatabase]:
    folder = DataFolder(Path("data"))
    folder.prepare()
    with FaceDatabase(folder.face_database) as database:
        yield database


def test_enrolling_keeps_the_face_and_says_that_recognition_is_off() -> None:
    result = faces("enroll", "Ann Lee", picture("a.png", ANN), picture("b.png", ANN_2))
    assert "a.png: enrolled as Ann Lee (120 px, quality 0.90)" in flat(result)
    assert "enabled: true" in result.stderr
    assert "Ann Lee ann-lee 2" in flat(faces("list"))


def test_the_same_picture_is_not_enrolled_twice_even_written_again() -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    again = faces("enroll", "ann", "a.png", picture("a2.png", ANN, shade=9))
    assert flat(again).count("enrolled already") == 2
    assert json.loads(faces("list", "--json").stdout)["faces"] == 1


@pytest.mark.parametrize(
    ("blue", "sentence"),
    [
        (NOBODY, "no face was found"),
        (SMALL, "the face is too small: 20 pixels wide"),
        (TWO, "it has 2 faces, from left to right: 1 (100 px), 2 (120 px); the largest is 2"),
        (TWIN, "it looks like Ann (0.96); if it really is somebody else, insist with --anyway"),
    ],
)
def test_enrolling_says_what_is_wrong_with_a_picture(blue: int, sentence: str) -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    result = faces("enroll", "Bob", picture("b.png", blue), code=1)
    assert sentence in flat(result)
    assert "Bob" not in faces("list").stdout


def test_a_face_can_be_chosen_and_a_picture_insisted_on() -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    faces("enroll", "Bob", picture("b.png", TWO), "--face", "1")
    faces("enroll", "Eve", picture("t.png", TWIN), "--anyway")
    people = [json.loads(line)["name"] for line in faces("list", "--json").stdout.splitlines()]
    assert people == ["Ann", "Bob", "Eve"]


def test_a_picture_unlike_the_others_is_taken_with_a_remark() -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    assert "looks little like the other pictures of Ann (0.00): is it Ann?" in flat(
        faces("enroll", "Ann", picture("b.png", BOB))
    )


def test_a_file_that_is_no_picture_is_told_with_the_others_still_done() -> None:
    Path("notes.txt").write_text("hello")
    result = faces(
        "enroll", "Ann", "notes.txt", picture("a.png", ANN), "gone.jpg", "--json", code=1
    )
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["enrolled"] for each in told] == [False, True, False]
    assert told[0]["problem"] == "it is not a picture (JPEG, PNG, WebP, GIF or BMP)"
    assert "No such file" in told[2]["problem"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("enroll", "Ann"), "name the pictures to enrol"),
        (("enroll", "?!", "a.png"), "is no name"),
        (("enroll", "Ann", "a.png", "b.png", "--face", "1"), "--face chooses in one picture"),
        (("show", "eve"), "there is nobody called 'eve'"),
        (("forget", "eve"), "there is nobody called 'eve'"),
        (("block", "eve"), "there is nobody called 'eve'"),
        (("name", "3", "Eve"), "there is no stranger 3"),
        (("ignore", "3"), "there is no stranger 3"),
        (("import", "nowhere"), "nowhere is no folder"),
        (("encrypt", "k"), "nobody is known yet"),
        (("reembed",), "nobody is known yet"),
        (("enroll", "Ann", "--sighting", "4"), "there is no sighting 4"),
    ],
)
def test_wrong_use_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence.replace("?", r"\?")):
        faces(*words)


def test_identify_prints_exactly_the_promised_fields() -> None:
    faces("enroll", "Ann", picture("a.png", ANN), picture("b.png", ANN_2))
    result = faces("identify", "a.png", picture("two.png", TWO), picture("n.png", NOBODY), "--json")
    first, second, third = (json.loads(line) for line in result.stdout.splitlines())
    assert list(first) == ["image", "faces"]
    (face,) = first["faces"]
    assert list(face) == [
        *("box", "landmarks", "quality", "name", "decision", "similarity", "margin"),
    ]
    assert face["box"] == [160.0, 20.0, 240.0, 100.0]
    assert face["landmarks"][0] == [160.0, 40.0]
    assert (face["name"], face["decision"], face["similarity"]) == ("Ann", "known", 1.0)
    assert [each["decision"] for each in second["faces"]] == ["unknown", "unsure"] or [
        each["name"] for each in second["faces"]
    ] == [None, None]
    assert third["faces"] == []


def test_identify_tells_a_person_and_goes_on_after_a_bad_file() -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    faces("block", "ann")
    result = faces("identify", "gone.png", "a.png", picture("n.png", NOBODY), code=1)
    assert "gone.png cannot be read: No such file" in result.stderr
    assert "Ann (blocked)" in result.stdout
    assert "n.png: no face" in result.stdout


def test_blocking_and_unblocking(people: FaceDatabase) -> None:
    faces("enroll", "Bob", picture("b.png", BOB))
    assert "Bob is blocked" in faces("block", "Bob").stdout
    assert people.list_faces("bob")[0].is_blacklisted
    assert "Bob is known" in faces("unblock", "bob").stdout
    assert json.loads(faces("block", "bob", "--json").stdout)["kind"] == "blocked"


def test_a_person_is_shown_with_references_and_crops() -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    assert "1 a.png fake 0.90" in flat(faces("show", "ann", "--crops", "out"))
    assert Path("out/ann-1.jpg").read_bytes() == b"a crop"
    shown = json.loads(faces("show", "ann", "--json").stdout)
    assert shown["references"][0]["metadata"]["file"] == "a.png"


def test_forgetting_prints_a_receipt_and_one_face_can_go_alone() -> None:
    faces("enroll", "Ann", picture("a.png", ANN), picture("b.png", ANN_2), picture("c.png", ANN_3))
    assert "1 faces of Ann erased" in faces("forget", "ann", "--face", "2").stdout
    with pytest.raises(UsageError, match="Ann has no face 2"):
        faces("forget", "ann", "--face", "2")
    receipt = flat(faces("forget", "Ann"))
    assert "Ann is forgotten: 2 reference faces" in receipt
    assert "the name in 0 past events" in receipt
    assert "nobody is known yet" in faces("list").stdout


def see_stranger(people: FaceDatabase, *events: str) -> int:
    number = people.strangers.new_stranger(datetime.now(UTC))
    for at, event in enumerate(events):
        vector = np.array([0.2 * at, 1.0, 0.0])
        people.strangers.add_sighting(
            NewSighting(
                "door", event, datetime.now(UTC), vector, "fake", 1, b"c%d" % at, 0.9, number
            )
        )
    return number


def test_strangers_are_listed_named_blocked_and_ignored(people: FaceDatabase) -> None:
    assert "no strangers so far" in faces("list", "--strangers").stdout
    first, second, third = (see_stranger(people, "e1", "e2") for _ in range(3))
    assert json.loads(faces("list", "--strangers", "--json").stdout.splitlines()[0])["events"] == 2
    named = faces("name", str(first), "Ann Lee")
    assert f"stranger {first} is Ann Lee now: 2 pictures are references" in flat(named)
    assert f"Stranger {second} is blocked" in faces("block", f"stranger {second}").stdout
    assert json.loads(faces("ignore", str(third), "--json").stdout)["faces"] == 2
    listed = flat(faces("list", "--strangers"))
    assert "ann-lee" in listed
    assert "ignored" in listed


def test_suggest_lists_returning_strangers_and_new_views_only(people: FaceDatabase) -> None:
    assert "nothing that would add something new" in faces("suggest").stdout
    faces("enroll", "Ann", picture("a.png", ANN))
    number = see_stranger(people, "e1", "e2")
    for vector in ([1.0, 1.6, 0.0], [1.0, 1.61, 0.0], [1.0, 0.01, 0.0]):
        sighting = NewSighting(
            "door", "e9", datetime.now(UTC), np.array(vector), "fake", quality=0.8
        )
        people.strangers.add_sighting(sighting)
    told = faces("suggest").stdout
    assert f"stranger {number}, second visit this week" in told
    assert told.count("perhaps Ann") == 1
    views = [json.loads(line) for line in faces("suggest", "--json").stdout.splitlines()]
    sighting_id = str(next(each["sighting"] for each in views if "sighting" in each))
    assert "enrolled as Ann" in faces("enroll", "Ann", "--sighting", sighting_id).stdout
    assert "perhaps Ann" not in faces("suggest").stdout


def test_import_takes_folders_and_names_says_why_not_and_can_be_repeated() -> None:
    picture("album/ann_lee/1.png", ANN)
    picture("album/ann_lee/deep/2.png", ANN_2)
    picture("album/Bob.png", BOB)
    picture("album/Bob 2.png", NOBODY)
    picture("album/.hidden/x.png", BOB)
    Path("album/readme.txt").write_text("x")
    first = flat(faces("import", "album"))
    assert "Ann Lee 2" in first
    assert "Bob 1 1" in first
    assert "Bob 2.png: no face was found" in first
    assert "1 files are no pictures" in first
    again = [json.loads(line) for line in faces("import", "album", "--json").stdout.splitlines()]
    assert {each["name"]: (each["enrolled"], each["already"]) for each in again} == {
        "Bob": (0, 1),
        "Ann Lee": (0, 2),
    }


def test_import_takes_the_folders_of_earlier_systems() -> None:
    picture("old/known_faces/ann.png", ANN)
    picture("old/known_faces/bob/1.png", BOB)
    picture("old/blacklist_faces/bob_2.png", TWO)
    picture("old/blacklist_faces/eve/1.png", TWIN)
    picture("old/other/x.png", ANN)
    faces("import", "old", "--anyway", code=0)
    kinds = {
        each["name"]: each["kind"]
        for each in map(json.loads, faces("list", "--json").stdout.splitlines())
    }
    assert kinds == {"Ann": "known", "Bob": "blocked", "Eve": "blocked"}


def test_import_without_pictures_or_success_fails() -> None:
    Path("album").mkdir()
    with pytest.raises(UsageError, match="there is no picture in album"):
        faces("import", "album")
    picture("album/ann/1.png", NOBODY)
    picture("album/_.png", ANN)
    result = faces("import", "album", code=1)
    assert "its name has no letter and no digit" in flat(result)


def test_report_prints_scores_a_threshold_and_draws_them() -> None:
    assert "nobody is enrolled" in flat(faces("report"))
    faces("enroll", "Ann", picture("a.png", ANN), picture("b.png", ANN_2), picture("c.png", ANN_3))
    faces("enroll", "Eve", picture("t.png", TWIN), "--anyway")
    told = flat(faces("report", "--plot", "gallery.svg"))
    assert "own person (leave one out) 3" in told
    assert "Ann Eve 0.9" in told
    assert "may be confused" in told
    assert Path("gallery.svg").read_text().startswith("<svg")
    facts = json.loads(faces("report", "--json").stdout)
    assert facts["at_risk"] == [["ann", "eve"]]
    with pytest.raises(StorageError, match="cannot be written"):
        faces("report", "--plot", "no/such/folder.svg")


def test_encrypting_makes_a_key_and_decrypting_needs_it() -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    with pytest.raises(UsageError, match="lies beside what it locks"):
        faces("encrypt", "data/key")
    assert "key_file:" in faces("encrypt", "key").stdout
    with pytest.raises(StorageError, match="is encrypted"):
        faces("list")
    faces("decrypt", "key")
    assert json.loads(faces("list", "--json").stdout)["name"] == "Ann"


def test_a_new_model_embeds_the_kept_pictures_again(monkeypatch: pytest.MonkeyPatch) -> None:
    faces("enroll", "Ann", picture("a.png", ANN))
    for file in ("identify", "lock"):
        monkeypatch.setattr(f"spyoncino.cli.faces_{file}.open_looker", lambda _faces: NewLooker())
    warned = faces("identify", "a.png")
    assert "are of another model than newer; run `spyoncino faces reembed`" in warned.stderr
    assert "1 faces have vectors of newer now" in faces("reembed").stdout
    assert "newer" in faces("show", "ann").stdout
