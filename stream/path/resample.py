"""Values of a regularly sampled signal between its samples: windowed-sinc FIR, linear interpolation or hold."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0

_ATTENUATION = 70.0  # dB beyond the stop edge
_PASS = 0.355  # pass edge as a share of the grid's rate where a faster stream must not alias: 45 Hz at 128 Hz
_PASS_UP = 0.45  # pass edge as a share of a slower stream's rate, whose images begin as far above half of it
_PHASES = 512
_MIN_HALF = 4
_EXACT = 1e-6  # of a sample: rounding in the stamps must not move a position across a sample
_HOLD = 1e-3  # of a sample: a held value changes this much early, so that exact stamps are never late

Mode = Literal["fir", "linear", "hold"]


@dataclass(frozen=True)
class Kernel:
    """How a stream of ``rate`` Hz is evaluated on a grid: ``half`` samples on either side of a grid time."""

    mode: Mode
    half: int
    cutoff: float  # cycles per sample
    beta: float


def design(rate: float, grid_rate: float, look_ahead: float) -> Kernel:
    """Choose the kernel for a stream of ``rate`` Hz on a grid of ``grid_rate`` Hz.

    The FIR (Kaiser window) of a faster stream stops 70 dB from half the grid's rate upwards and passes up to 0.355
    of it; that of a slower one passes up to 0.45 of the stream's rate and stops its images, from 0.55 upwards. It
    needs ``half / rate`` seconds of the future; where ``look_ahead`` (s) allows less, its transition widens, and
    below four samples it gives way to linear interpolation (one sample) or to holding the last value (none).
    """
    faster = rate > grid_rate
    stop = 0.5 * grid_rate / rate  # cycles per sample of the stream
    half = _half_length((0.5 - _PASS) * grid_rate / rate if faster else 1 - 2 * _PASS_UP)
    allowed = int(look_ahead * rate + 1e-9)
    if allowed < _MIN_HALF:
        return Kernel("linear" if allowed >= 1 else "hold", min(allowed, 1), 0.0, 0.0)
    half = min(half, allowed)
    transition = (_ATTENUATION - 7.95) / (14.36 * 2 * half)
    cutoff = max(stop - transition / 2, stop / 2) if faster else 0.5
    return Kernel("fir", half, cutoff, 0.1102 * (_ATTENUATION - 8.7))


def _half_length(transition: float) -> int:
    return int(np.ceil((_ATTENUATION - 7.95) / (14.36 * transition) / 2))


@lru_cache(maxsize=32)
def _table(kernel: Kernel) -> NDArray[np.float64]:
    """Taps for each fraction of a sample, (phases + 1, 2 * half), each row summing to one."""
    fraction = np.arange(_PHASES + 1)[:, None] / _PHASES
    offset = np.arange(1 - kernel.half, kernel.half + 1)[None, :] - fraction  # (phases + 1, taps)
    return _taps(offset, kernel.half, kernel)


def _taps(offset: NDArray[np.float64], half: NDArray[np.int64] | int, kernel: Kernel) -> NDArray[np.float64]:
    """Windowed sinc at ``offset`` (positions, taps), in samples; its window is ``half`` samples to either side."""
    window = i0(kernel.beta * np.sqrt(np.clip(1 - (offset / half) ** 2, 0, None))) / i0(kernel.beta)
    taps = 2 * kernel.cutoff * np.sinc(2 * kernel.cutoff * offset) * np.where(np.abs(offset) < half, window, 0.0)
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))


def evaluate(data: NDArray[np.float64], position: NDArray[np.float64], kernel: Kernel) -> NDArray[np.float64]:
    """Values (positions, channels) of ``data`` (samples, channels) at fractional sample numbers ``position``.

    Near an end of the data the kernel narrows on both sides, so that time stays right up to the edge.
    """
    if kernel.mode == "hold":
        return np.asarray(data[np.clip(np.floor(position + _HOLD).astype(int), 0, len(data) - 1)])
    left = np.floor(position + _EXACT).astype(int)
    fraction = np.clip(position - left, 0, 1)
    return _line(data, left, fraction) if kernel.mode == "linear" else _convolve(data, left, fraction, kernel)


def reach(position: float, kernel: Kernel) -> int:
    """Number of the last sample that `evaluate` looks at for ``position``."""
    if kernel.mode == "hold":
        return int(np.floor(position + _HOLD))
    if kernel.mode == "linear":
        return int(np.ceil(position - _EXACT))
    return int(np.floor(position + _EXACT)) + kernel.half


def _convolve(
    data: NDArray[np.float64], left: NDArray[np.int64], fraction: NDArray[np.float64], kernel: Kernel
) -> NDArray[np.float64]:
    half, last = kernel.half, len(data) - 1
    reach = np.minimum(left + 1, last - left)  # samples on the side that has fewer
    if reach.min() >= half:
        return _weigh(data, left, _between(_table(kernel), fraction), half)
    out = np.empty((len(left), data.shape[1]))
    whole, narrow = reach >= half, (reach >= _MIN_HALF) & (reach < half)
    near = reach < _MIN_HALF
    out[whole] = _weigh(data, left[whole], _between(_table(kernel), fraction[whole]), half)
    offset = np.arange(1 - half, half + 1)[None, :] - fraction[narrow, None]  # (positions, taps)
    out[narrow] = _weigh(data, left[narrow], _taps(offset, reach[narrow, None], kernel), half)
    out[near] = _line(data, left[near], fraction[near])
    return out


def _between(table: NDArray[np.float64], fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Taps (positions, taps) for each ``fraction`` of a sample, interpolated in the table."""
    phase = fraction * _PHASES
    row = np.minimum(phase.astype(int), _PHASES - 1)
    share = (phase - row)[:, None]
    return np.asarray((1 - share) * table[row] + share * table[row + 1])


def _weigh(
    data: NDArray[np.float64], left: NDArray[np.int64], taps: NDArray[np.float64], half: int
) -> NDArray[np.float64]:
    """Sums (positions, channels) of samples around ``left``; taps beyond the data are zero."""
    places = left[:, None] + np.arange(1 - half, half + 1)[None, :]
    return np.asarray(np.einsum("pt,ptc->pc", taps, data[np.clip(places, 0, len(data) - 1)]))


def _line(data: NDArray[np.float64], left: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (positions, channels) on the lines between samples; beyond the data the nearest stands."""
    low, high = (data[np.clip(left + step, 0, len(data) - 1)] for step in (0, 1))
    return np.asarray((1 - share[:, None]) * low + share[:, None] * high)
