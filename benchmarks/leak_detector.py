"""A learner made to exploit leaks: it recognises trial, person and clip, and says what was rated there.

It has four parts. Each says, of every trial it is asked about, how much the rating of every trial it knows counts:

- ``trial``: which known trial these windows come from (band power and the levels of the slow signals);
- ``person``: which known person they come from, by the same features; that person's mean rating counts;
- ``clip``: which stimulus is being shown, by the waveforms that the known people had at the same seconds of each
  stimulus; the mean rating of that stimulus counts;
- ``effect``: what band power has to do with ratings in all known trials (ridge regression: LDA's direction).

Their votes are added, each weighed by what it explained of the ratings on validation rows. So under every
protocol the learner finds, by the protocol's own validation, the leaks that there are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols import Split

PARTS = ("trial", "person", "clip", "effect")
BANDS = ((4, 8), (8, 13), (13, 30), (30, 45))  # Hz
LOCKED = (4, 17)  # Hz: what follows a stimulus is slower than 16 Hz, and conditioning leaves nothing below 4 Hz
SHRINK = 0.1  # of a covariance towards its diagonal
RIDGE = 0.1  # of the rows' number

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Features:
    """What the detector sees of each window, and which it is.

    ``levels`` (rows, columns) are log band power and the levels and slopes of the slow signals; ``waves`` (rows,
    frequencies, channels) the EEG's Fourier coefficients.
    """

    levels: Floats
    waves: NDArray[np.complex128]
    index: NDArray[np.void]


def features_of(corpus: Corpus) -> Features:
    """Features (rows, ...) of all windows of ``corpus``: 1-s windows, so that bins are 1 Hz apart."""
    windows = corpus.windows.astype(np.float64)
    eeg = windows[:, corpus.spec.rows["EEG"]]  # (rows, channels, samples)
    power = np.abs(np.fft.rfft(eeg * np.hanning(eeg.shape[2]), axis=2)) ** 2
    levels = [np.log(power[:, :, low:high].sum(axis=2)) for low, high in BANDS]
    slow = np.delete(windows, corpus.spec.rows["EEG"], axis=1)
    levels += [slow.mean(axis=2), slow[:, :, -1] - slow[:, :, 0]]
    waves = np.fft.rfft(eeg, axis=2)[:, :, slice(*LOCKED)].transpose(0, 2, 1)  # (rows, frequencies, channels)
    size = np.sqrt((np.abs(waves) ** 2).mean(axis=(1, 2), keepdims=True))
    return Features(np.concatenate(levels, axis=1), waves / size, corpus.index)


def detect(features: Features, split: Split, high: NDArray[np.bool_]) -> dict[str, float]:
    """Balanced accuracy a test trial of each part alone and of all together ('detector').

    ``high`` (trials, worlds, tasks) says which trials were rated high, in worlds that share these signals; the
    votes of the parts are weighed in each world anew, and the figures are means over worlds and tasks.
    """
    known = np.concatenate([split.train, split.validation])  # after weighing, there is nothing left to select
    validation = votes(features, split.train, split.validation, high)
    test = votes(features, known, split.test, high)
    truth = [high[np.unique(features.index["trial"][rows])] for rows in (split.validation, split.test)]
    weights = {part: weight(vote, truth[0]) for part, vote in validation.items()}  # (worlds, 1)
    together = np.sum([weights[part] * vote for part, vote in test.items()], axis=0)
    figures = {part: float(accuracies(vote, truth[1]).mean()) for part, vote in test.items()}
    return figures | {"detector": float(accuracies(together, truth[1]).mean())}


def weight(vote: Floats, truth: NDArray[np.bool_]) -> Floats:
    """How much the votes (trials, worlds, tasks) of a part should weigh, (worlds, 1).

    The share of the ratings' variance on validation trials that they explain: their squared correlation, or 0
    where they point the wrong way.
    """
    rated = truth - truth.mean(axis=0)
    together = np.sqrt((rated**2).mean(axis=(0, 2)) * (vote**2).mean(axis=(0, 2)))  # (worlds,)
    correlation = (rated * vote).mean(axis=(0, 2)) / np.maximum(together, 1e-12)
    share: Floats = np.maximum(correlation, 0.0)[:, None] ** 2
    return share


def accuracies(vote: Floats, truth: NDArray[np.bool_]) -> Floats:
    """Balanced accuracy (worlds, tasks) of votes (trials, worlds, tasks), of which the positive say high."""
    said = vote > 0
    with np.errstate(invalid="ignore"):  # 0 / 0: a class without a trial
        recalls = np.stack(
            [((said == truth) & (truth == one)).sum(0) / (truth == one).sum(0) for one in (False, True)]
        )
    balanced: Floats = np.nanmean(recalls, axis=0)
    return balanced


def votes(features: Features, known: Rows, asked: Rows, high: NDArray[np.bool_]) -> dict[str, Floats]:
    """Votes (asked trials, worlds, tasks) of each part, their mean square 1, from the ratings of known trials."""
    rated = high[np.unique(features.index["trial"][known])] - 0.5
    rated = rated - rated.mean(axis=0)  # so that the larger class counts no more than the smaller
    found = {}
    for part, counts in recall(features, known, asked).items():
        vote = np.einsum("ak,kwt->awt", counts, rated)
        found[part] = vote / np.sqrt((vote**2).mean(axis=(0, 2), keepdims=True) + 1e-12)
    return found


def recall(features: Features, known: Rows, asked: Rows) -> dict[str, Floats]:
    """How much each known trial's rating counts for each asked trial, (asked trials, known trials), by part."""
    levels = features.levels - features.levels[known].mean(axis=0)
    levels /= levels[known].std(axis=0)
    index = features.index[known]
    asked_trials = _members(features.index["trial"][asked])  # (asked trials, asked rows)
    mine = _members(index["trial"])  # (known trials, known rows)
    shares = mine / mine.sum(axis=1, keepdims=True)
    found = {}
    for part, unit in (("trial", "trial"), ("person", "subject")):
        likely = asked_trials @ _likelihood(levels[known], index[unit], levels[asked])  # (asked trials, units)
        found[part] = _counts(likely, index[unit], shares)
    likely = asked_trials @ _shown(features, known, asked)  # (asked trials, stimuli)
    found["clip"] = _counts(likely, index["stimulus"], shares)
    found["effect"] = asked_trials @ _regression(levels[known], levels[asked]) @ mine.T
    return found


def _members(units: NDArray[np.int32]) -> Floats:
    """Which rows (rows,) are of which unit: 1 or 0, (units, rows), units in ascending order."""
    members: Floats = (np.unique(units)[:, None] == units).astype(np.float64)
    return members


def _means(rows: NDArray[Any], units: NDArray[np.integer]) -> tuple[NDArray[Any], Rows]:
    """Mean of ``rows`` (rows, ...) over each unit's, (units, ...), and each row's place among the units."""
    _, place, count = np.unique(units, return_inverse=True, return_counts=True)
    total = np.zeros((len(count), *rows.shape[1:]), dtype=rows.dtype)
    np.add.at(total, place, rows)
    return total / count.reshape(-1, *[1] * (rows.ndim - 1)), place


def _counts(likely: Floats, units: NDArray[np.int32], shares: Floats) -> Floats:
    """Counts (asked, known trials) from log likelihoods (asked, units): a unit's trials share its probability."""
    belongs = _members(units) @ shares.T  # (units, known trials)
    chances = softmax(likely, axis=1)
    counts: Floats = chances @ (belongs / belongs.sum(axis=1, keepdims=True))
    return counts


def _likelihood(known: Floats, units: NDArray[np.int32], asked: Floats) -> Floats:
    """Log likelihood (asked, units) that rows belong to a unit: normal, one covariance for all units."""
    means, place = _means(known, units)
    rest = known - means[place]
    covariance = rest.T @ rest / max(1, len(known) - len(means))
    covariance = (1 - SHRINK) * covariance + SHRINK * np.diag(np.diag(covariance))
    towards = np.linalg.solve(covariance, means.T)  # (columns, units)
    likelihood: Floats = asked @ towards - 0.5 * np.sum(means.T * towards, axis=0)
    return likelihood


def _regression(known: Floats, asked: Floats) -> Floats:
    """Counts (asked, known rows) of ridge regression on ratings without their mean."""
    inner = known.T @ known + RIDGE * len(known) * np.eye(known.shape[1])
    counts: Floats = asked @ np.linalg.solve(inner, known.T)
    return counts


def _shown(features: Features, known: Rows, asked: Rows) -> Floats:
    """Log likelihood (asked rows, stimuli) that a stimulus is shown, by the known people's mean waveform there.

    Waveforms are compared at the same second of each stimulus. It is 0 where nobody is known who saw that second.
    """
    hop, stimuli = features.index["hop"].astype(np.int64), np.unique(features.index["stimulus"][known])
    seconds = int(hop.max()) + 1
    clip = features.index["stimulus"] * seconds + hop
    templates, white = _templates(features.waves[known], clip[known])
    seen = _whitened(features.waves[asked], white)  # (asked rows, frequencies, columns)
    likely = np.zeros((len(asked), int(clip.max()) + 1))  # of every clip
    flat = templates.reshape(len(templates), -1)  # (clips, frequencies * columns)
    match = seen.reshape(len(asked), -1) @ flat.T - 0.5 * (flat**2).sum(axis=1)
    likely[:, np.unique(clip[known])] = match
    return likely[np.arange(len(asked))[:, None], stimuli * seconds + hop[asked][:, None]]


def _templates(waves: NDArray[np.complex128], clip: Rows) -> tuple[Floats, Floats]:
    """Mean whitened waveform of each clip, (clips, frequencies, columns), and what whitens.

    The mean of few people is mostly noise: each frequency shrinks by the share of its energy that is noise.
    """
    means, place = _means(waves, clip)
    white = _whitening(waves - means[place])
    templates = _whitened(means, white)
    noise = templates.shape[2] * (1 / np.bincount(place)).mean()
    energy = (templates**2).sum(axis=2).mean(axis=0)  # (frequencies,)
    shrunk: Floats = templates * (np.maximum(energy - noise, 0) / energy)[:, None]
    return shrunk, white


def _whitening(rest: NDArray[np.complex128]) -> Floats:
    """Matrices (frequencies, channels, channels) after which the channels of ``rest`` (rows, ...) are white."""
    covariance = (rest.transpose(1, 2, 0) @ rest.conj().transpose(1, 0, 2)).real / len(rest)
    size = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / rest.shape[2]
    whitening: Floats = np.linalg.inv(np.linalg.cholesky(covariance + 0.02 * size * np.eye(rest.shape[2])))
    return whitening


def _whitened(waves: NDArray[np.complex128], white: Floats) -> Floats:
    """Real and imaginary parts of whitened coefficients, (rows, frequencies, 2 * channels), of unit variance."""
    turned = np.sqrt(2) * (waves.transpose(1, 0, 2) @ white.transpose(0, 2, 1)).transpose(1, 0, 2)
    return np.concatenate([turned.real, turned.imag], axis=2)
