"""A cell: a variant under a protocol, which is a cross-validation without a refit, or one split of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from memhacl.train.config import Config
from memhacl.train.crossvalidation.trainings import Job, Training, job_of, trainings
from memhacl.train.protocols import LEAKY
from memhacl.train.tables.changes import changed
from memhacl.train.tables.experiments import Experiment
from memhacl.train.tables.paper import ALL


@dataclass(frozen=True)
class Cell:
    """What is trained for one ``variant`` under one ``protocol``, and the folder in which it is."""

    variant: str
    protocol: str
    config: Config
    path: Path

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"{self.variant}, {self.protocol}"

    def waves(self, folds: int) -> tuple[list[Training], list[Training]]:
        """Its trainings; the second ones need what the first ones pretrain."""
        return trainings(self.config, folds)

    def job(self, training: Training) -> Job:
        """What is to be done for ``training``, by a name that no other cell has."""
        job = job_of(training, self.config, self.path)
        return replace(job, name=f"{self.name}: {job.name}")


def cells_of(experiment: Experiment, asked: Config, protocols: Sequence[str], out: Path) -> list[Cell]:
    """Return the cells of ``experiment``, variant by variant; those of tables that share a study are the same.

    Under a protocol that leaks there is one split, as in the paper; folds are for those that are to be trusted.

    Raises
    ------
    ConfigError
        A variant does not fit the config, which may lack a modality.
    """
    study = experiment.study
    found = []
    for variant in study.variants:
        for protocol in protocols:
            folds = 0 if protocol in LEAKY else asked.protocol.folds
            changes = study.changes(variant) | {
                "name": asked.name if variant == ALL else f"{asked.name}, {variant}",
                "protocol.name": protocol,
                "protocol.folds": folds,
                "crossvalidate.compare": experiment.compare,
            }
            config = changed(asked, changes, f"{asked.name}, {variant}")
            path = out / asked.name / study.name / variant.replace(" + ", "+").replace(" ", "-") / protocol
            found.append(Cell(variant, protocol, config, path))
    return found
