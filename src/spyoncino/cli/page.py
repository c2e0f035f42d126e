"""Says where the page is, once it is there."""

from spyoncino.app import Application
from spyoncino.cli.options import stdout
from spyoncino.modules.dashboard.web_server import WebServer


def tell_page(application: Application) -> None:
    """Print the address, and the access token when it was made just now; else nothing.

    Args:
        application: Started.
    """
    server = application.orchestrator.module(WebServer.name)
    if not isinstance(server, WebServer) or server.address is None or server.token is None:
        return
    lines = [f"The page: {server.address}"]
    if server.token.is_new:
        lines.append(
            f"Access token for other machines: {server.token.value}\n"
            f"  It is kept in {application.data.access_token} and not shown again. "
            f"From there open the page as http://ADDRESS:PORT/?token=TOKEN"
        )
        if not server.is_open_to_others:
            lines.append("  Only this machine gets in so far; web.host: 0.0.0.0 changes that.")
    stdout().print("\n".join(lines), markup=False, soft_wrap=True)
