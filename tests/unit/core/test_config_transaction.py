import asyncio

import pytest

from spyoncino.clock import FakeClock, SystemClock
from spyoncino.core.config_transaction import Limits, Outcome, Verdict, transact
from spyoncino.errors import StorageError

QUICK = Limits(proof_s=0, waiting_s=0, part_s=0.05)


class Piece:
    """A part that does as it is told and writes down what was asked of it."""

    def __init__(self, name: str, said: list[str], **faults: str) -> None:
        self.name = name
        self.faults = faults
        self.said = said
        self.verdicts = [(Verdict.WELL, "")]

    async def _do(self, what: str) -> None:
        self.said.append(f"{what} {self.name}")
        fault = self.faults.get(what)
        if fault == "hangs":
            await asyncio.Event().wait()
        if fault == "cancels":
            raise asyncio.CancelledError
        if fault:
            raise StorageError(fault)

    async def apply(self) -> None:
        await self._do("apply")

    async def undo(self) -> None:
        await self._do("undo")

    async def isolate(self) -> str:
        await self._do("isolate")
        return "it stays out"

    async def verdict(self) -> tuple[Verdict, str]:
        return self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]


async def run(*pieces: Piece, limits: Limits = QUICK) -> Outcome:
    return await transact(pieces, limits, SystemClock())


async def test_nothing_to_do_is_kept_at_once() -> None:
    assert (await run(limits=Limits(proof_s=1e6))).is_kept


async def test_what_was_not_reached_is_not_undone() -> None:
    said: list[str] = []
    outcome = await run(Piece("a", said), Piece("b", said, apply="no"), Piece("c", said))
    assert said == ["apply a", "apply b", "undo b", "undo a"]
    assert (outcome.is_kept, outcome.part, outcome.reason) == (False, "b", "no")
    assert outcome.is_complete


async def test_a_part_that_gives_up_by_itself_has_failed() -> None:
    outcome = await run(Piece("a", [], apply="cancels"))
    assert outcome.reason == "it gave up by itself"


async def test_an_undo_that_fails_stops_no_other_and_is_told() -> None:
    said: list[str] = []
    outcome = await run(
        Piece("a", said, undo="stuck"),
        Piece("b", said, undo="hangs", isolate="hangs"),
        Piece("c", said, apply="no"),
    )
    late = "it was not done after 0.05 s"
    assert outcome.diagnostics == (
        "c has its old settings again",
        f"b did not take its old settings back ({late}): {late}",
        "a did not take its old settings back (stuck): it stays out",
    )
    assert not outcome.is_complete


async def test_who_waits_too_long_has_failed_and_who_comes_in_time_has_not() -> None:
    said: list[str] = []
    late, early = Piece("late", said), Piece("early", said)
    early.verdicts = [(Verdict.WAITING, "connecting"), (Verdict.WELL, "")]
    limits = Limits(proof_s=0.1, waiting_s=5, part_s=1)
    assert (await run(early, limits=limits)).is_kept
    late.verdicts = [(Verdict.WAITING, "connecting")]
    outcome = await run(early, late)
    assert (outcome.part, outcome.reason) == ("late", "connecting")


async def test_who_fails_in_the_time_of_proof_takes_all_back() -> None:
    said: list[str] = []
    piece = Piece("a", said)
    piece.verdicts = [(Verdict.WELL, ""), (Verdict.FAILED, "smoke")]
    outcome = await run(piece, limits=Limits(proof_s=10, part_s=1))
    assert (outcome.reason, said[-1]) == ("smoke", "undo a")


class RunningClock(FakeClock):
    """Time passes by sleeping alone."""

    async def sleep(self, seconds: float) -> None:
        self._elapsed_ns += round(seconds * 1e9)
        await asyncio.sleep(0)


async def test_who_is_well_is_kept_after_the_whole_time_of_proof() -> None:
    clock = RunningClock()
    outcome = await transact([Piece("a", [])], Limits(proof_s=5, waiting_s=20), clock)
    assert outcome == Outcome(is_kept=True, is_complete=True)
    assert clock.monotonic_ns() == 5_000_000_000


@pytest.mark.parametrize(("proof_s", "waiting_s", "given_up_s"), [(5, 20, 20), (5, 2, 5)])
async def test_who_waits_is_given_the_longer_of_both_times(
    proof_s: float, waiting_s: float, given_up_s: int
) -> None:
    clock = RunningClock()
    piece = Piece("a", [])
    piece.verdicts = [(Verdict.WAITING, "it connects")]
    outcome = await transact([piece], Limits(proof_s=proof_s, waiting_s=waiting_s), clock)
    assert (outcome.is_kept, outcome.reason) == (False, "it connects")
    assert clock.monotonic_ns() == given_up_s * 1_000_000_000
