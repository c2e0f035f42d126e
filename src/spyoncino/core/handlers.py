"""What takes a message: async functions, and synchronous ones in threads."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextvars import copy_context
from typing import TypeGuard

from spyoncino.core.message import Message

Handler = Callable[[Message], object]
"""Takes a message; async, or synchronous and then run in a thread. What it returns is ignored."""

AsyncHandler = Callable[[Message], Awaitable[object]]


def is_async(handler: Handler) -> TypeGuard[AsyncHandler]:
    """Whether calling the handler gives an awaitable without doing the work."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004 - an object whose call is async
    )


def in_thread(handler: Handler, executor: Executor) -> AsyncHandler:
    """An async handler that runs a synchronous one in a thread, with the task's context."""

    async def call(message: Message) -> None:
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(executor, copy_context().run, handler, message)
        if inspect.isawaitable(result):  # a lambda or partial around an async function
            await result

    return call
