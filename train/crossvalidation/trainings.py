"""The trainings of a cross-validation: which there are, where each lies, and whose pretraining it shares."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memhacl.train.config import Config
from memhacl.train.crossvalidation.ways import PROBE, way_config
from memhacl.train.measure.predictions import MODEL


@dataclass(frozen=True)
class Training:
    """One run: a fold with a seed in one of the ways, or the model's on a permutation of the labels, from 1 on."""

    fold: int
    seed: int
    way: str = MODEL
    permutation: int = 0

    @property
    def name(self) -> str:
        """What it is called in messages."""
        what = f"permutation {self.permutation}" if self.permutation else self.way
        return f"fold {self.fold}, seed {self.seed}, {what}"

    def path(self, folder: Path) -> Path:
        """Its run folder in that of the cross-validation."""
        if self.permutation:
            return folder / "permutations" / f"{self.permutation:04d}" / f"fold-{self.fold:02d}"
        return folder / "folds" / f"fold-{self.fold:02d}" / f"seed-{self.seed}" / self.way

    @property
    def lender(self) -> "Training | None":
        """The training whose split and pretraining it shares: labels and heads matter to neither."""
        return Training(self.fold, self.seed) if self.way == PROBE or self.permutation else None

    def config(self, config: Config) -> Config:
        """Its settings, where ``config`` are those of the cross-validation."""
        return way_config(config, self.way, self.seed, self.fold, self.permutation)


@dataclass(frozen=True)
class Job:
    """A run that some process does: its settings and folder, and the folders that it borrows stages from."""

    name: str
    config: Config
    path: Path
    lent: dict[str, Path]


def trainings(config: Config, folds: int) -> tuple[list[Training], list[Training]]:
    """All trainings in the order in which they run; the second ones share what the first ones pretrain."""
    every = list(_trainings(config, folds))
    return [one for one in every if one.lender is None], [one for one in every if one.lender is not None]


def _trainings(config: Config, folds: int) -> Iterator[Training]:
    settings = config.crossvalidate
    for seed in settings.seeds:
        for fold in range(folds):
            yield from (Training(fold, seed, way) for way in (MODEL, *settings.compare))
    for permutation in range(1, settings.permutations + 1):
        yield from (Training(fold, settings.seeds[0], permutation=permutation) for fold in range(folds))


def job_of(training: Training, config: Config, folder: Path) -> Job:
    """Return what is to be done for ``training`` in the cross-validation in ``folder``."""
    lent = {"prepare": folder}
    if training.lender is not None:
        lent |= dict.fromkeys(("split", "pretrain"), training.lender.path(folder))
    return Job(training.name, training.config(config), training.path(folder), lent)
