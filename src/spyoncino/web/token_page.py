"""What a browser on another machine sees first: a sentence and a field for the access token."""

from html import escape
from http import HTTPStatus

from starlette.responses import HTMLResponse

OPEN_FILES = frozenset({"/static/page.css", "/static/icon.svg"})
"""What this page needs to look like ours; public with the program, and nothing of this house."""

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Spyoncino: access token</title>
    <link rel="icon" href="/static/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/static/page.css">
  </head>
  <body>
    <header><h1><img src="/static/icon.svg" alt="" width="28" height="28"> Spyoncino</h1></header>
    <main class="alone">
      {trouble}<p id="why">{sentence}</p>
      <form action="/" method="get">
        <input autocomplete="username" value="spyoncino" hidden>
        <label for="token">Access token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required
          autofocus aria-describedby="why">
        <button type="submit">Open the page</button>
      </form>
    </main>
  </body>
</html>
"""

_WRONG = '<p class="state bad" role="alert">That is not the access token.</p>\n      '


def token_page(*, was_wrong: bool) -> HTMLResponse:
    """The answer 401 for a person.

    Args:
        was_wrong: A token was shown, and it is not ours.
    """
    sentence = (
        "From another machine this page needs its access token. The first start has printed it; "
        "it is kept in the file access-token of the data folder."
    )
    return HTMLResponse(
        _PAGE.format(sentence=escape(sentence), trouble=_WRONG if was_wrong else ""),
        HTTPStatus.UNAUTHORIZED,
    )
