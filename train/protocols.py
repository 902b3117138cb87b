"""Protocols: which rows train, which select and which test, and the proof that they share nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.train.config import ProtocolConfig
from memhacl.train.corpus.store import Corpus

PARTS = ("train", "validation", "test")

MEANING = {
    "paper": "paper (leaky: neighbouring seconds of one trial on both sides)",
    "subject": "people unseen, stimuli seen",
    "stimulus": "stimuli unseen, people seen",
    "trial": "trials unseen, people and stimuli seen",
    "subject+stimulus": "people and stimuli unseen",
}
LEAKY = ("paper",)


Names = NDArray[np.str_]


def _people(corpus: Corpus) -> Names:
    return np.array(corpus.manifest.people, dtype=np.str_)[corpus.index["subject"].astype(np.intp)]


def _stimuli(corpus: Corpus) -> Names:
    return np.array(corpus.manifest.stimuli, dtype=np.str_)[corpus.index["stimulus"].astype(np.intp)]


def _clips(corpus: Corpus) -> Names:
    return _joined(_stimuli(corpus), "@", corpus.index["hop"])


def _trials(corpus: Corpus) -> Names:
    return _joined(_people(corpus), "#", corpus.index["trial"])


def _joined(left: Names, by: str, right: NDArray[np.int32]) -> Names:
    return np.char.add(np.char.add(left, by), right.astype(str))


# What a protocol keeps apart, and how a corpus's rows are named by it.
_NAMING: dict[str, Callable[[Corpus], Names]] = {
    "subject": _people,
    "stimulus": _stimuli,
    "clip": _clips,
    "trial": _trials,
}
_APART = {
    "paper": ("clip",),
    "subject": ("subject",),
    "stimulus": ("stimulus",),
    "trial": ("trial",),
    "subject+stimulus": ("subject", "stimulus"),
}


@dataclass(frozen=True)
class Split:
    """Rows of a corpus for training, validation and test under a protocol.

    ``units`` maps what is kept apart (subject, stimulus, clip, trial) to part to the names in it; rows whose
    units lie in different parts belong to none and are counted in ``left_out``.
    """

    protocol: str
    seed: int
    units: dict[str, dict[str, tuple[str, ...]]]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    left_out: int

    @property
    def leaky(self) -> bool:
        """Whether a number under this split says nothing about unseen data."""
        return self.protocol in LEAKY

    @property
    def meaning(self) -> str:
        """The words that stand beside every number."""
        return MEANING[self.protocol]

    def check(self, corpus: Corpus) -> None:
        """Prove, from the rows themselves, that no unit is in two parts; called before every fit.

        Raises
        ------
        DataError
            A unit is shared: fitting on these rows would leak.
        """
        for kind in self.units:
            names = _NAMING[kind](corpus)
            parts = [set(names[rows].tolist()) for rows in (self.train, self.validation, self.test)]
            shared = (parts[0] & parts[1]) | (parts[0] & parts[2]) | (parts[1] & parts[2])
            if shared:
                raise DataError(f"split: {kind} {min(shared)} is in two parts; make the split again with --force")

    def as_json(self) -> dict[str, Any]:
        """Everything but the rows, which follow from the units and the corpus."""
        rows = {part: len(getattr(self, part)) for part in PARTS} | {"left_out": self.left_out}
        return {
            "protocol": self.protocol,
            "meaning": self.meaning,
            "seed": self.seed,
            "rows": rows,
            "units": self.units,
        }


def make_split(corpus: Corpus, config: ProtocolConfig) -> Split:
    """Divide the rows of ``corpus`` at random by units, as ``config`` says.

    Raises
    ------
    DataError
        There are too few units for three parts.
    """
    rng = np.random.default_rng(config.seed)
    units = {}
    for kind in _APART[config.name]:
        names = np.unique(_NAMING[kind](corpus))
        units[kind] = _divide(rng.permutation(names).tolist(), config, kind)
    return _split(corpus, config.name, config.seed, units)


def load_split(path: Path, corpus: Corpus) -> Split:
    """Read the units in ``path`` and find their rows in ``corpus``."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        units = {kind: {part: tuple(parts[part]) for part in PARTS} for kind, parts in stored["units"].items()}
        return _split(corpus, stored["protocol"], stored["seed"], units)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(f"{path}: is no split ({problem!r}); run the stage 'split' with --force") from None


def _divide(names: list[str], config: ProtocolConfig, kind: str) -> dict[str, tuple[str, ...]]:
    """Cut shuffled names into three parts, at least one name in each."""
    if len(names) < len(PARTS):
        raise DataError(
            f"protocol '{config.name}': expected at least 3 units of kind '{kind}' to train, select and test on, "
            f"found {len(names)}; use more data or another protocol.name"
        )
    if config.folds > len(names):
        raise DataError(
            f"protocol.folds: expected as many as there are units of kind '{kind}' or fewer ({len(names)}), found "
            f"{config.folds}"
        )
    names, tested = _test_last(names, config)
    if config.folds and tested > len(names) - 2:  # made smaller, some units would be tested in no fold
        raise DataError(
            f"protocol.folds: fold {config.fold} of {config.folds} would test {tested} of {len(names)} units of "
            f"kind '{kind}', and none is left to train or select on; use more folds or more data"
        )
    validation = max(1, min(round(config.validation * len(names)), len(names) - tested - 1))
    tested = min(tested, len(names) - validation - 1)
    cut = len(names) - tested - validation
    parts = (names[:cut], names[cut : cut + validation], names[cut + validation :])
    return {part: tuple(sorted(members)) for part, members in zip(PARTS, parts, strict=True)}


def _test_last(names: list[str], config: ProtocolConfig) -> tuple[list[str], int]:
    """Return the names with those that test at the end, and how many these are."""
    if not config.folds:
        return names, max(1, round(config.test * len(names)))
    tested = names[config.fold :: config.folds]
    return [name for name in names if name not in set(tested)] + tested, len(tested)


def _split(corpus: Corpus, protocol: str, seed: int, units: dict[str, dict[str, tuple[str, ...]]]) -> Split:
    rows: dict[str, NDArray[np.int64]] = {}
    for part in PARTS:
        inside = np.ones(len(corpus.index), dtype=bool)
        for kind, parts in units.items():
            inside &= np.isin(_NAMING[kind](corpus), parts[part])
        rows[part] = np.flatnonzero(inside)
        if not len(rows[part]):
            raise DataError(
                f"protocol '{protocol}': no window is left in '{part}'; use more data or another protocol"
            )
    left_out = len(corpus.index) - sum(len(part) for part in rows.values())
    split = Split(protocol, seed, units, rows["train"], rows["validation"], rows["test"], left_out)
    split.check(corpus)
    return split
