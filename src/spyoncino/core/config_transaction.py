"""The transaction: parts take new settings one after the other, and keep them or all go back.

Pure sequence: what a part is, and how it takes or gives back settings, is the part's own affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from spyoncino.clock import Clock
from spyoncino.core.guard import limited, sentence

LOOK_EVERY_S = 0.25
"""How often parts are asked in the time of proof."""


class Verdict(Enum):
    """How a part bears its new settings."""

    WELL = "well"
    WAITING = "waiting"
    FAILED = "failed"


class Part(Protocol):
    """Something that takes settings while it runs."""

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        ...

    async def apply(self) -> None:
        """Take the new settings; may raise anything, also when half of it is done."""
        ...

    async def undo(self) -> None:
        """Take the old settings back, however far ``apply`` came; may raise anything."""
        ...

    async def isolate(self) -> str:
        """The last resort when ``undo`` failed: begin anew with the old settings, or stay out.

        Returns:
            One sentence about what became of it.
        """
        ...

    async def verdict(self) -> tuple[Verdict, str]:
        """How it is doing with the new settings, and why it is not well."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient the transaction is.

    Args:
        proof_s: Seconds for which every part must be well with the new settings.
        waiting_s: Seconds after which a part that still waits (a camera that connects) has failed.
        part_s: Seconds that one part may take to apply or to undo.
    """

    proof_s: float = 5.0
    waiting_s: float = 20.0
    part_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a transaction ended.

    Args:
        is_kept: Whether the new settings are in force; else the old ones are.
        part: The part that did not bear them.
        reason: One sentence: why.
        diagnostics: What was undone, and how, in order.
        is_complete: Whether every part took its old settings back in place.
    """

    is_kept: bool
    part: str = ""
    reason: str = ""
    diagnostics: tuple[str, ...] = ()
    is_complete: bool = True


async def transact(parts: Sequence[Part], limits: Limits, clock: Clock) -> Outcome:
    """Have every part take its new settings, watch them, and keep them or undo all of it.

    Args:
        parts: In the order in which they take the settings.
        limits: How patient to be.
        clock: Paces the time of proof.

    Returns:
        Whether the new settings are in force. When not, every part that was touched has its old
        settings again, or was started anew with them, or stays out and is told.
    """
    touched: list[Part] = []
    for part in parts:
        touched.append(part)
        error = await limited(part.apply(), limits.part_s)
        if error is not None:
            return await _undone(touched, part, sentence(error), limits)
    failed = await _proof(parts, limits, clock)
    if failed is None:
        return Outcome(is_kept=True)
    return await _undone(touched, *failed, limits)


async def _proof(parts: Sequence[Part], limits: Limits, clock: Clock) -> tuple[Part, str] | None:
    """Watch the parts; the first that fails, and why."""
    if not parts:
        return None
    began_ns = clock.monotonic_ns()
    while True:
        passed_s = (clock.monotonic_ns() - began_ns) / 1e9
        waiting: tuple[Part, str] | None = None
        for part in parts:
            verdict, why = await part.verdict()
            if verdict is Verdict.FAILED:
                return part, why
            if verdict is Verdict.WAITING and waiting is None:
                waiting = part, why
        if waiting is None and passed_s >= limits.proof_s:
            return None
        if waiting is not None and passed_s >= max(limits.waiting_s, limits.proof_s):
            return waiting
        await clock.sleep(LOOK_EVERY_S)


async def _undone(touched: Sequence[Part], culprit: Part, reason: str, limits: Limits) -> Outcome:
    """Take everything back, in reverse order; nothing that goes wrong stops it."""
    diagnostics: list[str] = []
    is_complete = True
    for part in reversed(touched):
        error = await limited(part.undo(), limits.part_s)
        if error is None:
            diagnostics.append(f"{part.name} has its old settings again")
            continue
        is_complete = False
        became = await _isolated(part, limits)
        diagnostics.append(
            f"{part.name} did not take its old settings back ({sentence(error)}): {became}"
        )
    return Outcome(False, culprit.name, reason, tuple(diagnostics), is_complete)


async def _isolated(part: Part, limits: Limits) -> str:
    became: list[str] = []

    async def isolate() -> None:
        became.append(await part.isolate())

    error = await limited(isolate(), limits.part_s)
    return sentence(error) if error else became[0]
