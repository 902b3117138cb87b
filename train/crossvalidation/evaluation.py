"""All folds measured together: metrics.json, predictions.npz and report.html of the cross-validation."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.corpus.labels import said
from memhacl.train.corpus.store import Corpus
from memhacl.train.crossvalidation.pooled import permuted_tasks, pooled_seeds
from memhacl.train.crossvalidation.trainings import Training
from memhacl.train.folder import FOLDS, RunFolder
from memhacl.train.loops.work import corpus_targets
from memhacl.train.measure.calibration import out_of_fold_temperature
from memhacl.train.measure.evaluate import tested
from memhacl.train.measure.levels import Scores, levels_of
from memhacl.train.measure.permutation import permutation_p
from memhacl.train.measure.predictions import MODEL, Predictions, Tasks, load_seeds, save_predictions
from memhacl.train.measure.summary import summarise
from memhacl.train.progress import stage_bar, stage_line
from memhacl.train.protocols import Split, load_folds, load_split
from memhacl.train.report import write_report

_VERSION = 2  # raise it when the code changes what is written
_MEASURE = "balanced_accuracy"  # of a trial, on which permutations are compared
# What every fold says alike of itself in its own metrics.json.
_COMMON = (
    "method", "source", "simulated", "already_done", "running", "protocol", "protocol_means", "disjoint", "leaky",
    "one_order", "permuted", "finetuned",
)  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """What the folds say of the procedure: the key of their evaluation, and temperatures fitted out of fold."""

    key: str
    temperatures: dict[str, float]


def evaluate_folds(
    config: Config, place: RunFolder, corpus: Corpus, every: Sequence[Training], console: Console, force: bool
) -> Estimate:
    """Write what the predictions of ``every`` training say together to the folder's 'evaluate'.

    Where it stands under the same key it is left as it is, but not by ``force``: a file may be damaged.

    Raises
    ------
    DataError
        A run's predictions are missing or damaged, or a run was not split as the manifest of folds says.
    """
    key = _key(config, [RunFolder(one.path(place.path)).done()["evaluate"].key for one in every])
    if place.has("evaluate", key) and not force:
        console.print(stage_line("evaluate", "skipped: the folds are as they were"), soft_wrap=True)
    else:
        with stage_bar("evaluate", console) as bar, place.making("evaluate", key, config) as partial:
            bar.start(2, "reading predictions")
            report = _write(config, place.path, corpus, every, partial / "evaluate")
            bar.step("report")
            write_report(place.path, partial / "evaluate", config)
            bar.finish(
                f"{report['test']['windows']} windows of {report['folds']} folds; {report['protocol_means']}"
            )
    return Estimate(key, out_of_fold_temperature(load_seeds(place.path / "evaluate" / "predictions.npz")))


def _key(config: Config, keys: Sequence[str]) -> str:
    settings = [config.name, config.evaluate.model_dump(mode="json"), config.crossvalidate.model_dump(mode="json")]
    return hashlib.sha256(json.dumps([_VERSION, settings, list(keys)]).encode()).hexdigest()


def _write(config: Config, folder: Path, corpus: Corpus, every: Sequence[Training], into: Path) -> dict[str, Any]:
    folds = load_folds(folder / FOLDS, corpus)
    for training in every:
        _check_split(training, folder, folds, corpus)
    seeds = pooled_seeds(config, folder, len(folds))
    save_predictions(into / "predictions.npz", seeds)
    about = _about(config, folder, corpus, folds)
    report = summarise(seeds, about, config.evaluate.resamples, config.crossvalidate.seeds[0])
    report["permutation"] = _permutation(config, folder, len(folds), seeds[0])
    text = json.dumps(report, indent=2, allow_nan=False)
    (into / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return report


def _check_split(training: Training, folder: Path, folds: Sequence[Split], corpus: Corpus) -> None:
    if load_split(training.path(folder) / "split.json", corpus).units != folds[training.fold].units:
        raise DataError(
            f"{training.path(folder)}: was split otherwise than {folder / FOLDS} says; remove that folder and "
            "call again"
        )


def _about(config: Config, folder: Path, corpus: Corpus, folds: Sequence[Split]) -> dict[str, Any]:
    """Say what the numbers were measured on, as 'evaluate' does of a single run."""
    seeds = config.crossvalidate.seeds
    own = [
        json.loads(
            (Training(fold, seeds[0]).path(folder) / "evaluate" / "metrics.json").read_text(encoding="utf-8")
        )
        for fold in range(len(folds))
    ]
    rows = np.concatenate([fold.test for fold in folds])
    targets = corpus_targets(corpus, config.labels)
    return {
        "name": config.name,
        **{name: own[0][name] for name in _COMMON},
        "folds": len(folds),
        "seeds": list(seeds),
        "left_out": len(corpus.index) - len(rows),
        "test": tested(corpus, rows),
        "classes": {task: said(target) for task, target in targets.items()},
        "unavailable": {who: why for one in own for who, why in one["unavailable"].items()},
    }


def _permutation(config: Config, folder: Path, folds: int, real: Tasks) -> dict[str, Any] | None:
    """Say how often trainings on permuted labels scored as well as the model of the first seed."""
    count = config.crossvalidate.permutations
    if not count:
        return None
    chance = [permuted_tasks(config, folder, folds, number) for number in range(1, count + 1)]
    tasks = {}
    for task, found in real.items():
        score, scores = _score(found), [_score(one[task]) for one in chance]
        tasks[task] = {"score": score, "permuted": scores, "p": permutation_p(score, scores)}
    return {"permutations": count, "how": config.labels.permute, "measure": f"{_MEASURE} a trial", "tasks": tasks}


def _score(found: Predictions) -> float:
    scores = Scores(levels_of([found])["trial"], MODEL)
    return float(scores.measured(np.ones((1, len(scores.level.firsts))))[_MEASURE][0])
