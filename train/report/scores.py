"""The numbers of metrics.json as the page needs them: a row for each predictor, sentences, tables of a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memhacl.train.measure.predictions import MODEL, Predictions
from memhacl.train.report.words import BOUND

Scores = Mapping[str, Any]  # of one predictor
LEVELS = ("trial", "window")
MEASURES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "ece": "calibration error",
    "agreement": "agrees with planted",
}
DASH = "\N{EN DASH}"  # of what was not measured
MAIN = "balanced_accuracy"


@dataclass(frozen=True)
class Task:
    """One task's numbers: by level and predictor, its classes and the score that guessing gets."""

    name: str
    levels: Mapping[str, Mapping[str, Scores]]
    classes: tuple[str, ...]

    @property
    def chance(self) -> float:
        """Balanced accuracy of always saying one class that the test has; NaN where classes are not known."""
        tested = sum(any(row) for row in self.level.get(MODEL, {}).get("confusion") or ())
        count = tested or len(self.classes)
        return 1 / count if count else float("nan")

    @property
    def level(self) -> Mapping[str, Scores]:
        """Scores per trial by predictor."""
        return self.levels.get("trial", {})

    def order(self, level: str = "trial") -> list[str]:
        """Predictors: the model, what it must beat from the best on, and what nothing can beat."""
        found = self.levels.get(level, {})
        rest = [who for who in found if who not in (MODEL, BOUND) and found[who].get(MAIN) is not None]
        rest.sort(key=lambda who: -found[who][MAIN])
        ends = [[who] if found.get(who, {}).get(MAIN) is not None else [] for who in (MODEL, BOUND)]
        return [*ends[0], *rest, *ends[1]]

    @property
    def rival(self) -> str | None:
        """The best of what the model must beat, per trial."""
        return next((who for who in self.order() if who not in (MODEL, BOUND)), None)


def tasks_of(metrics: Mapping[str, Any], classes: Mapping[str, Sequence[str]]) -> list[Task]:
    """Return the tasks that were measured; ``classes`` names each one's, where that is known."""
    return [
        Task(name, levels, tuple(classes.get(name) or _numbered(levels)))
        for name, levels in metrics["tasks"].items()
        if levels.get("trial", {}).get(MODEL)
    ]


def _numbered(levels: Mapping[str, Any]) -> list[str]:
    table = levels["trial"][MODEL].get("confusion") or []
    return [f"class {number}" for number in range(len(table))]


def interval(scores: Scores, measure: str = MAIN) -> tuple[float, float] | None:
    """Return the 95 % interval of a measure; None where it was not measured."""
    found = (scores.get("intervals") or {}).get(measure)
    return None if found is None or None in found else (float(found[0]), float(found[1]))


def dot_rows(task: Task) -> list[dict[str, Any]]:
    """Return the rows of the headline's figure."""
    rows = []
    for who in task.order():
        low, high = interval(task.level[who]) or (None, None)
        kind = who if who in (MODEL, BOUND) else "baseline"
        rows.append({"who": who, "value": task.level[who][MAIN], "low": low, "high": high, "kind": kind})
    return rows


def verdict(task: Task, comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Say how the model stands to chance and to the best baseline, per trial; ``comparisons`` are of all tasks."""
    scores, between = task.level[MODEL], interval(task.level[MODEL])
    chance = task.chance
    if between is None:
        against = "how sure that is was not measured"
    elif between[0] > chance:
        against = "the whole interval lies above chance"
    elif between[1] < chance:
        against = "the whole interval lies below chance"
    else:
        against = "the interval contains chance: no better than guessing, as far as this test can tell"
    rival = task.rival
    if rival is None:
        return f"{against}."
    best, mine = task.level[rival][MAIN], scores[MAIN]
    word = "above" if mine > best else "below" if mine < best else "equal to"
    paired = next((one for one in comparisons if one["task"] == task.name and one.get("than") == rival), {})
    return f"{against}. It is {word} the best baseline, {rival} with {best:.2f}{_gap(paired.get('interval'))}."


def _gap(between: Sequence[float | None] | None) -> str:
    if between is None or between[0] is None or between[1] is None:
        return ""
    open_ended = between[0] <= 0 <= between[1] and between[0] < between[1]
    sure = ", so that either may be better" if open_ended else ""
    return f" (difference {between[0]:+.2f} to {between[1]:+.2f}{sure})"


def person_rows(task: Task) -> list[tuple[str, float, float | None]]:
    """Return (person, model, rival): balanced accuracy per trial of who has one."""
    model = task.level[MODEL].get("people") or {}
    other = (task.level[task.rival].get("people") or {}) if task.rival else {}
    return [
        (person, scores[MAIN], (other.get(person) or {}).get(MAIN))
        for person, scores in model.items()
        if scores.get(MAIN) is not None
    ]


def confusion_rows(scores: Scores) -> list[list[tuple[int, float]]]:
    """Return a row for each true class: how many were called what, and the share of the row."""
    table = np.array(scores.get("confusion") or np.zeros((0, 0)))
    totals = np.maximum(table.sum(axis=1, keepdims=True), 1) if len(table) else table
    shares = table / totals if len(table) else table
    return [list(zip(row, share, strict=True)) for row, share in zip(table.tolist(), shares.tolist(), strict=True)]


def bins_of(task: Task) -> dict[str, list[Mapping[str, Any]]]:
    """Return the model's reliability bins by level, where they were measured."""
    found = {}
    for level in LEVELS:
        bins = [one for one in task.levels.get(level, {}).get(MODEL, {}).get("reliability") or [] if one["count"]]
        if bins:
            found[level] = bins
    return found


def temperatures(task: str, predictions: Mapping[str, Predictions], outcome: Mapping[str, Any]) -> list[float]:
    """Return what the model's logits of ``task`` were divided by: one number, or one a fold; none if not known."""
    if task in predictions:
        return sorted(set(predictions[task].cooled.tolist()))
    known = (outcome.get("temperatures") or {}).get(task)
    return [] if known is None else [float(known)]


def comparison_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the model's comparisons with each other predictor: balanced accuracy per trial, task by task."""
    return [
        {"by_person": {}, "interval": None, "difference": None, **entry}
        for entry in metrics.get("comparisons") or ()
        if entry.get("level") == "trial" and entry.get("measure") == MAIN and entry.get("who") == MODEL
    ]


def permutation_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return by task the real score, those of trainings on permuted labels, and p; nothing without any."""
    return [
        {"task": task, "mean": float(np.mean(found["permuted"])), "highest": max(found["permuted"]), **found}
        for task, found in ((metrics.get("permutation") or {}).get("tasks") or {}).items()
    ]
