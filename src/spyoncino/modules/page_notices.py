"""The newest few sentences about the system that a person should read; repeats are one."""

from collections.abc import Iterator

from spyoncino.schemas.status import ContractNotice, HealthState, StatusNotice
from spyoncino.web.views import NoticeView

KEPT = 5
"""More are not read; all are in the log."""


class Notices:
    """A bounded board of notices.

    Args:
        capacity: Notices kept; the oldest give way.
    """

    def __init__(self, capacity: int = KEPT) -> None:
        self._capacity = capacity
        self._kept: dict[tuple[str, str], NoticeView] = {}

    def __iter__(self) -> Iterator[NoticeView]:
        """Newest first."""
        return reversed(self._kept.values())

    def add(self, told: ContractNotice | StatusNotice) -> NoticeView:
        """Put one up.

        What was said before by the same part in the same words counts on; a part that is well
        again takes its older notices down.
        """
        is_over = isinstance(told, StatusNotice) and told.state is HealthState.OK
        key = (told.component, told.message)
        before = self._kept.pop(key, None)
        notice = NoticeView(
            notice_id=told.event_id,
            component=told.component,
            message=told.message,
            severity=told.severity,
            told_at=told.timestamp,
            count=before.count + 1 if before else 1,
            is_over=is_over,
        )
        if is_over:
            for other in [key for key in self._kept if key[0] == told.component]:
                del self._kept[other]
        self._kept[key] = notice
        while len(self._kept) > self._capacity:
            del self._kept[next(iter(self._kept))]
        return notice
