"""Which trials hold the same windows: one recording that was stored twice, under whatever names."""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SAMPLED: Final = 8  # windows of a trial that are compared, from its first to its last
_TELLING: Final = 32  # different values below which trials agree by chance, as a slow sensor's may


def first_alike(windows: NDArray[np.float32], index: NDArray[np.void]) -> NDArray[np.int64]:
    """Number of the first trial with the same windows, (trials,): its own where none is alike.

    ``windows`` are (rows, channels, samples), ``index`` (rows,) as a corpus has it. Some windows of each trial are
    compared: to read all takes long, and copies agree in any.
    """
    trial = index["trial"]
    first = np.arange(int(trial.max(initial=-1)) + 1, dtype=np.int64)
    order = np.lexsort((index["start"], index["hop"], trial))
    numbers, begins, counts = np.unique(trial[order], return_index=True, return_counts=True)
    seen: dict[bytes, int] = {}
    for number, begin, count in zip(numbers.tolist(), begins.tolist(), counts.tolist(), strict=True):
        places = begin + np.linspace(0, count - 1, min(count, _SAMPLED)).astype(np.int64)
        sampled = windows[order[places]]  # (sampled, channels, samples)
        known = seen.setdefault(_digest(sampled, count), number)
        if known != number and len(np.unique(sampled)) >= _TELLING:
            first[number] = known
    return first


def _digest(sampled: NDArray[np.float32], count: int) -> bytes:
    found = hashlib.blake2b(sampled.tobytes(), digest_size=16)
    found.update(str(count).encode())
    return found.digest()
