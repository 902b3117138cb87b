"""Trials as columns: who saw what, and what is known about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.signals import Trial
from memhacl.stream.sources.files import natural

NONE = -1  # of a category: the trial belongs to none of its kind


@dataclass(frozen=True)
class Coded:
    """Categories of one kind: their ``names``, and the place of each trial's among them (trials,), -1 for none."""

    names: tuple[str, ...]
    codes: NDArray[np.int32]


@dataclass(frozen=True)
class Trials:
    """One entry a trial in every array (trials,).

    ``subject`` and ``stimulus`` are numbers; ``ratings`` and ``planted`` map scale to values, NaN where there is
    none; ``categories`` maps kind to categories. ``rest`` (trials, 2) is when the rest period before each began
    and ended, in s on the recording's clock: the same moment where there was none.
    """

    subject: NDArray[np.int32]
    stimulus: NDArray[np.int32]
    ratings: Mapping[str, NDArray[np.float64]]
    planted: Mapping[str, NDArray[np.float64]]
    categories: Mapping[str, Coded]
    rest: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.subject)

    def save(self, path: Path) -> None:
        """Write the columns to an .npz file; names of categories are not in it."""
        columns: dict[str, Any] = {"subject": self.subject, "stimulus": self.stimulus, "rest": self.rest}
        columns |= {f"rating {scale}": values for scale, values in self.ratings.items()}
        columns |= {f"planted {scale}": values for scale, values in self.planted.items()}
        columns |= {f"category {kind}": coded.codes for kind, coded in self.categories.items()}
        with path.open("wb") as file:
            np.savez(file, **columns)


def load_trials(path: Path, names: Mapping[str, tuple[str, ...]]) -> Trials:
    """Read what `Trials.save` wrote; ``names`` maps each kind of category to its names."""
    with np.load(path) as stored:
        columns = {key: stored[key] for key in stored.files}
    of = {
        word: {key.removeprefix(f"{word} "): values for key, values in columns.items() if key.startswith(word)}
        for word in ("rating", "planted", "category")
    }
    coded = {kind: Coded(names[kind], codes) for kind, codes in of["category"].items()}
    return Trials(columns["subject"], columns["stimulus"], of["rating"], of["planted"], coded, columns["rest"])


def tabulate(found: Iterable[tuple[int, int, Trial]]) -> Trials:
    """Put trials, each with the numbers of its subject and stimulus, into columns."""
    rows = list(found)
    trials = [trial for _, _, trial in rows]
    return Trials(
        np.array([subject for subject, _, _ in rows], dtype=np.int32),
        np.array([stimulus for _, stimulus, _ in rows], dtype=np.int32),
        _numbers([trial.ratings for trial in trials]),
        _numbers([trial.planted for trial in trials]),
        _categories([trial.categories for trial in trials]),
        np.array([(trial.rest, trial.rest_end) for trial in trials], dtype=np.float64).reshape(-1, 2),
    )


def _numbers(found: list[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    keys = dict.fromkeys(key for values in found for key in values)
    return {key: np.array([values.get(key, np.nan) for values in found]) for key in keys}


def _categories(found: list[Mapping[str, str]]) -> dict[str, Coded]:
    kinds = dict.fromkeys(kind for words in found for kind in words)
    return {kind: _coded([words.get(kind) for words in found]) for kind in kinds}


def _coded(words: list[str | None]) -> Coded:
    names = tuple(sorted({word for word in words if word is not None}, key=natural))  # whoever comes first
    place = {name: number for number, name in enumerate(names)}
    return Coded(names, np.array([NONE if word is None else place[word] for word in words], dtype=np.int32))
