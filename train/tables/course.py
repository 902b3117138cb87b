"""The course of an experiment: corpora, folds and trainings of all its cells, as one list of jobs, and numbers."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from memhacl.stream.errors import DataError
from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.crossvalidation.evaluation import evaluate_folds
from memhacl.train.crossvalidation.place import opened, plan
from memhacl.train.crossvalidation.runner import Runner, stands
from memhacl.train.crossvalidation.trainings import Training
from memhacl.train.folder import RunFolder
from memhacl.train.keys import stage_keys
from memhacl.train.progress import stage_line, waiting
from memhacl.train.stages import Pipeline
from memhacl.train.tables.cells import Cell


@dataclass(frozen=True)
class Asked:
    """What the user asks for beside settings: ``jobs`` and ``workers`` at once (0: as fit), and overwriting."""

    jobs: int = 0
    workers: int = 0
    force: bool = False


@dataclass(frozen=True)
class _Ready:
    """A cell whose corpus and folds are there."""

    cell: Cell
    place: RunFolder
    corpus: Corpus
    waves: tuple[list[Training], list[Training]]


def train_all(cells: list[Cell], source: Source, corpora: Path, asked: Asked, console: Console) -> list[Cell]:
    """Train and evaluate ``cells``; return those that failed. What stands is not done again.

    Raises
    ------
    ConfigError
        A cell's folder was made under other settings.
    DataError
        The data is bad, other than before, or has too few units.
    """
    with waiting("reading all data, to tell whether it has changed", console):
        fingerprint = source.fingerprint()
    with ExitStack() as stack:
        ready = []
        for cell in cells:
            place = stack.enter_context(opened(cell.path, cell.config, asked.force))
            owner = _corpus(cell.config, source, fingerprint, corpora, asked, console)
            ready.append(_plan(cell, place, owner, asked.force))
        largest = max(ready, key=lambda one: one.corpus.windows.nbytes)
        runner = Runner(largest.cell.config, largest.corpus, corpora.parent, asked.jobs, None, console)
        jobs = [[one.cell.job(training) for one in ready for training in one.waves[wave]] for wave in (0, 1)]
        failed = [one for one in ready if not _stands(one)] if runner.run("trainings", *jobs) else []
        for one in (one for one in ready if one not in failed):
            console.print(stage_line("measure", one.cell.name), soft_wrap=True)
            every = [*one.waves[0], *one.waves[1]]
            evaluate_folds(one.cell.config, one.place, one.corpus, every, console, asked.force)
    return [one.cell for one in failed]


def _corpus(
    config: Config, source: Source, fingerprint: str, corpora: Path, asked: Asked, console: Console
) -> RunFolder:
    """Return the folder with the corpus of these signals, which all that see the same signals share."""
    key = stage_keys(config, fingerprint)["prepare"]
    owner = RunFolder(corpora / key[:12])
    if not owner.has("prepare", key):
        Pipeline(config, owner, source, console, asked.workers).execute("prepare")
    return owner


def _plan(cell: Cell, place: RunFolder, owner: RunFolder, force: bool) -> _Ready:
    """Link the corpus into the cell's folder, and write the manifest of its folds and its settings there."""
    key, there = owner.done()["prepare"].key, place.done().get("prepare")
    if there is not None and there.key != key and not force:
        raise DataError(
            f"{cell.path}: holds trainings on other data, or prepared by another version; give another --out, or "
            "--force to make all again"
        )
    place.borrow("prepare", key, owner, cell.config)
    corpus = load_corpus(place.path / "corpus")
    folds = plan(place, cell.config, corpus, least=1)
    return _Ready(cell, place, corpus, cell.waves(folds))


def _stands(ready: _Ready) -> bool:
    return all(stands(ready.cell.job(training)) for wave in ready.waves for training in wave)
