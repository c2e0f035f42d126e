"""Whether a far host may be talked to as an address says."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself; names other than localhost are not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def wrong_address(url: str) -> str:
    """What is wrong with a web address that is to be told something private.

    Returns:
        One sentence without what may be secret in the address; empty when it is right.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        return f"it is no web address: {error}"
    if parts.scheme not in ("https", "http") or not host:
        return "it must begin with https:// and a host"
    if parts.scheme == "http" and not is_loopback(host):
        return f"{host} is another machine, so it must begin with https://"
    return ""
