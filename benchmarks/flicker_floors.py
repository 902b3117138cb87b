"""What flicker must be compared with: features made by hand and linear discriminants, on the same windows."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from memhacl.train.corpus.labels import UNRATED
from memhacl.train.corpus.store import Corpus
from memhacl.train.measure.metrics import balanced_accuracy
from memhacl.train.protocols import Split

FLICKER = (13.0, 17.0, 21.0)  # Hz
HARMONICS = 2
LOWEST, HIGHEST = 6, 45  # Hz

Floats = NDArray[np.float64]


def floors(corpus: Corpus, split: Split, labels: NDArray[np.int64]) -> dict[str, float]:
    """Balanced accuracy a trial of log power spectrum + LDA and of canonical correlations + LDA.

    ``labels`` (rows,) are the classes of the corpus's rows. Both learn from training and validation rows, for they
    have nothing to select.
    """
    known = np.concatenate([split.train, split.validation])
    return {
        name: _lda(*_trials(corpus, known, labels, features), *_trials(corpus, split.test, labels, features))
        for name, features in (("log-PSD + LDA", log_spectrum), ("CCA + LDA", correlations))
    }


def _lda(known: Floats, classes: NDArray[np.int64], asked: Floats, truth: NDArray[np.int64]) -> float:
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    return balanced_accuracy(truth, model.fit(known, classes).predict(asked))


def _trials(
    corpus: Corpus, rows: NDArray[np.int64], labels: NDArray[np.int64], features: Callable[[Floats, float], Floats]
) -> tuple[Floats, NDArray[np.int64]]:
    """Features (trials, columns) and classes (trials,) of the labelled trials among ``rows``."""
    rows = rows[labels[rows] != UNRATED]
    trial = corpus.index["trial"][rows]
    found = [rows[trial == number] for number in np.unique(trial)]
    made = [features(_joined(corpus, one), corpus.spec.rate) for one in found]
    return np.array(made), np.array([labels[one[0]] for one in found])


def _joined(corpus: Corpus, rows: NDArray[np.int64]) -> Floats:
    """The signals (channels, samples) of one trial: its windows that do not overlap, one after the other."""
    rows = rows[np.argsort(corpus.index["start"][rows])]
    step = round(corpus.spec.window / corpus.spec.hop)
    return np.concatenate(list(corpus.windows[rows[::step]].astype(np.float64)), axis=1)


def log_spectrum(signals: Floats, rate: float) -> Floats:
    """Logarithm of the power in each whole hertz and channel, (columns,), by averaged 1-s periodograms."""
    seconds = signals.reshape(len(signals), -1, round(rate))  # (channels, seconds, samples)
    power = (np.abs(np.fft.rfft(seconds * np.hanning(round(rate)), axis=2)) ** 2).mean(axis=1)
    return np.log(power[:, LOWEST : HIGHEST + 1] + 1e-12).ravel()


def correlations(signals: Floats, rate: float) -> Floats:
    """Largest canonical correlation of ``signals`` (channels, samples) with each flicker and its harmonic."""
    time = np.arange(signals.shape[1]) / rate
    return np.array([_canonical(signals.T, _waves(time, hertz)) for hertz in FLICKER])


def _waves(time: Floats, hertz: float) -> Floats:
    turns = [2 * np.pi * hertz * (harmonic + 1) * time for harmonic in range(HARMONICS)]
    return np.stack([wave(turn) for turn in turns for wave in (np.sin, np.cos)], axis=1)  # (samples, 4)


def _canonical(left: Floats, right: Floats) -> float:
    bases = [np.linalg.qr(part - part.mean(axis=0))[0] for part in (left, right)]
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[0])
