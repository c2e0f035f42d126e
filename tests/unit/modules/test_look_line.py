"""Whose log lines a look writes."""

import asyncio

from tests.fixtures.payloads import frame

from spyoncino.core.message import CURRENT_MESSAGE, Message
from spyoncino.modules.chores import Chores
from spyoncino.modules.look_line import Look, LookLine
from spyoncino.runtime.frame_ring import SlotRef
from spyoncino.runtime.tasks import ObjectResult
from spyoncino.testing.harness import LOG


class NoLeases:
    def hold(self, ref: SlotRef) -> None:
        del ref

    def release(self, ref: SlotRef) -> None:
        del ref


async def test_a_look_that_waited_is_begun_for_its_own_frame() -> None:
    seen: list[tuple[str | None, object]] = []
    may_go = asyncio.Event()

    async def ask(look: Look) -> ObjectResult | None:
        await may_go.wait()
        message = CURRENT_MESSAGE.get()
        seen.append((look.frame.correlation_id, message and message.payload.correlation_id))
        return None

    async def tell(look: Look) -> None:
        del look

    chores = Chores(LOG)
    line = LookLine(ask, tell, NoLeases(), chores)
    for pts_s in (0.1, 0.2):  # the second waits for the one place
        arrived = frame(pts_s)
        CURRENT_MESSAGE.set(Message("camera.door.frame", arrived, 0))
        line.offer(Look(arrived), limit=1)
    CURRENT_MESSAGE.set(None)
    may_go.set()
    await chores.finished()
    assert [ours for ours, _ in seen] == ["door-1", "door-2"]
    assert all(ours == told for ours, told in seen)
