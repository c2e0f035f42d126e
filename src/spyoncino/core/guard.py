"""The one border at which any error of a module is taken in, so that it harms nobody else."""

from collections.abc import Awaitable

from spyoncino.errors import SpyoncinoError


async def guarded(work: Awaitable[object]) -> Exception | None:
    """Await work of a module.

    Returns:
        What it raised, or ``None``. Cancellation is not taken in.
    """
    try:
        await work
    except Exception as error:  # noqa: BLE001 - the border to modules: any of them may be broken
        return error
    return None


def sentence(error: Exception) -> str:
    """The sentence of a deliberate error; any other with its type, as a fault of the program."""
    return str(error) if isinstance(error, SpyoncinoError) else f"{type(error).__name__}: {error}"
