"""Predictions of made-up people, for tests of what is measured from them."""

from typing import Any

import numpy as np

from memhacl.train.measure.predictions import Predictions


def said(
    people: int = 6,
    stimuli: int = 8,
    windows: int = 3,
    classes: tuple[str, ...] = ("low", "high"),
    predictors: dict[str, float] | None = None,
    seed: int = 0,
    labels: int = 0,
    **changes: Any,
) -> Predictions:
    """Everybody's trials of all stimuli; each predictor's logits rise by its number where it is right.

    ``seed`` draws the predictions and ``labels`` the labels: two seeds of a model differ in the first alone.
    """
    random = np.random.default_rng([seed, 1])
    trial, window = (grid.ravel() for grid in np.mgrid[: people * stimuli, :windows])
    truth = np.random.default_rng(labels).integers(0, len(classes), people * stimuli)[trial]
    columns = {
        "subject": np.array([f"p{number // stimuli}" for number in trial]),
        "stimulus": np.array([f"v{number % stimuli}" for number in trial]),
        "trial": trial.astype(np.int64),
        "start": window.astype(np.float64),
        "fold": np.zeros(len(trial), dtype=np.int64),
        "truth": truth,
        "planted": np.full(len(trial), -1),
        "probabilities": {
            who: _probabilities(random, trial, truth, len(classes), skill)
            for who, skill in (predictors or {"model": 1.0, "lda": 0.3}).items()
        },
    }
    return Predictions(classes, **(columns | changes))


def _probabilities(
    random: np.random.Generator, trial: np.ndarray, truth: np.ndarray, classes: int, skill: float
) -> np.ndarray:
    logits = random.normal(size=(trial.max() + 1, classes))[trial] + 0.5 * random.normal(
        size=(len(trial), classes)
    )
    logits[np.arange(len(truth)), truth] += skill
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True)
