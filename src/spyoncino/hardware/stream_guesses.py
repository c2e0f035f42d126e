"""Where makers put their streams, for cameras that cannot be asked. A table of facts, not tried."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guess:
    """Paths of a maker's streams.

    Args:
        words: One of these, in lower case, is in the name or model.
        main: Path of the main stream.
        sub: Path of the small one.
    """

    words: tuple[str, ...]
    main: str
    sub: str


GUESSES = (
    Guess(
        ("hikvision", "hilook", "ds-2", "annke"),
        "/Streaming/Channels/101",
        "/Streaming/Channels/102",
    ),
    Guess(
        ("dahua", "amcrest", "lorex", "imou", "ipc-h"),
        "/cam/realmonitor?channel=1&subtype=0",
        "/cam/realmonitor?channel=1&subtype=1",
    ),
    Guess(("reolink", "rlc-", "rlk"), "/h264Preview_01_main", "/h264Preview_01_sub"),
    Guess(("axis",), "/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360"),
    Guess(("tapo", "tp-link", "tplink", "vigi"), "/stream1", "/stream2"),
    Guess(("foscam",), "/videoMain", "/videoSub"),
)
"""As the makers' own pages say."""


def guesses_for(host: str, *names: str) -> tuple[str, str] | None:
    """Addresses that a camera probably has, main and small; ``None`` for an unknown maker.

    Args:
        host: Its address.
        names: What it calls itself: name, model.
    """
    known = " ".join(names).lower()
    for guess in GUESSES:
        if any(word in known for word in guess.words):
            return f"rtsp://{host}{guess.main}", f"rtsp://{host}{guess.sub}"
    return None
