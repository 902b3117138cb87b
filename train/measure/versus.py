"""Two runs against each other, person by person: what `memhacl-train compare` tells."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memhacl.stream.errors import DataError
from memhacl.train.folder import refuse_outdated
from memhacl.train.measure.intervals import draw
from memhacl.train.measure.levels import Scores, levels_of, ordered, same_windows
from memhacl.train.measure.paired import differences, mean_difference, paired_tests
from memhacl.train.measure.predictions import MODEL, Predictions, Tasks, load_seeds


@dataclass(frozen=True)
class Measured:
    """What lies in a run's or cross-validation's ``evaluate``: what each seed said, and metrics.json."""

    path: Path
    seeds: tuple[Tasks, ...]
    report: dict[str, Any]


@dataclass(frozen=True)
class Versus:
    """One task of two runs: mean over people of a measure in each, and of its difference, with interval and p.

    ``by_person`` is what the first has more than the second in each person; ``tests`` is as `paired_tests` says.
    """

    task: str
    means: tuple[float, float]
    by_person: dict[str, float]
    interval: list[float] | None
    tests: dict[str, Any]


def open_measured(path: Path) -> Measured:
    """Read the predictions and metrics of the run or cross-validation in folder ``path``.

    Raises
    ------
    DataError
        Nothing was evaluated there, or a file is damaged.
    """
    folder = path / "evaluate"
    if not (folder / "predictions.npz").is_file():
        raise DataError(
            f"{path}: expected the folder of an evaluated run or cross-validation, found no {folder.name}/"
            "predictions.npz; run 'memhacl-train evaluate' or 'memhacl-train crossvalidate' first"
        )
    refuse_outdated(path)
    try:
        report = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(
            f"{folder / 'metrics.json'}: is damaged ({problem}); evaluate again with --force"
        ) from None
    return Measured(path, load_seeds(folder / "predictions.npz"), report)


def against(one: Measured, other: Measured, level: str, measure: str, resamples: int) -> list[Versus]:
    """Compare the models of two runs in every task, per 'window' or 'trial'.

    Seeds are averaged first. Both must have been tested on the same windows with the same labels: only then does a
    person's difference say something about the models alone.

    Raises
    ------
    DataError
        Tasks, test windows or labels differ.
    """
    _check(one, other)
    return [
        _task(task, _model(one, task, level), _model(other, task, level), measure, resamples)
        for task, said in one.seeds[0].items()
        if len(said)
    ]


def _model(run: Measured, task: str, level: str) -> Scores:
    return Scores(levels_of([said[task] for said in run.seeds])[level], MODEL)


def _task(task: str, one: Scores, other: Scores, measure: str, resamples: int) -> Versus:
    trials = one.level.firsts
    draws = draw(trials.subject, trials.stimulus, trials.truth, resamples, seed=0)
    gaps = differences(one, other, measure)
    means = [
        float(np.mean([scores.people[person][measure] for person in gaps])) if gaps else float("nan")
        for scores in (one, other)
    ]
    return Versus(
        task,
        (means[0], means[1]),
        gaps,
        draws.interval(mean_difference(draws, one, other, measure)),
        paired_tests(gaps, seed=0),
    )


def _check(one: Measured, other: Measured) -> None:
    both = f"{one.path} and {other.path}"
    tasks = [_tasks(run.seeds[0]) for run in (one, other)]
    if tasks[0] != tasks[1]:
        raise DataError(f"{both}: expected the same tasks and classes, found {tasks[0]} and {tasks[1]}")
    for task in one.seeds[0]:
        mine, theirs = (ordered(run.seeds[0][task]) for run in (one, other))
        if not same_windows(mine, theirs):
            raise DataError(
                f"{both}: expected the same test windows ('{task}'), found {_windows(mine)} and "
                f"{_windows(theirs)}; compare runs on the same data, with the same signals and protocol (its seed "
                "and folds too)"
            )
        differ = int((mine.truth != theirs.truth).sum())
        if differ:
            raise DataError(
                f"{both}: expected the same labels ('{task}'), found others in {differ} of {len(mine)} test "
                "windows; compare runs with the same settings of labels"
            )


def _tasks(said: Tasks) -> str:
    return "; ".join(f"{task} ({', '.join(found.classes)})" for task, found in sorted(said.items()))


def _windows(said: Predictions) -> str:
    kinds = {"people": said.subject, "stimuli": said.stimulus, "trials": said.trial}
    counts = ", ".join(f"{len(np.unique(values))} {name}" for name, values in kinds.items())
    return f"{len(said)} windows of {counts}"
