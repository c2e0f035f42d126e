"""The socket by which commands of the same user talk to the running main.

It lies in the data folder and only its owner may open it, so whoever may read the data may give
orders and nobody else. A question and its answer are one line of JSON each.
"""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spyoncino.errors import SpyoncinoError, StorageError, UsageError

MAX_LINE_BYTES = 1_000_000
"""Longest question."""

MAX_ANSWER_BYTES = 16_000_000
"""Longest answer: all dead letters that are kept, with their reasons."""

ANSWER_S = 30.0
"""How long a command waits for main's answer."""

Order = Callable[[dict[str, Any]], Awaitable[Any]]
"""Takes the arguments, returns what JSON can say; a ``SpyoncinoError`` becomes a sentence."""


class ControlDesk:
    """Main's end of the socket.

    Args:
        path: Where the socket lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._orders: dict[str, Order] = {}
        self._server: asyncio.Server | None = None
        self._visitors: set[asyncio.Task[None]] = set()

    def register(self, name: str, order: Order) -> None:
        """Have an order obeyed; its name is ``subject.verb``."""
        if name in self._orders:
            raise UsageError(f"the order {name} is registered twice")
        self._orders[name] = order

    async def open(self) -> None:
        """Begin to listen; a socket left by a killed run is replaced.

        Raises:
            StorageError: The socket cannot be made.
        """
        bound = await asyncio.to_thread(_bound, self._path)
        self._server = await asyncio.start_unix_server(
            self._serve, sock=bound, limit=MAX_LINE_BYTES
        )

    async def close(self) -> None:
        """Stop listening; orders that are being obeyed are given up."""
        if self._server is None:
            return
        self._server.close()
        for visitor in self._visitors:
            visitor.cancel()
        await asyncio.gather(*self._visitors, return_exceptions=True)
        await asyncio.to_thread(self._path.unlink, missing_ok=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitor = asyncio.current_task()
        if visitor is not None:
            self._visitors.add(visitor)
            visitor.add_done_callback(self._visitors.discard)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line without end
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            name, arguments = str(question["order"]), question.get("arguments", {})
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"error": "a question is one line of JSON with an order"}
        order = self._orders.get(name)
        if order is None:
            return {"error": f"there is no order {name!r}; is main of another version?"}
        try:
            return {"result": await order(arguments)}
        except SpyoncinoError as error:
            return {"error": str(error)}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return {"error": f"the order {name} was given wrong arguments ({error})"}


async def ask_main(path: Path, order: str, **arguments: Any) -> Any:
    """Give an order to the running main and return its answer.

    Args:
        path: Of the socket.
        order: Name of the order.
        **arguments: What JSON can say.

    Raises:
        UsageError: Main refused; the sentence is main's.
        StorageError: No main listens, or it does not answer.
    """
    try:
        with _short(path) as short:
            reader, writer = await asyncio.open_unix_connection(short, limit=MAX_ANSWER_BYTES)
    except OSError as error:
        raise StorageError(
            f"no running Spyoncino listens at {path} ({error.strerror}); start `spyoncino run`"
        ) from error
    try:
        async with asyncio.timeout(ANSWER_S):
            writer.write(json.dumps({"order": order, "arguments": arguments}).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
    except ConnectionError:
        line = b""
    except TimeoutError as error:
        raise StorageError(f"Spyoncino did not answer within {ANSWER_S:.0f} s") from error
    except ValueError as error:
        raise StorageError("the answer of Spyoncino is too long to be read") from error
    finally:
        writer.close()
    if not line.endswith(b"\n"):
        raise StorageError("Spyoncino ended before it answered")
    answer = json.loads(line)
    if "error" in answer:
        raise UsageError(answer["error"])
    return answer["result"]


def _bound(path: Path) -> socket.socket:
    """A socket that only its owner may open; closed to everybody until somebody listens."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        with _short(path) as short:
            bound.bind(short)
        path.chmod(0o600)
    except OSError as error:
        bound.close()
        raise StorageError(f"the socket {path} cannot be made ({error.strerror})") from error
    return bound


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path by way of its folder's descriptor: a socket's path may have 107 bytes at most."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
