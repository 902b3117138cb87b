"""What a model must beat: the majority class, band power with LDA, and on simulated people the oracle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from memhacl.stream.spec import SignalSpec
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.corpus.store import Corpus

BANDS = {"theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 45.0)}
_BLOCK = 2048
_FLOOR = 1e-12


def features(windows: NDArray[np.float32], spec: SignalSpec) -> NDArray[np.float64]:
    """Features (rows, columns) of windows (rows, channels, samples).

    EEG: log power in ``BANDS`` for each channel. Other modalities: mean, slope over the window and log deviation
    of each channel.
    """
    columns = []
    for modality, rows in spec.rows.items():
        part = windows[:, rows].astype(np.float64)  # (rows, modality's channels, samples)
        columns.append(_band_power(part, spec.rate) if modality == "EEG" else _shape_of(part))
    return np.concatenate(columns, axis=1)


def _band_power(windows: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    samples = windows.shape[2]
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(samples), axis=2)) ** 2  # (rows, channels, bins)
    hertz = np.fft.rfftfreq(samples, 1 / rate)
    power = [spectrum[:, :, (hertz >= low) & (hertz < high)].sum(axis=2) for low, high in BANDS.values()]
    return np.log(np.concatenate(power, axis=1) + _FLOOR)  # (rows, bands x channels)


def _shape_of(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    time = np.linspace(-1, 1, windows.shape[2])
    slope = windows @ time / (time @ time)
    deviation = np.log(windows.std(axis=2) + _FLOOR)
    return np.concatenate([windows.mean(axis=2), slope, deviation], axis=1)


def corpus_features(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Features (rows, columns) of the corpus's ``rows``, read block by block."""
    blocks = [
        features(corpus.windows[rows[first : first + _BLOCK]], corpus.spec)
        for first in range(0, len(rows), _BLOCK)
    ]
    return np.concatenate(blocks)


@dataclass(frozen=True)
class Parts:
    """Features and classes of the training rows, and features of the rows to predict."""

    known: NDArray[np.float64]
    classes: NDArray[np.int64]
    asked: NDArray[np.float64]


def lda(parts: Parts, count: int) -> NDArray[np.float64]:
    """Probabilities (rows, ``count`` classes) by shrinkage LDA fitted on the labelled training rows."""
    rated = parts.classes != UNRATED
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    model.fit(parts.known[rated], parts.classes[rated])
    probabilities = np.zeros((len(parts.asked), count))
    probabilities[:, model.classes_] = model.predict_proba(parts.asked)  # a class unseen in training keeps 0
    return probabilities


def majority(classes: NDArray[np.int64], count: int, rows: int) -> NDArray[np.float64]:
    """Probabilities (rows, ``count`` classes): all on the most frequent of the training rows' ``classes``."""
    counts = np.bincount(classes[classes != UNRATED], minlength=count)
    probabilities = np.zeros((rows, count))
    probabilities[:, counts.argmax()] = 1.0
    return probabilities
