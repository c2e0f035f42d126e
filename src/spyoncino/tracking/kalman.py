"""Constant-velocity Kalman filters for many boxes at once.

Each box is four independent filters, centre x, centre y, width and height, each with a value and
a rate. They share their form, so all of them are rows of a few ``(n, 4)`` arrays and a frame costs
a handful of NumPy calls however many boxes there are (Kalman 1960; the state is that of SORT,
Bewley et al. 2016, with time in seconds instead of frames, because frames come unevenly).

All noise scales with the box: who is near moves more pixels.
"""

import numpy as np
from numpy.typing import NDArray

from spyoncino.geometry.boxes import Box

FloatArray = NDArray[np.float64]

MEASUREMENT_SIGMA = np.array([0.06, 0.06, 0.10, 0.10])
"""Standard deviation of a detected centre and size, in box sizes: what a small detector's boxes
jitter by between neighbouring frames of a person who stands still."""

ACCELERATION_SIGMA = np.array([2.0, 1.0, 0.5, 0.5])
"""Standard deviation of the acceleration, in box sizes per s^2: a person, 0.5 m wide and 1.75 m
high, starts, stops or turns with 1 to 1.5 m/s^2. Sizes change slower than places. Half or twice
as much changes MOTA on the accuracy clips by 0.02 at most."""

START_RATE_SIGMA = np.array([3.0, 1.5, 0.5, 0.5])
"""Standard deviation of the rate of a new box, in box sizes per s: 1.4 m/s across are 2.8 widths
of a person, a car in a street passes 2.5 of its lengths."""

SIZE_RATE_DECAY_S = 0.5
"""Time constant at which the rate of the size fades; a size must not run away while coasting."""


class BoxFilters:
    """The filters of several boxes; row ``i`` belongs to the ``i``-th box."""

    def __init__(self) -> None:
        self.value: FloatArray = np.empty((0, 4))
        """``(n, 4)`` centre x, centre y, width, height."""
        self.rate: FloatArray = np.empty((0, 4))
        """``(n, 4)`` change of ``value`` per second."""
        self._value_variance: FloatArray = np.empty((0, 4))
        self._covariance: FloatArray = np.empty((0, 4))
        self._rate_variance: FloatArray = np.empty((0, 4))

    def __len__(self) -> int:
        return len(self.value)

    def append(self, boxes: FloatArray) -> None:
        """Add rows for new boxes, ``(m, 4)`` left, top, right, bottom; they stand still so far."""
        value = to_centre(boxes)
        sizes = _sizes(value)
        self.value = np.concatenate([self.value, value])
        self.rate = np.concatenate([self.rate, np.zeros_like(value)])
        start = np.square(sizes * MEASUREMENT_SIGMA)
        self._value_variance = np.concatenate([self._value_variance, start])
        self._covariance = np.concatenate([self._covariance, np.zeros_like(value)])
        start_rate = np.square(sizes * START_RATE_SIGMA)
        self._rate_variance = np.concatenate([self._rate_variance, start_rate])

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Drop all rows but these."""
        self.value = self.value[rows]
        self.rate = self.rate[rows]
        self._value_variance = self._value_variance[rows]
        self._covariance = self._covariance[rows]
        self._rate_variance = self._rate_variance[rows]

    def predict(self, step_s: float) -> None:
        """Move every box ``step_s`` seconds on."""
        self.value = self.value + step_s * self.rate
        self.value[:, 2:] = np.maximum(self.value[:, 2:], 1e-6)
        self.rate[:, 2:] *= np.exp(-step_s / SIZE_RATE_DECAY_S)
        noise = np.square(_sizes(self.value) * ACCELERATION_SIGMA)
        self._value_variance = (
            self._value_variance
            + 2 * step_s * self._covariance
            + step_s**2 * self._rate_variance
            + step_s**4 / 4 * noise
        )
        self._covariance = self._covariance + step_s * self._rate_variance + step_s**3 / 2 * noise
        self._rate_variance = self._rate_variance + step_s**2 * noise

    def correct(self, rows: NDArray[np.intp], boxes: FloatArray) -> None:
        """Take detected boxes, ``(m, 4)`` left, top, right, bottom, for these rows."""
        measured = to_centre(boxes)
        noise = np.square(_sizes(measured) * MEASUREMENT_SIGMA)
        covariance = self._covariance[rows]
        total = self._value_variance[rows] + noise
        gain = self._value_variance[rows] / total
        rate_gain = covariance / total
        surprise = measured - self.value[rows]
        self.value[rows] += gain * surprise
        self.rate[rows] += rate_gain * surprise
        self._value_variance[rows] *= 1 - gain
        self._rate_variance[rows] -= rate_gain * covariance
        self._covariance[rows] = covariance * (1 - gain)

    def boxes(self, ahead_s: float = 0.0) -> FloatArray:
        """``(n, 4)`` left, top, right, bottom of every box, as predicted ``ahead_s`` on."""
        value = self.value + ahead_s * self.rate if ahead_s else self.value
        half = np.maximum(value[:, 2:], 0.0) / 2
        return np.concatenate([value[:, :2] - half, value[:, :2] + half], axis=1)


def to_centre(boxes: FloatArray) -> FloatArray:
    """``(n, 4)`` left, top, right, bottom to centre x, centre y, width, height."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + size / 2, size], axis=1)


def as_boxes(rows: FloatArray) -> list[Box]:
    """Rows of ``BoxFilters.boxes`` as boxes clipped to the picture."""
    return [Box(*row) for row in np.clip(rows, 0.0, 1.0).tolist()]


def _sizes(value: FloatArray) -> FloatArray:
    return np.concatenate([value[:, 2:], value[:, 2:]], axis=1)
