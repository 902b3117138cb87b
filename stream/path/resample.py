"""Values of a regularly sampled signal between its samples: windowed-sinc FIR, linear interpolation or hold."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0

_ATTENUATION = 70.0  # dB beyond the stop edge
_PASS = 0.355  # pass edge as a share of the lower rate: 45 Hz at 128 Hz
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

    The FIR (Kaiser window) stops 70 dB from half the lower rate upwards and passes up to 0.355 of it. It needs
    ``half / rate`` seconds of the future; where ``look_ahead`` (s) allows less, its transition widens, and
    below four samples it gives way to linear interpolation (one sample) or to holding the last value (none).
    """
    lower = min(rate, grid_rate)
    half = _half_length((0.5 - _PASS) * lower / rate)
    allowed = int(look_ahead * rate + 1e-9)
    if allowed < _MIN_HALF:
        return Kernel("linear" if allowed >= 1 else "hold", min(allowed, 1), 0.0, 0.0)
    half = min(half, allowed)
    transition = (_ATTENUATION - 7.95) / (14.36 * 2 * half)
    cutoff = max(0.5 * lower / rate - transition / 2, 0.25 * lower / rate)
    return Kernel("fir", half, cutoff, 0.1102 * (_ATTENUATION - 8.7))


def _half_length(transition: float) -> int:
    return int(np.ceil((_ATTENUATION - 7.95) / (14.36 * transition) / 2))


@lru_cache(maxsize=32)
def _table(kernel: Kernel) -> NDArray[np.float64]:
    """Taps for each fraction of a sample, (phases + 1, 2 * half), each row summing to one."""
    fraction = np.arange(_PHASES + 1)[:, None] / _PHASES
    offset = np.arange(1 - kernel.half, kernel.half + 1)[None, :] - fraction  # (phases + 1, taps)
    window = i0(kernel.beta * np.sqrt(np.clip(1 - (offset / kernel.half) ** 2, 0, None))) / i0(kernel.beta)
    taps = 2 * kernel.cutoff * np.sinc(2 * kernel.cutoff * offset) * window
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))


def evaluate(data: NDArray[np.float64], position: NDArray[np.float64], kernel: Kernel) -> NDArray[np.float64]:
    """Values (positions, channels) of ``data`` (samples, channels) at fractional sample numbers ``position``.

    Where the kernel reaches beyond the data its remaining taps are rescaled to sum to one, so that a constant
    stays that constant up to the edge.
    """
    if kernel.mode == "hold":
        return np.asarray(data[np.clip(np.floor(position + _HOLD).astype(int), 0, len(data) - 1)])
    left = np.floor(position + _EXACT).astype(int)
    if kernel.mode == "linear":
        share = np.clip(position - left, 0, 1)[:, None]
        low, high = (np.clip(left + step, 0, len(data) - 1) for step in (0, 1))
        return np.asarray((1 - share) * data[low] + share * data[high])
    return _convolve(data, left, np.clip(position - left, 0, 1), kernel)


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
    table = _table(kernel)
    phase = fraction * _PHASES
    row = np.minimum(phase.astype(int), _PHASES - 1)
    share = (phase - row)[:, None]
    taps = (1 - share) * table[row] + share * table[row + 1]  # (positions, taps)
    places = left[:, None] + np.arange(1 - kernel.half, kernel.half + 1)[None, :]
    inside = (places >= 0) & (places < len(data))
    if not inside.all():
        taps = np.where(inside, taps, 0.0)
        taps = taps / taps.sum(axis=1, keepdims=True)
        places = np.clip(places, 0, len(data) - 1)
    return np.asarray(np.einsum("pt,ptc->pc", taps, data[places]))
