"""The content of metrics.json: every measure, its interval and what it must beat, from predictions alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from memhacl.train.corpus.labels import UNRATED
from memhacl.train.measure.calibration import reliability
from memhacl.train.measure.cautions import cautions
from memhacl.train.measure.intervals import Draws, draw
from memhacl.train.measure.levels import Scores, levels_of
from memhacl.train.measure.paired import differences, paired_tests
from memhacl.train.measure.predictions import MODEL, ORACLE, Floats, Predictions, Tasks, per_seed

FORMAT = "memhacl.metrics/2"
INTERVALS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")
_COMPARED = ("balanced_accuracy", "auroc")

Resampled = Mapping[str, Mapping[str, Floats]]  # measures (resamples,) by predictor


def summarise(
    tasks: Tasks | Sequence[Tasks], about: Mapping[str, Any], resamples: int, seed: int
) -> dict[str, Any]:
    """Return the content of metrics.json, from what one seed said of the test windows, or each of several.

    Every measure is that of each seed, averaged. Its interval is the crossed bootstrap's over people and stimuli
    (see `intervals.draw`), of that average; the calibration error, which resampling can only raise, has none. Of
    several seeds, ``confusion`` and the counts in ``reliability`` are sums. ``comparisons`` set the model against
    each other predictor: difference with its interval (the same resamples for both), and over people the mean
    difference with p of Wilcoxon's test and the sign-flip test. What is undefined is None.

    Raises
    ------
    DataError
        The seeds were not tested on the same windows.
    """
    seeds = per_seed(tasks)
    measured, comparisons, factors = {}, [], {}
    for task in seeds[0]:
        measured[task], compared, factors[task] = _task([said[task] for said in seeds], resamples, seed)
        comparisons += [{"task": task, **entry} for entry in compared]
    return {
        "format": FORMAT,
        **about,
        "bootstrap": {"resamples": resamples, "seed": seed, "resampled": factors},
        "tasks": measured,
        "unavailable": dict(about.get("unavailable", {})),
        "comparisons": comparisons,
        "permutation": None,
        "warnings": cautions(seeds[0], about),
    }


def _task(
    seeds: Sequence[Predictions], resamples: int, seed: int
) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """Measures by level and predictor, comparisons, and what was resampled; nothing where no test row is rated."""
    if not len(seeds[0]):
        return {"window": {}, "trial": {}}, [], []
    levels = levels_of([_with_oracle(said) for said in seeds])
    trials = levels["trial"].rows
    draws = draw(trials.subject, trials.stimulus, trials.truth, resamples, seed)
    measured, comparisons = {}, []
    for name, level in levels.items():
        scores = {who: Scores(level, who) for who in level.rows.probabilities}
        resampled = {who: found.resampled(draws.weights) for who, found in scores.items()}
        measured[name] = {who: _predictor(scores[who], draws, resampled[who]) for who in scores}
        comparisons += [{"level": name, **entry} for entry in _comparisons(scores, draws, resampled, seed)]
    return measured, comparisons, list(draws.factors)


def _with_oracle(said: Predictions) -> Predictions:
    """Add, where everything was planted, a predictor that knows it."""
    if (said.planted == UNRATED).any():
        return said
    return replace(said, probabilities={**said.probabilities, ORACLE: np.eye(len(said.classes))[said.planted]})


def _predictor(scores: Scores, draws: Draws, resampled: Mapping[str, Floats]) -> dict[str, Any]:
    """All that is told of one predictor at one level."""
    seeds, who = scores.level.seeds, scores.who
    pooled = scores.measured(np.ones((1, len(draws.subject))))
    entry: dict[str, Any] = {name: _plain(values[0]) for name, values in pooled.items()}
    if ORACLE in scores.level.rows.probabilities:
        entry["agreement"] = _agreement(scores)
    entry["intervals"] = {name: draws.interval(resampled[name]) for name in INTERVALS}
    entry["confusion"] = np.sum(
        [found.confusion.sum(axis=0) for found in scores.tallies], axis=0, dtype=int
    ).tolist()
    entry["people"] = {
        person: {name: _plain(found[name]) for name in INTERVALS} for person, found in scores.people.items()
    }
    truth = np.concatenate([seed.truth for seed in seeds])
    entry["reliability"] = reliability(truth, np.concatenate([seed.probabilities[who] for seed in seeds]))
    return _classes_only(entry) if who == ORACLE else entry


def _classes_only(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out what needs probabilities, of who only names classes."""
    people = {person: found | {"auroc": None} for person, found in entry["people"].items()}
    intervals = entry["intervals"] | {"auroc": None}
    return entry | {"auroc": None, "ece": None, "reliability": [], "people": people, "intervals": intervals}


def _agreement(scores: Scores) -> float:
    """How often the prediction is what was planted, rating noise aside."""
    seeds = scores.level.seeds
    return float(np.mean([seed.probabilities[scores.who].argmax(axis=1) == seed.planted for seed in seeds]))


def _comparisons(
    scores: Mapping[str, Scores], draws: Draws, resampled: Resampled, seed: int
) -> list[dict[str, Any]]:
    """The model against each other predictor but the oracle."""
    once = np.ones((1, len(draws.subject)))
    found = []
    for than in (who for who in scores if who not in (MODEL, ORACLE) and MODEL in scores):
        mine, theirs = scores[MODEL].measured(once), scores[than].measured(once)
        for measure in _COMPARED:
            between = resampled[MODEL][measure] - resampled[than][measure]
            by_person = paired_tests(differences(scores[MODEL], scores[than], measure), seed)
            found.append(
                {
                    "measure": measure,
                    "who": MODEL,
                    "than": than,
                    "difference": _plain((mine[measure] - theirs[measure])[0]),
                    "interval": draws.interval(between),
                    "by_person": by_person,
                }
            )
    return found


def _plain(value: float) -> float | None:
    """Return a number for JSON, which knows no NaN."""
    return None if np.isnan(value) else float(value)
