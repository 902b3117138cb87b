"""What a cell's numbers say: any measure of any predictor, as the files of its evaluation have it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from memhacl.train.crossvalidation.trainings import Training
from memhacl.train.measure.predictions import MODEL, ORACLE, Predictions, load_predictions
from memhacl.train.report.embedding import Cloud, load_clouds
from memhacl.train.tables.cells import Cell
from memhacl.train.tables.paper import LOSS

HEADLINE = "balanced_accuracy"


@dataclass(frozen=True)
class Value:
    """A number, its 95 % interval where it has one, and ``who`` reached it where that is not known otherwise."""

    number: float
    interval: tuple[float, float] | None = None
    who: str = ""


@dataclass(frozen=True)
class Measured:
    """A cell that was trained and evaluated."""

    cell: Cell

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """The content of its metrics.json."""
        path = self.cell.path / "evaluate" / "metrics.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def value(self, task: str, who: str, measure: str, level: str = "window") -> Value | None:
        """A measure of ``who``; nothing where it was not measured or is undefined."""
        if measure == LOSS:
            return Value(self._loss(task, who))
        scores = self.metrics["tasks"][task].get(level, {}).get(who, {})
        if scores.get(measure) is None:
            return None
        interval = scores["intervals"].get(measure)
        return Value(scores[measure], None if interval is None or None in interval else (interval[0], interval[1]))

    def rival(self, task: str) -> str | None:
        """The best of the baselines that need no training of their own, by balanced accuracy a trial."""
        scores = self.metrics["tasks"][task].get("trial", {})
        ours = {MODEL, ORACLE, *self.cell.config.crossvalidate.compare}
        found = {who: scores[who][HEADLINE] for who in scores if who not in ours}
        known = {who: number for who, number in found.items() if number is not None}
        return max(known, key=lambda who: known[who]) if known else None

    def confusion(self, task: str, who: str) -> list[list[int]]:
        """Windows by true class (rows) and the class that ``who`` named; of several seeds the sum."""
        found: list[list[int]] = self.metrics["tasks"][task]["window"][who]["confusion"]
        return found

    @cached_property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """Names of classes by task."""
        said = load_predictions(self.cell.path / "evaluate" / "predictions.npz")
        return {task: found.classes for task, found in said.items()}

    def cloud(self, task: str) -> Cloud | None:
        """Test windows of the first fold and seed as the encoder of ``task`` sees them; None of too few."""
        run = self._run(Training(0, self.cell.config.crossvalidate.seeds[0]))
        clouds = load_clouds(run / "embedding.npz").values()
        return next((cloud for cloud in clouds if task in cloud.classes), None)

    def _loss(self, task: str, way: str) -> float:
        """Mean cross-entropy a test window, in nats, before any temperature: that of training's loss."""
        seeds, folds = self.metrics["seeds"], self.metrics["folds"]
        each = [
            _entropies(load_predictions(self._run(Training(fold, seed, way)) / "predictions.npz")[task])
            for seed in seeds
            for fold in range(folds)
        ]
        return float(np.concatenate(each).mean())

    def _run(self, training: Training) -> Path:
        return training.path(self.cell.path) / "evaluate"


def _entropies(said: Predictions) -> np.ndarray:
    """Cross-entropy (rows,) of the model's logits."""
    logits = said.logits
    top = logits.max(axis=1)
    sums = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
    return np.asarray(sums - logits[np.arange(len(said)), said.truth])
