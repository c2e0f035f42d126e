"""The HTTP server behind the page, ready to serve.

Imported by the module that serves the page when it starts, not before: FastAPI and Uvicorn take a
tenth of a second, in which workers and cameras may start already.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import uvicorn

from spyoncino.modules.page_backend import PageBackend
from spyoncino.web.access import AccessPolicy
from spyoncino.web.app import build_app

MAX_CONNECTIONS = 200
"""More than a household has; above it the answer is 503, and cameras go on undisturbed."""

MAX_HEARD_BYTES = 4096
"""Of one message on a WebSocket: pages have nothing to say yet."""


class PageServer(uvicorn.Server):
    """Uvicorn without its signal handlers: Ctrl-C belongs to the whole program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def build_server(backend: PageBackend, policy: AccessPolicy, goodbye_s: int) -> PageServer:
    """Everything up to listening; reads files, so it is called outside the event loop.

    Args:
        backend: The system behind it.
        policy: Who may come in.
        goodbye_s: What open connections may take at the end.
    """
    config = uvicorn.Config(
        build_app(backend, policy),
        http="h11",
        ws="websockets-sansio",
        ws_max_size=MAX_HEARD_BYTES,
        ws_per_message_deflate=False,  # pictures are compressed already
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # whoever claims to be somebody else is not believed
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=goodbye_s,
    )
    config.load()
    warm_up()
    return PageServer(config)


def warm_up() -> None:
    """Have anyio import now, in this thread, what it would with the first page, in the loop."""
    anyio.run(anyio.Path(__file__).exists)
    for name in ("open_file", "create_memory_object_stream"):
        getattr(anyio, name)
