"""Missing and dead EEG channels, interpolated on the grid from the others by spherical splines.

F. Perrin, J. Pernier, O. Bertrand, J. F. Echallier: Spherical splines for scalp potential and current density
mapping. Electroencephalography and Clinical Neurophysiology 72 (1989) 184-187.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.polynomial.legendre import legval
from numpy.typing import NDArray

from memhacl.stream import montage
from memhacl.stream.labels import electrode

ORDER = 4  # m of the paper: how smooth the spline is
TERMS = 50  # of the Legendre series; its terms fall with the seventh power, so the rest is nothing
REGULARISATION = 1e-5
FEWEST = 4  # channels of a montage; with fewer there is no field to speak of
KEPT = 64  # patterns of bad channels whose weights are kept


def limit(channels: Sequence[str], share: float) -> int:
    """Return how many of ``channels`` may be bad at a time: up to ``share`` of them, rounded down.

    0 where the montage cannot be interpolated: fewer than four channels, or one that is no 10-10 electrode.
    """
    fit = len(channels) >= FEWEST and all(electrode(channel) for channel in channels)
    return int(share * len(channels) + 1e-9) if fit else 0  # 0.29 * 100 is 28.999...


def weights(points: NDArray[np.float64], bad: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights (bad, good) that give the potentials at the bad points from those at the good ones.

    ``points`` (channels, 3) are unit vectors, ``bad`` (channels,) says which have no value. The weights of a bad
    channel add up to 1: a common offset passes unchanged.
    """
    kernel = _kernel(np.clip(points @ points.T, -1.0, 1.0))
    good = ~bad
    count = int(good.sum())
    # The spline is c0 + sum_i c_i g(cos(x, x_i)) through the good points, with sum_i c_i = 0.
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = kernel[np.ix_(good, good)] + REGULARISATION * np.eye(count)
    system[count, count] = 0.0
    target = np.ones((count + 1, int(bad.sum())))
    target[:count] = kernel[np.ix_(good, bad)]
    return np.asarray(np.linalg.solve(system, target)[:count].T)  # the system is symmetric


def _kernel(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """The paper's g for ``cosines`` of the angles between points, of the same shape."""
    n = np.arange(1, TERMS + 1, dtype=np.float64)
    factors = (2 * n + 1) / (n * (n + 1)) ** ORDER / (4 * np.pi)
    return np.asarray(legval(cosines, np.concatenate([[0.0], factors])))


class Repair:
    """Interpolates up to ``share`` of ``channels`` at a time: no more than ``limit``.

    Electrodes stand at offsets of their own, thousands of times the signal, so only what is beyond each channel's
    level is interpolated: no step goes into the filter when a channel is replaced, nor, by shifting the channel to
    where its substitute stood, when it is itself again.
    """

    def __init__(self, channels: tuple[str, ...], share: float, slots: float) -> None:
        self.limit = limit(channels, share)
        names = [electrode(channel) or channel for channel in channels]
        self._points = montage.positions(names) if self.limit else np.empty((len(names), 3))
        self._weights: dict[bytes, NDArray[np.float64]] = {}
        self._slots = slots  # over which a level is an average
        self.reset()

    def reset(self) -> None:
        """Forget the channels' levels."""
        channels = len(self._points)
        self._level = np.full(channels, np.nan)
        self._shift = np.zeros(channels)
        self._replaced = np.zeros(channels, dtype=bool)  # at the last block's end

    def apply(
        self, block: NDArray[np.float64], dead: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Repair ``block`` (slots, channels); also say which channels (channels,) were interpolated in any slot.

        Bad are values that are NaN and channels that are ``dead`` (channels,). Where a slot has more bad channels
        than the limit, they are NaN.
        """
        if not self.limit:
            return np.where(dead, np.nan, block), np.zeros(len(dead), dtype=bool)
        bad = np.isnan(block) | dead
        values = np.where(bad, np.nan, block)
        self._return(values, bad)
        values += self._shift
        self._learn(values, fresh_only=True)
        counts = bad.sum(axis=1)
        mendable = (counts > 0) & (counts <= self.limit)
        for first, last in _stretches(bad, mendable) if mendable.any() else []:
            pattern = bad[first]
            weigh = self._of(pattern)
            offset = self._level[pattern] - weigh @ self._level[~pattern]
            filled = values[first:last, ~pattern] @ weigh.T + np.where(np.isnan(offset), 0.0, offset)
            values[first:last, pattern] = filled
        self._learn(values)
        self._replaced = bad[-1] & mendable[-1]
        return values, np.asarray(bad[mendable].any(axis=0))

    def _return(self, values: NDArray[np.float64], bad: NDArray[np.bool_]) -> None:
        """Shift channels that are themselves again to the level at which they were replaced."""
        for channel in np.flatnonzero(self._replaced & ~bad.all(axis=0)):
            own = values[:, channel]
            self._shift[channel] = self._level[channel] - float(own[~np.isnan(own)].mean())

    def _learn(self, values: NDArray[np.float64], fresh_only: bool = False) -> None:
        """Follow the levels; ``fresh_only``: begin those that are not known."""
        present = ~np.isnan(values)
        count = present.sum(axis=0)
        known = count > 0
        if fresh_only:
            known &= np.isnan(self._level)
        if not known.any():
            return
        mean = np.where(present, values, 0.0).sum(axis=0)[known] / count[known]
        if fresh_only:
            self._level[known] = mean
            return
        share = min(len(values) / self._slots, 1.0)
        self._level[known] += share * (mean - self._level[known])

    def _of(self, pattern: NDArray[np.bool_]) -> NDArray[np.float64]:
        name = pattern.tobytes()
        if name not in self._weights:
            if len(self._weights) >= KEPT:
                del self._weights[next(iter(self._weights))]  # the oldest
            self._weights[name] = weights(self._points, pattern)
        return self._weights[name]


def _stretches(bad: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Bounds (first, last) of ``wanted`` slots (slots,) that share a pattern in ``bad`` (slots, channels)."""
    changes = (bad[1:] != bad[:-1]).any(axis=1)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(bad)]
    return [(first, last) for first, last in itertools.pairwise(edges) if wanted[first]]
