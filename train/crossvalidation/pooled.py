"""The predictions of all folds put together: what each way said of every test window, seed by seed."""

from dataclasses import replace
from pathlib import Path

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.crossvalidation.trainings import Training
from memhacl.train.measure.levels import same_windows
from memhacl.train.measure.predictions import MODEL, Predictions, load_predictions, pool


def pooled_seeds(config: Config, folder: Path, folds: int) -> tuple[dict[str, Predictions], ...]:
    """Predictions of each seed over all folds; other ways stand beside the model as predictors of their names.

    Raises
    ------
    DataError
        A run's predictions are missing or damaged, or not of the windows that the model was tested on.
    """
    return tuple(
        pool([_fold(config, folder, seed, fold) for fold in range(folds)]) for seed in config.crossvalidate.seeds
    )


def permuted_tasks(config: Config, folder: Path, folds: int, number: int) -> dict[str, Predictions]:
    """Predictions over all folds of the trainings on permutation ``number``, against the permuted labels."""
    seed = config.crossvalidate.seeds[0]
    return pool([_said(Training(fold, seed, permutation=number), folder) for fold in range(folds)])


def _fold(config: Config, folder: Path, seed: int, fold: int) -> dict[str, Predictions]:
    tasks = _said(Training(fold, seed), folder)
    for way in config.crossvalidate.compare:
        training = Training(fold, seed, way)
        beside = _said(training, folder)
        tasks = {task: _with(said, beside[task], training) for task, said in tasks.items()}
    return tasks


def _said(training: Training, folder: Path) -> dict[str, Predictions]:
    return load_predictions(training.path(folder) / "evaluate" / "predictions.npz")


def _with(said: Predictions, beside: Predictions, training: Training) -> Predictions:
    """Return ``said`` with what the model of another way said of the same windows."""
    if not same_windows(said, beside) or said.classes != beside.classes:
        raise DataError(
            f"{training.name}: was not tested on the windows that the model was; call again with --force"
        )
    return replace(said, probabilities={**said.probabilities, training.way: beside.probabilities[MODEL]})
