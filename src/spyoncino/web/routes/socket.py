"""What every WebSocket of ours does: it speaks, listens only for the end, and ends at once."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect


async def until_gone(socket: WebSocket, speaking: Coroutine[Any, Any, None]) -> None:
    """Speak until there is nothing more to say or the other side has gone.

    Args:
        socket: Accepted.
        speaking: Sends on it; cancelled when the other side goes, closed after when it ends.
    """
    hearing = asyncio.create_task(_hear_the_end(socket))
    telling = asyncio.create_task(speaking)
    try:
        await asyncio.wait({hearing, telling}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hearing.cancel()
        telling.cancel()
        ends = await asyncio.gather(hearing, telling, return_exceptions=True)
    if ends[0] is not None:  # still connected
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(1001)  # going away, RFC 6455
    told = ends[1]
    if isinstance(told, Exception) and not isinstance(told, (RuntimeError, WebSocketDisconnect)):
        raise told


async def _hear_the_end(socket: WebSocket) -> None:
    """What a page says has no meaning here; it is read so that its end is noticed."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
