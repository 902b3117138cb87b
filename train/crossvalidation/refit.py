"""The model that is to be used: trained on everybody, with what the folds chose and how sure they may be."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median, median_low
from typing import Any

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.crossvalidation.evaluation import Estimate
from memhacl.train.crossvalidation.trainings import Job, Training
from memhacl.train.fold_settings import RefitConfig
from memhacl.train.folder import FINAL
from memhacl.train.loops.networks import group_tasks
from memhacl.train.loops.select import kept_encoders
from memhacl.train.loops.starts import CHOSEN
from memhacl.train.methods.registry import methods


def refit_job(config: Config, folder: Path, models: Sequence[Training], estimate: Estimate) -> Job:
    """Return the training on everybody; ``models`` are the folds', ``estimate`` is what their evaluation says.

    Epochs are the median of those that the folds' validation rows chose, of fine-tuning and of the encoder that it
    starts from; the seed is the first one.

    Raises
    ------
    DataError
        A fold does not say what it chose.
    """
    runs, groups = [training.path(folder) for training in models], group_tasks(config)
    tuned = [_read(run / "finetune" / "outcome.json")["epochs"] for run in runs]
    pretrains = methods[config.method.name].pretrains and not config.init
    encoders = [_encoders(run) for run in runs] if pretrains else []
    refit = RefitConfig(
        epochs={group: round(median(epochs[group] for epochs in tuned)) for group in groups},
        encoders={group: median_low(epochs[group] for epochs in encoders) for group in groups if encoders},
        temperatures=estimate.temperatures,
        estimate=estimate.key,
    )
    pretrain = config.pretrain
    if encoders and pretrain.patience:  # nobody is left to say when to stop
        pretrain = pretrain.model_copy(update={"epochs": max(refit.encoders.values()), "patience": 0})
    made = config.model_copy(update={"refit": refit, "pretrain": pretrain, "seed": config.crossvalidate.seeds[0]})
    return Job(FINAL, made, folder / FINAL, {"prepare": folder, "evaluate": folder})


def _encoders(run: Path) -> dict[str, int]:
    """Return by group of tasks the epoch of pretraining that fine-tuning started from."""
    kept = kept_encoders(run / "pretrain")
    return {group: kept[name] for group, name in _read(run / "select" / CHOSEN).items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(
            f"{path}: does not say what was chosen ({problem}); remove the fold's folder and go on"
        ) from None
    return found
