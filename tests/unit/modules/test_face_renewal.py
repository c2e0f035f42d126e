"""A change of the embedding model: nobody is named by half a gallery, and all are named again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.face_payloads import ANN, BEN, detected, face

from spyoncino.errors import JobFailedError
from spyoncino.modules.face_renewal import BATCH, RETRY_S
from spyoncino.modules.process.face_recognizer import FaceRecognizerModule
from spyoncino.persistence.people import FaceDatabase
from spyoncino.persistence.people_rows import StoredReference
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.tasks import FACES, CropsJob, CropsResult
from spyoncino.schemas.events import Identity, Verdict
from spyoncino.schemas.faces import GalleryChange
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    FACES_DETECTED,
    FACES_RECOGNIZED,
    GALLERY_CHANGED,
    STATUS_ERROR,
    STATUS_NOTICE,
)
from spyoncino.testing.harness import ModuleHarness

NEW = "newnet"
OF_CROP = {b"ann": ANN, b"ben": BEN}


@pytest.fixture
def people(tmp_path: Path) -> Iterator[FaceDatabase]:
    with FaceDatabase(tmp_path / "faces" / "faces.db") as database:
        for name, crop in (("Ann", b"ann"), ("Ben", b"ben")):
            person = database.add_person(name)
            database.add_face(person.person_id, np.eye(7)[0], model="oldnet", crop=crop)
        yield database


def vectors(job: CropsJob) -> CropsResult:
    rows = [OF_CROP.get(crop) for crop in job.crops]
    return CropsResult(NEW, tuple(b"" if row is None else row.tobytes() for row in rows))


async def references(people: FaceDatabase) -> list[StoredReference]:
    return await asyncio.to_thread(people.references, NEW)


async def start(
    harness: ModuleHarness, people: FaceDatabase, *, by_hand: bool = False
) -> FaceRecognizerModule:
    harness.context.faces = True
    harness.context.people = people
    harness.pool.answers[FACES] = vectors
    if by_hand:
        harness.pool.by_hand.add(FACES)
    return await harness.add(FaceRecognizerModule)


def said(harness: ModuleHarness) -> list[Identity]:
    events = harness.received(FACES_RECOGNIZED)
    return [identity for event in events for identity in event.recognition_results]


def notices(harness: ModuleHarness) -> list[tuple[HealthState, str]]:
    return [(each.state, each.message) for each in harness.received(STATUS_NOTICE)]


async def let(module: FaceRecognizerModule, harness: ModuleHarness) -> None:
    await module._chores.finished()
    await harness.settle()


async def test_at_the_start_the_references_get_vectors_of_the_workers_model(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module = await start(module_harness, people)
    await let(module, module_harness)
    assert len(await references(people)) == 2
    asked = module_harness.pool.jobs(FACES)
    assert [each.job.priority for each in asked] == [Priority.BACKGROUND] * 2
    assert [each.job.payload.crops for each in asked] == [(), (b"ann", b"ben")]
    begun, ended = notices(module_harness)
    assert begun[0] is HealthState.DEGRADED
    assert begun[1].startswith("The model of faces is newnet now. 2 references are re-embedded")
    assert ended == (
        HealthState.OK,
        "All references have vectors of newnet; people are named again.",
    )
    await module_harness.feed(FACES_DETECTED, detected(1.0, face(), embedder=NEW))
    assert [each.name for each in said(module_harness)] == ["Ann"]
    assert (await module.health()).state is HealthState.OK


async def test_half_a_gallery_names_nobody_and_the_name_comes_when_it_is_whole(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module = await start(module_harness, people, by_hand=True)
    await module_harness.settle()
    await module_harness.feed(FACES_DETECTED, detected(1.0, face(), embedder=NEW))
    (first,) = said(module_harness)
    assert (first.decision, first.name, first.resembles) == (Verdict.UNSURE, None, None)
    words = "0 of 2 faces re-embedded for newnet; nobody is named until all are"
    assert first.reason == words
    health = await module.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, words)
    while len(await references(people)) < 2:
        for asked in module_harness.pool.waiting:
            asked.finish(vectors(asked.job.payload))
        await module_harness.settle()
    await let(module, module_harness)
    assert [(each.decision, each.name) for each in said(module_harness)][1:] == [
        (Verdict.KNOWN, "Ann")
    ]
    assert len(await references(people)) == 2


async def test_a_gallery_that_fits_costs_one_question_and_no_word(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    for name in ("ann", "ben"):
        await asyncio.to_thread(
            people.add_face, name, OF_CROP[name.encode()], model=NEW, crop=name.encode()
        )
    module = await start(module_harness, people)
    await let(module, module_harness)
    assert len(module_harness.pool.jobs(FACES)) == 1
    assert notices(module_harness) == []


async def test_who_has_no_picture_that_can_be_used_is_told_by_name(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await asyncio.to_thread(people.add_person, "Cy Doe")
    await asyncio.to_thread(people.add_face, "cy-doe", np.eye(7)[1], model="oldnet")
    await asyncio.to_thread(people.add_person, "Dan")
    await asyncio.to_thread(
        people.add_face, "dan", np.eye(7)[2], model="oldnet", crop=b"no picture"
    )
    module = await start(module_harness, people)
    await let(module, module_harness)
    health = await module.health()
    assert health.state is HealthState.DEGRADED
    assert health.detail.startswith("Cy Doe, Dan cannot be recognised: no picture of theirs")
    assert notices(module_harness)[-1] == (HealthState.DEGRADED, health.detail)
    asked = len(module_harness.pool.jobs(FACES))
    await module_harness.feed(FACES_DETECTED, detected(1.0, face(), embedder=NEW))
    await module_harness.feed(GALLERY_CHANGED, GalleryChange(source="test", change="enrolled"))
    assert len(module_harness.pool.jobs(FACES)) == asked, "what cannot be used is tried once"
    assert [each.name for each in said(module_harness)] == ["Ann"]


async def test_who_is_forgotten_meanwhile_does_not_come_back(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module = await start(module_harness, people, by_hand=True)
    await module_harness.settle()
    module_harness.pool.waiting[0].finish(vectors(CropsJob()))
    while not module_harness.pool.waiting:
        await module_harness.settle()
    await asyncio.to_thread(people.forget, "ben")
    (asked,) = module_harness.pool.waiting
    asked.finish(vectors(asked.job.payload))
    await let(module, module_harness)
    assert [each.person_id for each in await references(people)] == ["ann"]
    assert [each.person_id for each in await asyncio.to_thread(people.people)] == ["ann"]


async def test_a_job_that_fails_is_tried_again_and_said_meanwhile(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    failures = [JobFailedError("the worker died")]

    def once(job: CropsJob) -> CropsResult:
        if job.crops and failures:
            raise failures.pop()
        return vectors(job)

    module_harness.context.faces = True
    module_harness.context.people = people
    module_harness.pool.answers[FACES] = once
    module = await module_harness.add(FaceRecognizerModule)
    while not (await module.health()).detail.endswith("until all are (the worker died)"):
        await module_harness.settle()
    assert await references(people) == []
    await module_harness.clock.advance(RETRY_S)
    await let(module, module_harness)
    assert len(await references(people)) == 2
    assert (await module.health()).state is HealthState.OK


async def test_a_large_gallery_is_done_in_small_jobs(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    for index in range(2 * BATCH):
        OF_CROP[b"%d" % index] = ANN
        await asyncio.to_thread(
            people.add_face, "ann", np.eye(7)[0], model="oldnet", crop=b"%d" % index
        )
    module = await start(module_harness, people)
    await let(module, module_harness)
    sizes = [len(each.job.payload.crops) for each in module_harness.pool.jobs(FACES)]
    assert sizes == [0, BATCH, BATCH, 2]
    assert len(await references(people)) == 2 * BATCH + 2


async def test_a_lossless_run_waits_for_the_whole_gallery(
    lossless_harness: ModuleHarness, people: FaceDatabase
) -> None:
    await start(lossless_harness, people)
    assert lossless_harness.pool.jobs(FACES) == [], "not before the first face"
    await lossless_harness.feed(FACES_DETECTED, detected(1.0, face(), embedder=NEW))
    assert [each.name for each in said(lossless_harness)] == ["Ann"]
    assert lossless_harness.received(STATUS_ERROR.of("recognition")) == []


async def test_workers_that_cannot_say_their_model_are_asked_with_the_first_face(
    module_harness: ModuleHarness, people: FaceDatabase
) -> None:
    module_harness.context.faces = True
    module_harness.context.people = people
    module = await module_harness.add(FaceRecognizerModule)  # nobody answers yet
    await let(module, module_harness)
    assert (await module.health()).state is HealthState.OK
    module_harness.pool.answers[FACES] = vectors
    await module_harness.feed(FACES_DETECTED, detected(1.0, face(), embedder=NEW))
    await let(module, module_harness)
    assert [each.name for each in said(module_harness)] == [None, "Ann"]
