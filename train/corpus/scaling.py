"""Per-channel scaling, from training rows only; export folds it into the graph."""

import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.train.corpus.store import Corpus

log = logging.getLogger(__name__)

_BLOCK = 4096  # rows read at once from the memory map


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each channel, (channels,), in the windows' units."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Write both arrays to an .npz file."""
        with path.open("wb") as file:
            np.savez(file, mean=self.mean, std=self.std)


def load_scale(path: Path) -> Scale:
    """Read the statistics that ``Scale.save`` wrote."""
    try:
        with np.load(path) as stored:
            return Scale(stored["mean"], stored["std"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise DataError(f"{path}: holds no scaling ({problem}); run the stage 'split' with --force") from None


def measure_scale(corpus: Corpus, rows: NDArray[np.int64]) -> Scale:
    """Mean and deviation (channels,) over the samples of ``rows`` and of no other rows."""
    count = len(rows) * corpus.windows.shape[2]
    mean = np.zeros(corpus.windows.shape[1])
    for block in _blocks(corpus, rows):
        mean += block.sum(axis=(0, 2)) / count
    square = np.zeros_like(mean)
    for block in _blocks(corpus, rows):
        square += ((block - mean[:, None]) ** 2).sum(axis=(0, 2)) / count
    std = np.sqrt(square)
    still = std <= 1e-6 * np.abs(mean)  # nothing but rounding, or nothing at all
    for channel in np.array(corpus.spec.channels)[still]:
        log.warning("channel %s never moves in the training windows; it is left unscaled", channel)
    return Scale(mean.astype(np.float32), np.where(still, 1.0, std).astype(np.float32))


def _blocks(corpus: Corpus, rows: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    for first in range(0, len(rows), _BLOCK):
        yield corpus.windows[rows[first : first + _BLOCK]].astype(np.float64)  # (rows, channels, samples)
