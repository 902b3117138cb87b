"""Causal conditioning of one modality on the grid, with its state carried from block to block."""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, sosfilt_zi

from memhacl.stream.spec import ModalitySpec

_SETTLED = 0.01


class Conditioner:
    """Reference and filter of one modality: blocks (slots, channels) in, the same shape out.

    Steps that the stream's owner has ``already_done`` are skipped. Missing slots (NaN) are fed to the filter as
    the last value and stay NaN in the output; after more than ``reset_slots`` of them the filter begins anew,
    settled on the first value. ``warming`` slots after a beginning are not yet to be trusted.
    """

    def __init__(self, spec: ModalitySpec, rate: float, already_done: tuple[str, ...], reset_slots: int) -> None:
        wants = spec.conditioning
        self._average = wants.reference == "average" and "average-reference" not in already_done
        band = None if "bandpass" in already_done else wants.band
        self._sos = _sections(band, wants.order, rate)
        self.cuts = 0  # gaps so far that were too long to carry anything over
        self.settle_slots = 0 if self._sos is None else settle_slots(self._sos, rate)
        self._reset_slots = reset_slots
        self.reset()

    def reset(self) -> None:
        """Forget the filter's state."""
        self._state: NDArray[np.float64] | None = None
        self._held: NDArray[np.float64] | None = None
        self._missing = 0
        self._warm = 0

    def push(self, block: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Condition ``block`` (slots, channels); also say which slots (slots,) are still warming up."""
        missing = np.asarray(np.isnan(block).any(axis=1))
        if self._average:
            block = block - block.mean(axis=1, keepdims=True)
        out = np.full_like(block, np.nan)
        warming = np.zeros(len(block), dtype=bool)
        for first, last in _runs(missing):
            if missing[first]:
                self._skip(last - first)
            else:
                out[first:last], warming[first:last] = self._filter(block[first:last])
        return out, warming

    def _skip(self, slots: int) -> None:
        self._missing += slots
        if self._missing - slots <= self._reset_slots < self._missing:
            self.cuts += 1
        if self._missing > self._reset_slots or self._held is None:
            self._state = self._held = None
            self._warm = 0
        elif self._sos is not None:
            self._run(np.repeat(self._held[None], slots, axis=0))

    def _filter(self, block: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        self._missing = 0
        if self._sos is None:
            self._held = block[-1]
            return block, np.zeros(len(block), dtype=bool)
        if self._state is None:  # settled on the first value: no step at the beginning
            self._state = sosfilt_zi(self._sos)[:, :, None] * block[0]  # (sections, 2, channels)
        self._held = block[-1]
        warming = np.arange(self._warm, self._warm + len(block)) < self.settle_slots
        self._warm += len(block)
        return self._run(block), warming

    def _run(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        out, self._state = sosfilt(self._sos, block, axis=0, zi=self._state)
        return np.asarray(out)


def _sections(band: tuple[float, float] | None, order: int, rate: float) -> NDArray[np.float64] | None:
    if band is None:
        return None
    low, high = band
    if low == 0:
        return np.asarray(butter(order, high, "lowpass", fs=rate, output="sos"))
    return np.asarray(butter(order, (low, high), "bandpass", fs=rate, output="sos"))


def settle_slots(sos: NDArray[np.float64], rate: float) -> int:
    """Slots until the impulse response keeps below 1 % of its peak."""
    impulse = np.zeros(int(60 * rate))
    impulse[0] = 1.0
    response = np.abs(sosfilt(sos, impulse))
    return int(np.flatnonzero(response > _SETTLED * response.max())[-1]) + 1


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Bounds (first, last) of the stretches in which ``flags`` does not change."""
    edges = np.flatnonzero(np.diff(flags)) + 1
    bounds = [0, *edges.tolist(), len(flags)]
    return list(itertools.pairwise(bounds))
