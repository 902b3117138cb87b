"""What a model and its baselines said of every test window: the file from which all numbers are taken."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError

FORMAT = "memhacl.predictions/1"
MODEL = "model"  # the predictor that is not a baseline

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Names = NDArray[np.str_]


@dataclass(frozen=True)
class Predictions:
    """What was said of one task's rated test windows; one entry a window in every array (rows,).

    ``subject`` and ``stimulus`` are names, ``trial`` a number within the corpus, ``start`` seconds since the
    beginning of the stimulus, ``fold`` the number of the split that tested the window. ``truth`` and ``planted``
    are classes, -1 where nothing was planted; ``probabilities`` maps predictor to (rows, classes).
    """

    classes: tuple[str, ...]
    subject: Names
    stimulus: Names
    trial: Numbers
    start: Floats
    fold: Numbers
    truth: Numbers
    planted: Numbers
    probabilities: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.truth)

    def of(self, rows: NDArray[np.bool_] | Numbers) -> "Predictions":
        """The same for some of the rows."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return Predictions(
            self.classes, **columns, probabilities={k: v[rows] for k, v in self.probabilities.items()}
        )


Tasks = Mapping[str, Predictions]  # by task

_COLUMNS = ("subject", "stimulus", "trial", "start", "fold", "truth", "planted")


def save_predictions(path: Path, tasks: Tasks) -> None:
    """Write what was said of each task to an .npz file without pickles."""
    head = {"format": FORMAT, "tasks": {task: list(found.classes) for task, found in tasks.items()}}
    head["predictors"] = {task: list(found.probabilities) for task, found in tasks.items()}
    arrays: dict[str, Any] = {"head": np.array(json.dumps(head))}
    for number, found in enumerate(tasks.values()):  # a task's name may hold what a file's name may not
        arrays |= {f"{number} {name}": getattr(found, name) for name in _COLUMNS}
        for place, values in enumerate(found.probabilities.values()):
            arrays[f"{number} said {place}"] = values
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_predictions(path: Path) -> dict[str, Predictions]:
    """Read what ``save_predictions`` wrote.

    Raises
    ------
    DataError
        The file is missing or damaged, or of another version.
    """
    try:
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        head = json.loads(str(arrays["head"]))
        if head["format"] != FORMAT:
            raise DataError(f"{path}: expected {FORMAT}, found {head['format']}; evaluate again with --force")
        return {
            task: Predictions(
                tuple(classes),
                **{name: arrays[f"{number} {name}"] for name in _COLUMNS},
                probabilities={
                    who: arrays[f"{number} said {place}"] for place, who in enumerate(head["predictors"][task])
                },
            )
            for number, (task, classes) in enumerate(head["tasks"].items())
        }
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as problem:
        raise DataError(f"{path}: holds no predictions ({problem!r}); evaluate again with --force") from None


def pool(parts: Sequence[Tasks]) -> dict[str, Predictions]:
    """Put the predictions of several splits of one corpus together; predictors that some lack are left out.

    Raises
    ------
    DataError
        They are not of the same tasks and classes.
    """
    kinds = {tuple((task, found.classes) for task, found in part.items()) for part in parts}
    if len(kinds) != 1:
        raise DataError("predictions: expected the same tasks and classes in all folds; evaluate all again")
    return {task: _joined([part[task] for part in parts]) for task in parts[0]}


def _joined(parts: Sequence[Predictions]) -> Predictions:
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    common = [who for who in parts[0].probabilities if all(who in part.probabilities for part in parts)]
    said = {who: np.concatenate([part.probabilities[who] for part in parts]) for who in common}
    return Predictions(parts[0].classes, **columns, probabilities=said)
