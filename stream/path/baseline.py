"""What is subtracted from a window and what it is divided by, from the past of its own modality."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.spec import Baseline


def rolling(past: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Mean (1, channels) of ``past`` (slots, channels), missing slots left out; None where a channel has none."""
    return _mean(past, axis=0, keepdims=True)


def template(past: NDArray[np.float64], window: int) -> NDArray[np.float64] | None:
    """Sample-by-sample mean (window, channels) of the whole windows in ``past`` (slots, channels)."""
    whole = len(past) // window
    if whole == 0:
        return None
    stack = past[len(past) - whole * window :].reshape(whole, window, -1)  # (windows, window, channels)
    return _mean(stack, axis=0, keepdims=False)


def of_past(kind: Baseline, past: NDArray[np.float64], window: int) -> NDArray[np.float64] | None:
    """Return what ``kind`` subtracts, given the ``past`` (slots, channels) before the window; None: too little."""
    if kind == "rolling":
        return rolling(past)
    if kind == "rolling-template":
        return template(past, window)
    raise ValueError(f"{kind} does not come from the past")


def _mean(values: NDArray[np.float64], axis: int, keepdims: bool) -> NDArray[np.float64] | None:
    present = ~np.isnan(values)
    count = present.sum(axis=axis, keepdims=keepdims)
    if not values.size or (count == 0).any():
        return None
    total = np.where(present, values, 0.0).sum(axis=axis, keepdims=keepdims)
    return np.asarray(total / count)


class Running:
    """Causal mean and standard deviation per channel, forgetting with a time constant, fed hop by hop."""

    def __init__(self, channels: int, hop: int, constant: float) -> None:
        self._decay = float(np.exp(-hop / constant))
        self._channels = channels
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.slots = 0
        self._weight = 0.0
        self._origin: NDArray[np.float64] | None = None
        self._sum = np.zeros(self._channels)
        self._square = np.zeros(self._channels)

    def push(self, block: NDArray[np.float64]) -> None:
        """Take one hop of slots (slots, channels); missing ones are left out."""
        present = block[~np.isnan(block).any(axis=1)]
        self._weight *= self._decay
        self._sum *= self._decay
        self._square *= self._decay
        if not len(present):
            return
        if self._origin is None:  # sums are taken about the first value: no cancellation at a large offset
            self._origin = present[0].copy()
        centred = present - self._origin
        self.slots += len(present)
        self._weight += len(present)
        self._sum += centred.sum(axis=0)
        self._square += (centred**2).sum(axis=0)

    def statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation (channels,); a channel that never moved has deviation 1."""
        mean = self._sum / max(self._weight, 1e-12)
        variance = np.maximum(self._square / max(self._weight, 1e-12) - mean**2, 0.0)
        origin = 0.0 if self._origin is None else self._origin
        deviation = np.sqrt(variance)
        return origin + mean, np.where(deviation > 1e-12, deviation, 1.0)
