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
ORACLE = "oracle"  # on simulated people: who knows what was planted

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Names = NDArray[np.str_]

_FLOOR = 1e-300  # of a probability: its logarithm must be finite


@dataclass(frozen=True)
class Predictions:
    """What was said of one task's rated test windows; one entry a window in every array (rows,).

    ``subject`` and ``stimulus`` are names, ``trial`` a number within the corpus, ``start`` seconds since the
    beginning of the stimulus, ``fold`` the number of the split that tested the window. ``truth`` and ``planted``
    are classes, -1 where nothing was planted; ``probabilities`` maps predictor to (rows, classes).
    ``temperature`` (rows,) is what the model's logits were divided by before they became probabilities; None: 1.
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
    temperature: Floats | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def cooled(self) -> Floats:
        """Temperatures (rows,) that the model's logits were divided by."""
        return np.ones(len(self)) if self.temperature is None else self.temperature

    @property
    def logits(self) -> Floats:
        """Logits (rows, classes) of the model before any temperature, up to a constant in each row."""
        return self.cooled[:, None] * np.log(np.maximum(self.probabilities[MODEL], _FLOOR))

    def of(self, rows: NDArray[np.bool_] | Numbers) -> "Predictions":
        """The same for some of the rows."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return Predictions(
            self.classes,
            **columns,
            probabilities={who: values[rows] for who, values in self.probabilities.items()},
            temperature=self.cooled[rows],
        )


Tasks = Mapping[str, Predictions]  # by task

_COLUMNS = ("subject", "stimulus", "trial", "start", "fold", "truth", "planted")


def per_seed(tasks: Tasks | Sequence[Tasks]) -> tuple[Tasks, ...]:
    """Return what each seed said, of one or of several."""
    return (tasks,) if isinstance(tasks, Mapping) else tuple(tasks)


def save_predictions(path: Path, tasks: Tasks | Sequence[Tasks]) -> None:
    """Write what was said of each task, by one seed or by each of several, to an .npz file without pickles."""
    heads: list[list[Any]] = []
    arrays: dict[str, Any] = {}
    for seed, said in enumerate(per_seed(tasks)):
        heads.append([[task, list(found.classes), list(found.probabilities)] for task, found in said.items()])
        for number, found in enumerate(said.values()):  # a task's name may hold what a file's name may not
            arrays |= {f"{seed} {number} {name}": getattr(found, name) for name in _COLUMNS}
            arrays[f"{seed} {number} temperature"] = found.cooled
            for place, values in enumerate(found.probabilities.values()):
                arrays[f"{seed} {number} said {place}"] = values
    head = np.array(json.dumps({"format": FORMAT, "seeds": heads}))
    with path.open("wb") as file:
        np.savez_compressed(file, head=head, **arrays)


def load_predictions(path: Path) -> dict[str, Predictions]:
    """Read what ``save_predictions`` wrote; of several seeds, what the first one said.

    Raises
    ------
    DataError
        The file is missing or damaged, or of another version.
    """
    return load_seeds(path)[0]


def load_seeds(path: Path) -> tuple[dict[str, Predictions], ...]:
    """Read what every seed said, in the order in which ``save_predictions`` was given them.

    Raises
    ------
    DataError
        The file is missing or damaged, or of another version.
    """
    try:
        with path.open("rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
        head = json.loads(str(arrays["head"]))
        if head["format"] != FORMAT:
            raise DataError(f"{path}: expected {FORMAT}, found {head['format']}; evaluate again with --force")
        found = tuple(
            {task: _read(arrays, f"{seed} {number}", *rest) for number, (task, *rest) in enumerate(tasks)}
            for seed, tasks in enumerate(head["seeds"])
        )
        if not found:
            raise ValueError("no seed")
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as problem:
        raise DataError(f"{path}: holds no predictions ({problem!r}); evaluate again with --force") from None
    return found


def _read(arrays: Mapping[str, Any], where: str, classes: list[str], predictors: list[str]) -> Predictions:
    return Predictions(
        tuple(classes),
        **{name: arrays[f"{where} {name}"] for name in _COLUMNS},
        probabilities={who: arrays[f"{where} said {place}"] for place, who in enumerate(predictors)},
        temperature=arrays[f"{where} temperature"],
    )


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
    cooled = np.concatenate([part.cooled for part in parts])
    return Predictions(parts[0].classes, **columns, probabilities=said, temperature=cooled)
