"""What is left out, and when, while the machine has more to do than it can: a pure policy.

Stages go up one by one while the pressure stays high and come down one by one after it was low for
a while. Coming down too soon makes the next try later, so that a load which never ends does not
make the stages swing.
"""

from dataclasses import dataclass

from spyoncino.schemas.status import LoadStage

STAGES = tuple(LoadStage)


@dataclass(frozen=True, slots=True)
class OverloadSpec:
    """When stages change. Pressure is a ratio: 1 is as much as is bearable.

    Args:
        raise_above: More pressure than this asks for the next stage.
        lower_below: Less than this allows the one before; between the two nothing changes.
        raise_after_s: The pressure must be high for so long, for each stage.
        lower_after_s: It must be low for so long, for each stage.
        longest_lower_after_s: That time doubles up to here when a stage was left too soon.
    """

    raise_above: float = 1.0
    lower_below: float = 0.5
    raise_after_s: float = 4.0
    lower_after_s: float = 20.0
    longest_lower_after_s: float = 640.0


class OverloadPolicy:
    """The stage of one system.

    Args:
        spec: When stages change.
    """

    def __init__(self, spec: OverloadSpec) -> None:
        self._spec = spec
        self._stage = 0
        self._patience_s = spec.lower_after_s
        self._high_since_s: float | None = None
        self._low_since_s: float | None = None
        self._lowered_s: float | None = None

    @property
    def stage(self) -> LoadStage:
        """What is left out now."""
        return STAGES[self._stage]

    def update(self, now_s: float, pressure: float) -> LoadStage:
        """Note a measurement.

        Args:
            now_s: Monotonic time in seconds; never falls.
            pressure: At least 0; 1 is as much as is bearable.

        Returns:
            The stage from now on.
        """
        if pressure > self._spec.raise_above:
            self._low_since_s = None
            self._high_since_s = now_s if self._high_since_s is None else self._high_since_s
            if now_s - self._high_since_s >= self._spec.raise_after_s:
                self._raise(now_s)
        elif pressure < self._spec.lower_below:
            self._high_since_s = None
            self._low_since_s = now_s if self._low_since_s is None else self._low_since_s
            if now_s - self._low_since_s >= self._patience_s:
                self._lower(now_s)
        else:
            self._high_since_s = self._low_since_s = None
        return self.stage

    def _raise(self, now_s: float) -> None:
        if self._stage == len(STAGES) - 1:
            return
        self._stage += 1
        self._high_since_s = now_s
        if self._lowered_s is not None and now_s - self._lowered_s < 2 * self._patience_s:
            self._patience_s = min(2 * self._patience_s, self._spec.longest_lower_after_s)

    def _lower(self, now_s: float) -> None:
        self._low_since_s = now_s
        if self._stage:
            self._stage -= 1
            self._lowered_s = now_s
        elif self._lowered_s is not None and now_s - self._lowered_s > 4 * self._patience_s:
            self._patience_s = self._spec.lower_after_s
