"""The folder of a cross-validation: its settings, its corpus, and the manifest of its folds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.folder import FOLDS, RunFolder, alone
from memhacl.train.protocols import plan_folds, save_folds
from memhacl.train.settings import flat, load_config
from memhacl.train.stages import Pipeline

# Other values of these leave what is there as it is, or redo what takes moments.
_FREE = ("name", "seed", "device", "threads", "compile", "tensorboard", "checkpoint", "crossvalidate", "evaluate")
_SHOWN = 5  # settings that differ


@contextmanager
def opened(folder: Path, config: Config, force: bool) -> Iterator[RunFolder]:
    """Give the folder of a cross-validation with settings ``config``, which no other process works in meanwhile.

    Raises
    ------
    ConfigError
        It was made under other settings, and not by ``force`` is it to be made again.
    DataError
        Something else lies there, or another process is at work.
    """
    place = RunFolder(folder)
    other = set(place.done()) - {"prepare", "evaluate"}
    if other or ("evaluate" in place.done() and not (folder / FOLDS).is_file()):
        raise DataError(f"{folder}: expected a cross-validation, found a single run; give --out another name")
    if not force and (folder / FOLDS).is_file():
        _check_same(folder, load_config(str(folder)), config)
    try:
        (folder / "folds").mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(f"{folder}: cannot be written ({problem.strerror}); give another --out") from None
    with alone(folder / "folds"):
        yield place


def _check_same(folder: Path, there: Config, asked: Config) -> None:
    differ = _differ(there, asked)
    if differ:
        listed = differ[:_SHOWN]
        more = f"; and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
        raise ConfigError(
            f"{folder}: was made under other settings ({'; '.join(listed)}{more}): give another --out, or --force "
            "to make again what they change"
        )


def _made_otherwise(folder: Path, config: Config) -> bool:
    try:
        return bool(_differ(load_config(str(folder)), config))
    except ConfigError:  # of another version, or lost
        return True


def _differ(there: Config, asked: Config) -> list[str]:
    """Say which settings of two configs differ, those aside that are free."""
    before, now = (flat(config) for config in (there, asked))
    names = [name for name in (before | now) if before.get(name) != now.get(name)]
    differ = [name for name in names if name.partition(".")[0] not in _FREE]
    return [f"{name} was {before.get(name)}, is {now.get(name)}" for name in differ]


def prepare(
    place: RunFolder, config: Config, source: Source | None, console: Console, workers: int, force: bool
) -> Corpus:
    """Prepare the corpus that all folds share, or open it where it stands.

    Raises
    ------
    DataError
        The data is missing or bad, or other than that in the folder, and ``force`` is not given.
    """
    pipeline = Pipeline(config, place, source, console, workers)
    there = place.done().get("prepare")
    if there is not None and there.key != pipeline.keys["prepare"] and not force:
        raise DataError(
            f"{place.path}: holds folds of other data, or prepared by another version: give the same --data, "
            "another --out, or --force to make all again"
        )
    pipeline.execute("prepare", force and not _whole(place.path / "corpus"))
    return load_corpus(place.path / "corpus")


def _whole(corpus: Path) -> bool:
    try:
        load_corpus(corpus)
    except DataError:
        return False
    return True


def plan(place: RunFolder, config: Config, corpus: Corpus, least: int) -> int:
    """Write the manifest of the folds, and the settings; return how many folds there are.

    Raises
    ------
    ConfigError
        There are fewer than ``least``.
    DataError
        There are too few units.
    """
    folds = plan_folds(corpus, config.protocol)
    if len(folds) < least:
        raise ConfigError(
            f"protocol.folds: expected {least} folds or more, found {len(folds)}; give --protocol.folds and "
            "enough data"
        )
    if (place.path / FOLDS).is_file() and _made_otherwise(place.path, config):
        place.forget("evaluate")  # it says what other settings are worth, as does the refit that has it from here
    partial = place.path / f"{FOLDS}.partial"
    save_folds(partial, folds, corpus)
    partial.replace(place.path / FOLDS)
    place.keep(config)
    return len(folds)
