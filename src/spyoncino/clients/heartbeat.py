"""Fetches an address to say that all is well; who waits for it there notices silence."""

from datetime import datetime

import aiohttp

from spyoncino.clients.webhook import MAX_ANSWER_BYTES, cause, judge
from spyoncino.errors import DeliveryError

WHO = "the heartbeat's address"


async def beat(url: str, timeout_s: float, now: datetime) -> None:
    """Fetch the address once, over a connection of its own: minutes lie between two.

    Args:
        url: Where; ``far_host.wrong_address`` has nothing against it.
        timeout_s: What it may take.
        now: Wall time.

    Raises:
        DeliveryRefusedError: It answers that it never wants this.
        DeliveryError: It cannot be reached now.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        # A redirect would take what may be a secret address to somebody who was not chosen.
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.get(
                url, headers={"User-Agent": "spyoncino"}, allow_redirects=False
            ) as response,
        ):
            await response.content.read(MAX_ANSWER_BYTES)
            judge(WHO, response.status, response.headers.get("Retry-After"), now)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise DeliveryError(f"{WHO} cannot be reached: {cause(error)}") from error
