"""Stage 'evaluate': the test rows, once: the model beside majority, LDA and, where planted, the oracle."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.train.corpus.labels import UNRATED, planted_classes, said
from memhacl.train.loops.finetune import predict_logits
from memhacl.train.loops.label_share import labels_of
from memhacl.train.loops.networks import Group
from memhacl.train.loops.work import Work
from memhacl.train.measure.baselines import Parts, corpus_features, lda, majority
from memhacl.train.measure.metrics import calibrated, mean_by, measure, measure_classes
from memhacl.train.progress import Bar

Measures = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Rated:
    """The rated test rows of one task: (rows,) truth, planted class (-1: none) and trial; guesses by name."""

    truth: NDArray[np.int64]
    planted: NDArray[np.int64]
    trial: NDArray[np.int64]
    probabilities: dict[str, NDArray[np.float64]]


def evaluate(work: Work, groups: dict[str, Group], temperatures: dict[str, float], folder: Path, bar: Bar) -> None:
    """Measure every task per window and per trial on the test rows; write metrics.json to ``folder``."""
    work.split.check(work.corpus)
    bar.start(2 + len(work.config.labels.tasks), "band power")
    known = corpus_features(work.corpus, work.split.train)
    asked = corpus_features(work.corpus, work.split.test)
    bar.step("model")
    model = _predict(work, groups, temperatures)
    bar.step("measures")
    tasks: dict[str, dict[str, Measures]] = {}
    labels = labels_of(work)  # what is compared with the model learns from no more labels than it
    for task, target in work.targets.items():
        classes, count = labels.classes[task][work.split.train], len(target.classes)
        guesses = {
            "model": model[task],
            "lda": lda(Parts(known, classes, asked), count),
            "majority": majority(classes, count, len(asked)),
        }
        tasks[task] = _measure_task(_test_rows(work, task, guesses))
        bar.step(task)
    report = {**describe(work), "tasks": tasks}
    (folder / "metrics.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    bar.finish(f"{len(asked)} test windows; {report['protocol_means']}")


def describe(work: Work) -> dict[str, Any]:
    """Say what the numbers were measured on: the words that must stand beside them."""
    rows, index, manifest = work.split.test, work.corpus.index, work.corpus.manifest
    tested = {
        "people": len(np.unique(index["subject"][rows])),
        "stimuli": len(np.unique(index["stimulus"][rows])),
        "trials": len(np.unique(index["trial"][rows])),
        "windows": len(rows),
    }
    return {
        "name": work.config.name,
        "method": work.method.name,
        "source": manifest.source,
        "simulated": manifest.simulated,
        "protocol": work.split.protocol,
        "protocol_means": work.split.meaning,
        "leaky": work.split.leaky,
        "left_out": work.split.left_out,
        "finetuned": {"mode": work.config.finetune.mode, "labels": work.config.finetune.labels},
        "test": tested,
        "classes": {task: said(target.of(work.split.train)) for task, target in work.targets.items()},
    }


def _predict(
    work: Work, groups: dict[str, Group], temperatures: dict[str, float]
) -> dict[str, NDArray[np.float64]]:
    probabilities = {}
    for group in groups.values():
        for task, logits in predict_logits(group, work.feed, work.split.test).items():
            probabilities[task] = calibrated(logits, temperatures[task])
    return probabilities


def _test_rows(work: Work, task: str, guesses: dict[str, NDArray[np.float64]]) -> Rated:
    rows, labels = work.split.test, work.targets[task].values
    rated = labels[rows] != UNRATED
    kept = rows[rated]
    trial = work.corpus.index["trial"][kept].astype(np.int64)
    return Rated(
        truth=labels[kept],
        planted=planted_classes(work.corpus.trials, task)[trial],
        trial=trial,
        probabilities={name: values[rated] for name, values in guesses.items()},
    )


def _measure_task(test: Rated) -> dict[str, Measures]:
    """Measures by level (window, trial) and predictor; nothing where no test row is rated."""
    if not len(test.truth):
        return {"window": {}, "trial": {}}
    return {"window": _measure_level(test), "trial": _measure_level(_per_trial(test))}


def _per_trial(test: Rated) -> Rated:
    """Average probabilities over the windows of each trial; its label is that of any of its windows."""
    _, first = np.unique(test.trial, return_index=True)
    means = {name: mean_by(test.trial, values) for name, values in test.probabilities.items()}
    return Rated(test.truth[first], test.planted[first], test.trial[first], means)


def _measure_level(test: Rated) -> Measures:
    measures = {name: measure(test.truth, values) for name, values in test.probabilities.items()}
    if (test.planted == UNRATED).any():
        return measures
    measures["oracle"] = measure_classes(test.truth, test.planted)
    for (
        name,
        values,
    ) in test.probabilities.items():  # how often the prediction is what was planted, rating noise aside
        measures[name]["agreement"] = measure_classes(test.planted, values.argmax(axis=1))["accuracy"]
    measures["oracle"]["agreement"] = 1.0
    return measures
