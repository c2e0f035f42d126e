"""What clients over HTTP have in common: one session, open from the first to the last request."""

from types import TracebackType
from typing import Self

import aiohttp

from spyoncino.errors import DeliveryError


class HttpClient:
    """An async context manager that keeps connections open.

    Args:
        timeout_s: What one request may take; ``None``: each request says it.
    """

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._opened = aiohttp.ClientSession(timeout=self._timeout, trust_env=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            raise DeliveryError("the connection was closed")
        return self._opened
