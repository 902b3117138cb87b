"""What a page is made from: whatever lies in the folder of a run or of a cross-validation, read once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.corpus.store import Manifest
from memhacl.train.folder import Done, RunFolder, refuse_outdated
from memhacl.train.measure.predictions import Predictions, load_predictions
from memhacl.train.report.embedding import Cloud, load_clouds
from memhacl.train.settings import load_config

Json = Mapping[str, Any]
Lines = Sequence[Json]  # of a log.jsonl


@dataclass(frozen=True)
class Fold:
    """Who and what one fold tested, and with how many windows."""

    number: int
    people: tuple[str, ...]
    stimuli: tuple[str, ...]
    windows: int


@dataclass(frozen=True)
class Pieces:
    """All that a page tells; what a folder does not have is empty.

    ``measured`` is when the numbers were made. ``logs`` and ``outcomes`` are by stage; ``many`` tells a
    cross-validation from a run.
    """

    metrics: Json
    measured: datetime
    config: Config
    manifest: Manifest | None
    split: Json
    stages: Mapping[str, Done]
    logs: Mapping[str, Lines]
    outcomes: Mapping[str, Json]
    predictions: Mapping[str, Predictions]
    clouds: Mapping[str, Cloud]
    many: bool

    @property
    def simulated(self) -> bool:
        """Whether the people were simulated."""
        return bool(self.metrics["simulated"])

    @property
    def folds(self) -> tuple[Fold, ...]:
        """Who was tested in which fold, of any task."""
        found: dict[int, list[Predictions]] = {}
        for said in self.predictions.values():
            for number in np.unique(said.fold).tolist():
                found.setdefault(number, []).append(said.of(said.fold == number))
        return tuple(_fold(number, found[number]) for number in sorted(found))


def _fold(number: int, tasks: Sequence[Predictions]) -> Fold:
    people, stimuli = (
        tuple(sorted({name for said in tasks for name in getattr(said, column).tolist()}))
        for column in ("subject", "stimulus")
    )
    return Fold(number, people, stimuli, max(len(said) for said in tasks))


def gather(folder: Path, evaluated: Path | None = None, config: Config | None = None) -> Pieces:
    """Read what lies in the run or cross-validation ``folder``.

    ``evaluated`` is where its numbers lie while they have not yet their final place, ``config`` the settings that
    are not yet stored.

    Raises
    ------
    DataError
        Nothing was evaluated here, or a file is damaged.
    """
    if evaluated is None and (folder / "evaluate").is_symlink():  # borrowed: the page is about who lends it
        folder = (folder / "evaluate").resolve().parent
    measures = (evaluated or folder / "evaluate") / "metrics.json"
    if not measures.is_file():
        raise DataError(
            f"{folder}: expected an evaluated run or cross-validation, found no {measures}; run "
            "'memhacl-train evaluate' or 'memhacl-train crossvalidate' first"
        )
    if evaluated is None:
        refuse_outdated(folder)
    manifest = folder / "corpus" / "manifest.json"
    said = measures.with_name("predictions.npz")
    stages = RunFolder(folder).done() if (folder / "stages.json").is_file() else {}
    return Pieces(
        metrics=_json(measures),
        measured=_when(measures, stages if evaluated is None else {}),
        config=config or load_config(str(folder)),
        manifest=Manifest.parse(_json(manifest), str(manifest), DataError) if manifest.is_file() else None,
        split=_json(folder / "split.json"),
        stages={name: entry for name, entry in stages.items() if evaluated is None or name != "evaluate"},
        logs={stage: _lines(folder / stage / "log.jsonl") for stage in ("pretrain", "finetune")},
        outcomes={stage: _json(folder / stage / "outcome.json") for stage in ("pretrain", "finetune")},
        predictions=load_predictions(said) if said.is_file() else {},
        clouds=load_clouds(measures.with_name("embedding.npz")),
        many=(folder / "folds.json").is_file(),
    )


def _when(measures: Path, stages: Mapping[str, Done]) -> datetime:
    if "evaluate" in stages:
        return datetime.fromisoformat(stages["evaluate"].finished)
    return datetime.fromtimestamp(measures.stat().st_mtime).astimezone()


def _json(path: Path) -> dict[str, Any]:
    """Return what ``path`` holds; nothing where it does not exist."""
    if not path.is_file():
        return {}
    return _mapping(path.read_bytes(), path)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [_mapping(line, path) for line in path.read_bytes().splitlines()]


def _mapping(text: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise DataError(f"{path}: is damaged ({problem}); run its stage with --force") from None
    if not isinstance(found, dict):
        raise DataError(f"{path}: is damaged (expected a mapping); run its stage with --force")
    return found
