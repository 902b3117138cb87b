"""Labels of a share of the training trials: what a person would have to rate if fewer ratings were to be had."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.train.corpus.labels import UNRATED
from memhacl.train.loops.work import Work

_ORDER = 2**32 - 1  # second word of the seed, where the order of rows has the epoch's number

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Classes that fine-tuning may see: task → class of each row of the corpus, (rows,), -1 if hidden or unrated.

    ``used`` and ``labelled`` count the training trials of each task whose label is used, and that have one.
    """

    classes: dict[str, Rows]
    used: dict[str, int]
    labelled: dict[str, int]


def labels_of(work: Work) -> Labels:
    """Classes of all rows for each task; of training rows, those of a share ``finetune.labels`` of the trials.

    Validation rows keep theirs: they choose, and train nothing.
    """
    trial, train = work.corpus.index["trial"].astype(np.int64), work.split.train
    order = trial_order(len(work.corpus.trials), work.config.seed)
    classes, used, labelled = {}, {}, {}
    for task, target in work.targets.items():
        rated = train[target.values[train] != UNRATED]
        kept = choose_trials(trial[rated], target.values[rated], order, work.config.finetune.labels)
        hidden = train[~np.isin(trial[train], kept)]
        classes[task] = target.values.copy()
        classes[task][hidden] = UNRATED
        used[task], labelled[task] = len(kept), len(np.unique(trial[rated]))
    return Labels(classes, used, labelled)


def trial_order(trials: int, seed: int) -> Rows:
    """Rank (trials,) of each trial in a random order that depends on the seed alone."""
    return np.random.default_rng([seed, _ORDER]).permutation(trials)


def choose_trials(trial: Rows, classes: Rows, rank: Rows, share: float) -> Rows:
    """Numbers of the trials that give a ``share`` of each class's, at least one, those of the lowest rank first.

    ``trial`` and ``classes`` are (rows,), ``rank`` (trials,). A smaller share's trials are among a larger one's.
    """
    chosen: list[Rows] = []
    for number in np.unique(classes):
        there = np.unique(trial[classes == number])
        first = there[np.argsort(rank[there])]
        chosen.append(first[: max(1, round(share * len(first)))])
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.int64)


def said_of(labels: Labels) -> str:
    """Say how many trials' labels are used, task by task where they differ."""
    counts = {task: f"{labels.used[task]} of {labels.labelled[task]}" for task in labels.used}
    if len(set(counts.values())) == 1:
        return f"labels of {next(iter(counts.values()))} trials"
    return "labels of trials: " + ", ".join(f"{task} {count}" for task, count in counts.items())
