"""One task's predictions per window and per trial, in one order whoever made them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import natural
from memhacl.train.measure.metrics import MEASURES, Tally, mean_by, measures, tally
from memhacl.train.measure.predictions import Floats, Numbers, Predictions

_KEY = ("subject", "stimulus", "trial", "start")  # what makes a test window the same one in two runs
_RANKS = 2000  # of scores, in resamples


def ordered(found: Predictions) -> Predictions:
    """The same rows, by person, stimulus, trial and time."""
    return found.of(np.lexsort([getattr(found, name) for name in reversed(_KEY)]))


def same_windows(one: Predictions, other: Predictions) -> bool:
    """Whether two that are ``ordered`` are of the same windows."""
    return len(one) == len(other) and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        if name != "start"
        else np.allclose(one.start, other.start, rtol=0, atol=1e-6)
        for name in _KEY
    )


def by_trial(found: Predictions) -> Predictions:
    """One row a trial: the mean of its windows' probabilities; its label is that of any of them."""
    first = np.unique(found.trial, return_index=True)[1]
    means = {who: mean_by(found.trial, values) for who, values in found.probabilities.items()}
    return replace(found.of(first), probabilities=means)


@dataclass(frozen=True)
class Level:
    """What each seed said of the same rows, which are windows or trials; ``trial`` (rows,) counts from 0."""

    seeds: tuple[Predictions, ...]
    trial: Numbers

    @property
    def rows(self) -> Predictions:
        """What is known of the rows, whoever predicts."""
        return self.seeds[0]

    @property
    def firsts(self) -> Predictions:
        """One row of each trial (trials,), in the order of ``trial``."""
        return self.rows.of(np.unique(self.trial, return_index=True)[1])

    def of(self, rows: NDArray[np.bool_]) -> "Level":
        """Some of the rows."""
        trial = np.unique(self.trial[rows], return_inverse=True)[1].astype(np.int64)
        return Level(tuple(seed.of(rows) for seed in self.seeds), trial)


class Scores:
    """What predictor ``who`` is worth at a ``level``: every measure is that of each seed, averaged."""

    def __init__(self, level: Level, who: str):
        self.level, self.who = level, who

    @cached_property
    def tallies(self) -> list[Tally]:
        """What was said, added up within trials, for each seed."""
        return self._tallies()

    def _tallies(self, ranks: int = 0) -> list[Tally]:
        trial, who = self.level.trial, self.who
        return [tally(trial, seed.truth, seed.probabilities[who], ranks) for seed in self.level.seeds]

    def measured(self, weights: Floats) -> dict[str, Floats]:
        """Measures (n,) under ``weights`` (n, trials)."""
        return _mean([measures(found, weights) for found in self.tallies])

    def resampled(self, weights: Floats) -> dict[str, Floats]:
        """Measures (n,) in resamples; undefined in those that lack a class that occurs here."""
        rows = self.level.rows
        must = np.bincount(rows.truth, minlength=len(rows.classes)) > 0
        return _mean([measures(found, weights, must) for found in self._tallies(_RANKS)])

    @cached_property
    def people(self) -> dict[str, dict[str, float]]:
        """Measures of each person, NaN where undefined."""
        subject = self.level.firsts.subject
        names = sorted(set(subject.tolist()), key=natural)
        found = self.measured((subject == np.array(names)[:, None]).astype(np.float64))  # of (people, trials)
        return {
            name: {measure: float(values[place]) for measure, values in found.items()}
            for place, name in enumerate(names)
        }


def levels_of(seeds: Sequence[Predictions]) -> dict[str, Level]:
    """Per window and per trial what several seeds said of one task.

    Raises
    ------
    DataError
        The seeds were not tested on the same windows.
    """
    windows = tuple(ordered(seed) for seed in seeds)
    if not all(same_windows(windows[0], other) for other in windows[1:]):
        raise DataError("predictions: expected the same test windows for every seed; evaluate all folds again")
    return {"window": _level(windows), "trial": _level(tuple(by_trial(seed) for seed in windows))}


def _level(seeds: tuple[Predictions, ...]) -> Level:
    return Level(seeds, np.unique(seeds[0].trial, return_inverse=True)[1].astype(np.int64))


def _mean(found: list[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.mean([one[name] for one in found], axis=0) for name in MEASURES}
