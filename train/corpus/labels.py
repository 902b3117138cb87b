"""Ratings and categories → classes: the one place that knows what 'high' means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import LabelConfig
from memhacl.train.corpus.exchange import exchange
from memhacl.train.corpus.trials import Coded, Trials

UNRATED = -1
LEVELS = ("low", "high")
QUADRANT = "quadrant"
QUADRANTS = ("LVLA", "LVHA", "HVLA", "HVHA")  # of valence and arousal

Ranges = Mapping[str, tuple[float, float]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """What a task predicts: the names of its ``classes``, and the number of each trial's (trials,).

    It is -1 for a trial without a rating or category that counts, and for the ``ambiguous`` (trials,), of which a
    rating is too near its threshold.
    """

    classes: tuple[str, ...]
    values: NDArray[np.int64]
    ambiguous: NDArray[np.bool_]

    def of(self, trial: NDArray[np.integer]) -> "Target":
        """The same for rows (rows,) that each belong to one ``trial``."""
        return Target(self.classes, self.values[trial], self.ambiguous[trial])


def targets_of(trials: Trials, ranges: Ranges, config: LabelConfig) -> dict[str, Target]:
    """Classes of ``trials`` for each task of ``config``; ``ranges`` gives each scale's lowest and highest rating.

    With ``config.permutation`` they are other trials' classes, for a permutation test.

    Raises
    ------
    DataError
        The data has no such scale or kind of category, or one class only.
    ConfigError
        A scale without a known range has no threshold, a setting names a scale or category that is not there, or a
        permutation changes nothing.
    """
    _must_be_there("thresholds", config.thresholds, trials.ratings, "scales")
    _must_be_there("classes", config.classes, trials.categories, "kinds of category")
    found = {task: target_of(task, trials, ranges, config) for task in config.tasks}
    return _exchanged(found, trials, config) if config.permutation else found


def _exchanged(found: Mapping[str, Target], trials: Trials, config: LabelConfig) -> dict[str, Target]:
    """Give each labelled trial another's labels, of all tasks together; see `exchange`."""
    for task, target in found.items():
        if config.permute == "stimulus" and _one_to_one(target.values, trials.stimulus):
            raise ConfigError(
                f"labels.permute: 'stimulus' would only rename the classes of task '{task}', each of which is "
                "that of one stimulus; expected 'person'"
            )
    labelled = np.any([target.values != UNRATED for target in found.values()], axis=0)
    order = exchange(trials, labelled, config.permute, config.permutation)
    return {task: target.of(order) for task, target in found.items()}


def _one_to_one(classes: NDArray[np.int64], stimulus: NDArray[np.int32]) -> bool:
    pairs = {pair for pair in zip(classes.tolist(), stimulus.tolist(), strict=True) if pair[0] != UNRATED}
    return len(pairs) == len({label for label, _ in pairs}) == len({number for _, number in pairs})


def _must_be_there(key: str, named: Iterable[str], there: Iterable[str], what: str) -> None:
    """Raise ConfigError where a setting names what the data does not have: it would count for nothing."""
    known = list(there)
    for name in named:
        if name not in known:
            raise ConfigError(
                f"labels.{key}: expected {what} of the data ({', '.join(known) or 'it has none'}), found '{name}'"
            )


def planted_classes(trials: Trials, task: str) -> NDArray[np.int64]:
    """Classes (trials,) by the sign of the latent that a simulator planted; -1 where there is none."""
    if not set(_scales(task)) <= trials.planted.keys():
        return np.full(len(trials), UNRATED, dtype=np.int64)
    return _levels([trials.planted[scale] for scale in _scales(task)])


def said(target: Target) -> str:
    """Say how many of ``target`` are in each class, and how many in none."""
    labelled = target.values != UNRATED
    total = max(int(labelled.sum()), 1)
    counts = np.bincount(target.values[labelled], minlength=len(target.classes))
    parts = [f"{name} {n} ({n / total:.0%})" for name, n in zip(target.classes, counts.tolist(), strict=True)]
    ambiguous = int(target.ambiguous.sum())
    none = int((~labelled).sum()) - ambiguous
    parts += [f"{ambiguous} ambiguous"] if ambiguous else []
    parts += [f"{none} without a label"] if none else []
    return ", ".join(parts)


def threshold_of(scale: str, ranges: Ranges, config: LabelConfig) -> float:
    """Rating above which ``scale`` is high: the one set, or the middle of its range.

    Raises
    ------
    ConfigError
        None is set and the range is not known.
    """
    if scale in config.thresholds:
        return config.thresholds[scale]
    if scale not in ranges:
        raise ConfigError(
            f"labels.thresholds: expected one for '{scale}', whose range the data does not say; set "
            f"labels.thresholds: {{{scale}: ...}}"
        )
    low, high = ranges[scale]
    return (low + high) / 2


def target_of(task: str, trials: Trials, ranges: Ranges, config: LabelConfig) -> Target:
    """Classes of ``trials`` for one task, be it among ``config``'s or not; see `targets_of`."""
    if set(_scales(task)) <= trials.ratings.keys():
        scores = [trials.ratings[scale] - threshold_of(scale, ranges, config) for scale in _scales(task)]
        near = np.any([np.abs(score) < config.margin for score in scores], axis=0)
        classes = QUADRANTS if task == QUADRANT else LEVELS
        return Target(classes, np.where(near, UNRATED, _levels(scores)), near)
    if task in trials.categories:
        return _category(task, trials.categories[task], config)
    there = [*trials.ratings, *trials.categories]
    there += [QUADRANT] if set(_scales(QUADRANT)) <= trials.ratings.keys() else []
    raise DataError(
        f"task '{task}': the data tell {', '.join(there) or 'nothing: no trial has a rating or category'}; "
        "set labels.tasks"
    )


def _scales(task: str) -> tuple[str, ...]:
    return ("valence", "arousal") if task == QUADRANT else (task,)


def _levels(scores: list[Floats]) -> NDArray[np.int64]:
    """Class numbers (trials,) from signed scores, each (trials,): above zero is high; -1 where one is NaN."""
    number = np.zeros(len(scores[0]), dtype=np.int64)
    for score in scores:
        number = 2 * number + (score > 0)
    return np.where(np.isnan(scores).any(axis=0), UNRATED, number)


def _category(kind: str, coded: Coded, config: LabelConfig) -> Target:
    classes = config.classes.get(kind) or {name: (name,) for name in coded.names}
    unknown = [name for names in classes.values() for name in names if name not in coded.names]
    if unknown:
        raise ConfigError(f"labels.classes.{kind}: expected {', '.join(coded.names)}, found '{unknown[0]}'")
    if len(classes) < 2:
        raise DataError(f"task '{kind}': expected two categories or more, found only '{coded.names[0]}'")
    number = np.full(len(coded.names) + 1, UNRATED, dtype=np.int64)  # the last: of -1, no category
    for place, names in enumerate(classes.values()):
        for name in names:
            number[coded.names.index(name)] = place
    return Target(tuple(classes), number[coded.codes], np.zeros(len(coded.codes), dtype=bool))
