"""The course of a cross-validation: corpus, folds, trainings, evaluation, refit; what stands is not done again."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.crossvalidation.cluster import Cluster
from memhacl.train.crossvalidation.evaluation import evaluate_folds
from memhacl.train.crossvalidation.place import opened, plan, prepare
from memhacl.train.crossvalidation.refit import refit_job
from memhacl.train.crossvalidation.runner import Runner
from memhacl.train.crossvalidation.trainings import job_of, trainings
from memhacl.train.crossvalidation.ways import check_config
from memhacl.train.measure.predictions import MODEL


@dataclass(frozen=True)
class Asked:
    """What the user asks for: the folder, ``jobs`` at once (0: as many as fit), where they run, overwriting."""

    out: Path
    jobs: int = 0
    cluster: Cluster | None = None
    workers: int = 0
    force: bool = False


def crossvalidate(config: Config, source: Source | None, asked: Asked, console: Console) -> int:
    """Train, test and pool every fold, and refit the model on everybody; return how many trainings failed.

    Where any did, nothing is pooled: another call does what is missing.

    Raises
    ------
    ConfigError
        Settings are not those of the folder, or cannot be cross-validated.
    DataError
        The data is missing or bad, or there are too few units for the folds.
    """
    check_config(config)
    with opened(asked.out, config, asked.force) as place:
        corpus = prepare(place, config, source, console, asked.workers, asked.force)
        folds = plan(place, config, corpus, least=2)
        runner = Runner(config, corpus, asked.out, asked.jobs, asked.cluster, console)
        waves = trainings(config, folds)
        failed = runner.run("folds", *([job_of(one, config, asked.out) for one in wave] for wave in waves))
        if failed:
            return failed
        every = [training for wave in waves for training in wave]
        estimate = evaluate_folds(config, place, corpus, every, console, asked.force)
        models = [training for training in every if training.way == MODEL and not training.permutation]
        return runner.run("refit", [refit_job(config, asked.out, models, estimate)])
