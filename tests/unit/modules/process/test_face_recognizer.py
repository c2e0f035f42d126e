import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.face_payloads import ANN, BEN, NOBODY, detected, face
from tests.fixtures.payloads import CAMERA, FACE_BOX, quality, track, tracks

from spyoncino.geometry.boxes import Box
from spyoncino.modules.process.face_recognizer import FaceRecognizerModule
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import PersonKind
from spyoncino.schemas.detections import TrackState
from spyoncino.schemas.events import Identity, Verdict
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    FACES_DETECTED,
    FACES_RECOGNIZED,
    GALLERY_CHANGED,
    MOTION_ZONED,
    STATUS_ERROR,
)
from spyoncino.testing.harness import ModuleHarness


@pytest.fixture
def people(tmp_path: Path) -> Iterator[FaceDatabase]:
    with FaceDatabase(tmp_path / "faces" / "faces.db") as database:
        for name, vector in (("Ann Lee", ANN), ("Ben", BEN)):
            person = database.add_person(name)
            database.add_face(person.person_id, vector, model="testnet")
        yield database


async def start(
    harness: ModuleHarness, people: FaceDatabase | None = None, **settings: object
) -> FaceRecognizerModule:
    harness.context.faces = True
    harness.context.people = people
    return await harness.add(FaceRecognizerModule, **settings)


def said(harness: ModuleHarness) -> list[Identity]:
    events = harness.received(FACES_RECOGNIZED)
    return [identity for event in events for identity in event.recognition_results]


async def test_a_face_like_a_reference_is_named_with_the_numbers(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module = await start(module_harness, people)
    await module_harness.feed(FACES_DETECTED, detected(1.0, face()))
    (event,) = module_harness.received(FACES_RECOGNIZED)
    (identity,) = event.recognition_results
    assert (identity.name, identity.person_id, identity.track_id) == ("Ann Lee", "ann-lee", 1)
    assert identity.decision is Verdict.KNOWN
    assert identity.similarity == pytest.approx(1.0)
    assert (identity.pts_s, identity.box, identity.quality) == (1.0, FACE_BOX, 0.8)
    assert (event.camera, event.pts_s) == (CAMERA, 1.0)
    assert module_harness.decisions("face of track 1")[0].reason.startswith("known: similarity")
    numbers = (await module.health()).numbers
    assert (numbers["references"], numbers["named"]) == (2, 1)


async def test_nobody_enrolled_means_nobody_named(module_harness: ModuleHarness) -> None:
    await start(module_harness)
    await module_harness.feed(FACES_DETECTED, detected(1.0, face()))
    assert [(each.decision, each.reason) for each in said(module_harness)] == [
        (Verdict.UNKNOWN, "nobody is enrolled")
    ]


async def test_the_same_answer_is_told_once_and_a_better_face_again(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await start(module_harness, people)
    for pts_s, score in ((1.0, 0.8), (1.5, 0.81), (2.0, 0.9)):
        await module_harness.feed(FACES_DETECTED, detected(pts_s, face(measured=quality(score))))
    assert [each.quality for each in said(module_harness)] == [0.8, 0.9]


async def test_how_far_the_looks_are_is_passed_on(module_harness: ModuleHarness) -> None:
    await start(module_harness)
    await module_harness.feed(FACES_DETECTED, detected(1.0, settled_s=0.9))
    await module_harness.feed(FACES_DETECTED, detected(2.0))
    await module_harness.feed(FACES_DETECTED, detected(3.0, end_of_stream=True))
    told = module_harness.received(FACES_RECOGNIZED)
    assert [(each.settled_s, each.end_of_stream) for each in told] == [(0.9, False), (None, True)]


async def test_a_face_that_was_not_embedded_says_nothing(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await start(module_harness, people)
    empty = face().model_copy(update={"vector": b""})
    await module_harness.feed(FACES_DETECTED, detected(1.0, empty))
    assert said(module_harness) == []


async def test_a_face_without_a_track_is_given_to_the_person_in_whose_box_it_lies(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await start(module_harness, people)
    await module_harness.feed(FACES_DETECTED, detected(0.0, face(NOBODY, track_id=9)))
    await module_harness.feed(MOTION_ZONED, tracks(1.0, [track(3, at_s=1.0)]))
    await module_harness.feed(FACES_DETECTED, detected(1.2, face(track_id=None)))
    assert said(module_harness)[-1].track_id == 3


async def test_a_loose_face_finds_its_track_later(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await start(module_harness, people)
    await module_harness.feed(FACES_DETECTED, detected(1.0, face(track_id=None)))
    elsewhere = face(BEN, track_id=None, box=Box(0.05, 0.1, 0.1, 0.2))
    await module_harness.feed(FACES_DETECTED, detected(1.2, elsewhere))
    await module_harness.feed(MOTION_ZONED, tracks(2.0, [track(3, at_s=2.0)]))
    await module_harness.feed(FACES_DETECTED, detected(2.4, face(track_id=3)))
    assert [(each.name, each.track_id, each.loose_id) for each in said(module_harness)] == [
        ("Ann Lee", None, 1),
        ("Ben", None, 2),
        ("Ann Lee", 3, 1),
    ]


async def test_who_is_enrolled_while_in_view_gets_the_name_at_once(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await start(module_harness, people)
    await module_harness.feed(FACES_DETECTED, detected(1.0, face(NOBODY)))

    def enrol() -> None:
        person = people.add_person("Cleo", PersonKind.BLOCKED)
        people.add_face(person.person_id, NOBODY, model="testnet")

    await asyncio.to_thread(enrol)
    await module_harness.feed(GALLERY_CHANGED, GalleryChange(change="enrolled"))
    await module_harness.settle()
    assert [(each.name, each.decision) for each in said(module_harness)] == [
        (None, Verdict.UNKNOWN),
        ("Cleo", Verdict.BLOCKED),
    ]


async def test_vectors_of_two_models_never_mix(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await start(module_harness, people)
    await module_harness.feed(FACES_DETECTED, detected(1.0, face()))
    other = face(np.ones(8, "<f4"))
    await module_harness.feed(FACES_DETECTED, detected(1.5, other, embedder="othernet"))
    assert [each.name for each in said(module_harness)] == ["Ann Lee", None]
    assert said(module_harness)[-1].reason == "nobody is enrolled"


async def test_an_error_is_told_and_nobody_waits_for_the_answer(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module = await start(module_harness, people)
    wrong = face(np.ones(7, "<f4"))
    await module_harness.feed(FACES_DETECTED, detected(1.0, wrong, settled_s=1.0))
    (report,) = module_harness.received(STATUS_ERROR.of("recognition"))
    assert (report.component, report.error_type) == ("process.face_recognizer", "ModelError")
    assert module_harness.received(FACES_RECOGNIZED)[0].settled_s == 1.0
    assert (await module.health()).state is HealthState.DEGRADED
    await module_harness.feed(FACES_DETECTED, detected(2.0, face(track_id=2)))
    assert (await module.health()).state is HealthState.OK


async def test_tracks_are_forgotten_some_time_after_their_end(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module = await start(module_harness, people, linger_s=5.0)
    await module_harness.feed(FACES_DETECTED, detected(1.0, face()))
    ended = track(1, at_s=2.0, state=TrackState.ENDED)
    await module_harness.feed(MOTION_ZONED, tracks(2.0, [ended]))
    assert (await module.health()).numbers["remembered"] == 1
    await module_harness.feed(MOTION_ZONED, tracks(7.5))
    assert (await module.health()).numbers["remembered"] == 0


async def test_a_stricter_limit_makes_a_name_unsure_of_who_is_in_view(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module = await start(module_harness, people)
    alike = (0.7 * ANN + np.sqrt(1 - 0.49) * NOBODY).astype("<f4")
    await module_harness.feed(FACES_DETECTED, detected(1.0, face(alike)))
    strict = module.settings.model_copy(update={"known_from": 0.9, "unsure_from": 0.5})
    await module.configure(strict)
    await module_harness.settle()
    assert [each.decision for each in said(module_harness)] == [Verdict.KNOWN, Verdict.UNSURE]
    assert said(module_harness)[-1].resembles == "Ann Lee"


async def test_limits_follow_tolerance_and_what_is_set_wins(module_harness: ModuleHarness) -> None:
    strict = await start(module_harness, tolerance=0.3)
    usual = await start(module_harness)
    exact = await start(module_harness, known_from=0.2, min_faces=1)
    assert strict._limits.known_from > usual._limits.known_from
    assert (exact._limits.known_from, exact._limits.unsure_from) == (0.2, 0.2)
    assert exact._limits.min_faces == 1
