"""The first page is served by what was imported before."""

import subprocess
import sys

FIRST_PAGE = """
import asyncio, sys
from spyoncino.modules.page_server import __file__ as page, warm_up
from starlette.responses import FileResponse

async def receive():
    return {"type": "http.disconnect"}

async def send(message):
    print(message["type"])

scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
warm_up()
before = set(sys.modules)
asyncio.run(FileResponse(page)(scope, receive, send))
print(*sorted(set(sys.modules) - before))
"""


def test_the_first_page_imports_nothing_in_the_loop() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAGE], capture_output=True, text=True, check=True
    )
    sent, imported = done.stdout.split("\n")[:-2], done.stdout.split("\n")[-2]
    assert "http.response.start" in sent
    assert imported == ""
