"""After a change of the embedding model: the references get its vectors, in the background.

Until all are there nobody is named: of half a gallery the next person in line is missing, and the
margin that proves a name is wrong.
"""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from spyoncino.core.context import ModuleContext
from spyoncino.errors import SpyoncinoError
from spyoncino.modules.chores import Chores
from spyoncino.persistence.people_renewal import Waiting, waiting_for
from spyoncino.runtime.jobs import Job, Priority
from spyoncino.runtime.tasks import FACES, CropsJob, CropsResult
from spyoncino.schemas.status import HealthState

BATCH = 16
"""Crops of one job, about a second of one worker: a press waits for no longer."""

RETRY_S = 30.0
"""After a failed job: the model may be replaced, a worker may come back."""

_SHOWN_PEOPLE = 5
"""Names in one sentence."""

Tell = Callable[[str, HealthState], Awaitable[None]]
"""Tells people a sentence: degraded when something begins, ok when it is over."""


class GalleryRenewal:
    """Makes the vectors that references lack, and knows whether the gallery is whole.

    Args:
        context: Pool, database of people, clock and log.
        chores: Where the work in the background is kept.
        tell: Tells people.
        on_whole: Called when vectors were made and the gallery should be read again.
    """

    def __init__(
        self,
        context: ModuleContext,
        chores: Chores,
        tell: Tell,
        on_whole: Callable[[], Awaitable[None]],
    ) -> None:
        self._context = context
        self._chores = chores
        self._tell = tell
        self._on_whole = on_whole
        self._turn = asyncio.Lock()
        self._model = ""
        self._unusable: set[str] = set()
        self._lost: tuple[str, ...] = ()
        self._error = ""
        self.done = 0
        self.total = 0

    @property
    def is_whole(self) -> bool:
        """Whether every reference that can have a vector of today's model has one."""
        return self.done >= self.total

    @property
    def sentence(self) -> str:
        """How far it is, and what is wrong; empty when all is well."""
        if not self.is_whole:
            why = f" ({self._error})" if self._error else ""
            return (
                f"{self.done} of {self.total} faces re-embedded for {self._model}; "
                f"nobody is named until all are{why}"
            )
        if self._lost:
            return (
                f"{_listed(self._lost)} cannot be recognised: no picture of theirs has a vector "
                f"of {self._model}; enrol them again"
            )
        return ""

    def begin(self) -> None:
        """At the start: ask the workers for their model, and see to what the references lack."""
        if self._context.faces and self._context.people is not None and not self._context.lossless:
            self._chores.start(self._see(), name="renewal of the gallery")

    async def look(self, model: str) -> None:
        """The gallery of a model is about to be read: see what it lacks, and begin to make it.

        In a lossless run it is made at once, so that the result does not depend on time.

        Raises:
            SpyoncinoError: In a lossless run: the workers could not make it.
        """
        async with self._turn:
            await self._look(model)

    async def _look(self, model: str) -> None:
        people = self._context.people
        if people is None or not model or (model == self._model and not self.is_whole):
            return
        waiting = await asyncio.to_thread(waiting_for, people, model)
        left = [face for face in waiting.faces if face.face_id not in self._unusable]
        self._model, self.done, self.total, self._error = model, 0, len(left), ""
        await self._note_lost(waiting)
        if not left:
            return
        self._context.log.warning("the gallery is re-embedded", model=model, faces=len(left))
        if self._context.lossless:
            await self._make(model)
            return
        self._chores.start(self._make_and_tell(model), name="renewal of the gallery")

    async def _see(self) -> None:
        try:
            known = await self._ask(CropsJob())
            await self.look(known.embedder)
        except SpyoncinoError as error:  # the first face asks again
            self._context.log.info("the workers do not say their face model", why=str(error))

    async def _make_and_tell(self, model: str) -> None:
        await self._tell(
            f"The model of faces is {model} now. {self.total} references are re-embedded from the "
            "kept pictures; nobody is named until all are.",
            HealthState.DEGRADED,
        )
        while not self.is_whole:
            try:
                await self._make(model)
            except SpyoncinoError as error:
                self._error = str(error)
                self._context.log.error("the gallery is not re-embedded yet", why=self._error)
                await self._context.clock.sleep(RETRY_S)
        await self._on_whole()
        await self._tell(
            self.sentence or f"All references have vectors of {model}; people are named again.",
            HealthState.DEGRADED if self._lost else HealthState.OK,
        )

    async def _make(self, model: str) -> None:
        """Make what is missing now; what was removed meanwhile does not come back."""
        people = self._context.people
        if people is None:
            self.total = self.done
            return
        waiting = await asyncio.to_thread(waiting_for, people, model)
        left = [face for face in waiting.faces if face.face_id not in self._unusable]
        self.total = self.done + len(left)
        for start in range(0, len(left), BATCH):
            some = left[start : start + BATCH]
            made = await self._ask(CropsJob(tuple(face.crop for face in some)))
            if made.embedder != model:
                raise SpyoncinoError(f"the workers use {made.embedder} now, not {model}")
            for face, vector in zip(some, made.vectors, strict=True):
                if vector:
                    row = np.frombuffer(vector, "<f4")
                    await asyncio.to_thread(people.add_vector_of, face.face_id, row, model)
                else:
                    self._unusable.add(face.face_id)
            self.done += len(some)
        await self._note_lost(await asyncio.to_thread(waiting_for, people, model))
        self.total, self._error = self.done, ""
        self._context.log.info("the gallery is re-embedded", model=model, faces=self.done)

    async def _ask(self, crops: CropsJob) -> CropsResult:
        result: CropsResult = await self._context.pool.submit(
            Job(FACES, crops, priority=Priority.BACKGROUND)
        )
        return result

    async def _note_lost(self, waiting: Waiting) -> None:
        """Who can never be recognised by this model, by name."""
        coming = {each.person_id for each in waiting.faces if each.face_id not in self._unusable}
        lost = waiting.people - coming
        names: list[str] = []
        if lost and self._context.people is not None:
            everybody = await asyncio.to_thread(self._context.people.people)
            names = [each.name for each in everybody if each.person_id in lost]
        self._lost = tuple(names)


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN_PEOPLE
    return ", ".join(names[:_SHOWN_PEOPLE]) + (f" and {more} more" if more > 0 else "")
