"""A split: the units of each part, the rows that follow from them, and its file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols import proof
from memhacl.train.protocols.rules import IN_WORDS, LEAKY, MEANING, PARTS, PROTOCOLS, people_in_all_parts
from memhacl.train.protocols.units import units_of

Drawn = dict[str, tuple[str, ...]]  # names by part
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows of a corpus for training, validation and test under a protocol.

    ``disjoint`` lists the kinds of units of which none is in two parts. ``units`` maps what was drawn (subject,
    stimulus, clip, trial) to part to the names in it. Rows whose units lie in different parts belong to none, nor
    do those with something of another part in their baseline: they are counted in ``left_out``. ``fold`` is the
    number of the fold that tests, 0 without folds; in a refit on everybody all rows train.
    """

    protocol: str
    disjoint: tuple[str, ...]
    seed: int
    fold: int
    units: dict[str, Drawn]
    train: Rows
    validation: Rows
    test: Rows
    left_out: int

    @property
    def leaky(self) -> bool:
        """Whether a number under this split says nothing about unseen data."""
        return self.protocol in LEAKY

    @property
    def meaning(self) -> str:
        """The words that stand beside every number."""
        return MEANING[self.protocol]

    @property
    def in_words(self) -> str:
        """What a number under this split says, in sentences for a report."""
        return IN_WORDS[self.protocol]

    def check(self, corpus: Corpus) -> None:
        """Prove, from the rows and windows themselves, that the parts share nothing; called before every fit.

        No row is in two parts, and no unit of a kind in ``disjoint`` or ``units``. Under a protocol that keeps
        anything apart there is, besides, no window in two parts that overlaps another or has it, or its rest
        period, in its baseline, and no recording that is another's copy. Running standardisation, whose memory
        only fades, is not looked at: readers are warned of it.

        Raises
        ------
        DataError
            Something is shared: fitting on these rows would leak.
        """
        part_of = proof.part_of_rows((self.train, self.validation, self.test), len(corpus.index))
        for kind in dict.fromkeys((*self.disjoint, *self.units)):
            proof.units_apart(units_of(corpus, kind), part_of)
        if not self.disjoint:
            return
        if people_in_all_parts(self.disjoint):
            proof.times_apart(corpus, part_of)
        proof.copies_apart(corpus, part_of)

    def as_json(self) -> dict[str, Any]:
        """Everything but the rows, which follow from the units and the corpus."""
        return {
            "protocol": self.protocol,
            "meaning": self.meaning,
            "disjoint": self.disjoint,
            "seed": self.seed,
            "fold": self.fold,
            "rows": self.sizes(),
            "units": self.units,
        }

    def sizes(self) -> dict[str, int]:
        """Return the number of rows of each part, and of those left out."""
        return {part: len(getattr(self, part)) for part in PARTS} | {"left_out": self.left_out}


def load_split(path: Path, corpus: Corpus) -> Split:
    """Read the units in ``path`` and find their rows in ``corpus``.

    Raises
    ------
    DataError
        The file is missing or damaged, or what it says leaks in this corpus.
    """
    try:
        return split_from(json.loads(path.read_text(encoding="utf-8")), corpus)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(f"{path}: is no split ({problem!r}); run the stage 'split' with --force") from None


def split_from(stored: Mapping[str, Any], corpus: Corpus) -> Split:
    """Return the split that `Split.as_json` wrote."""
    units = {kind: {part: tuple(parts[part]) for part in PARTS} for kind, parts in stored["units"].items()}
    return assemble(corpus, stored["protocol"], int(stored["seed"]), int(stored["fold"]), units)


def assemble(corpus: Corpus, protocol: str, seed: int, fold: int, units: dict[str, Drawn]) -> Split:
    """Find the rows of ``units`` in ``corpus``, and prove that they share nothing.

    Raises
    ------
    DataError
        A part has units and no rows, or parts share something.
    """
    disjoint, mixed = PROTOCOLS[protocol].disjoint, 0
    part_of = _parts_of_rows(corpus, units)
    if people_in_all_parts(disjoint):
        tangled = proof.entangled(corpus, part_of)
        part_of[tangled], mixed = proof.NONE, len(tangled)
    rows = [np.flatnonzero(part_of == number) for number in range(len(PARTS))]
    for part, found in zip(PARTS, rows, strict=True):
        if not len(found) and any(parts[part] for parts in units.values()):
            why = f" ({mixed} have another part's windows or rest in their baseline)" if mixed else ""
            raise DataError(
                f"protocol '{protocol}': no window is left in '{part}'{why}; use more data or another protocol"
            )
    left_out = int((part_of == proof.NONE).sum())
    split = Split(protocol, disjoint, seed, fold, units, rows[0], rows[1], rows[2], left_out)
    split.check(corpus)
    return split


def _parts_of_rows(corpus: Corpus, units: Mapping[str, Drawn]) -> proof.Parts:
    """Number of each row's part (rows,): that of all its units, -1 where they differ."""
    found = []
    for kind, parts in units.items():
        known = units_of(corpus, kind)
        number = {name: place for place, part in enumerate(PARTS) for name in parts[part]}
        if len(number) < sum(len(parts[part]) for part in PARTS):
            raise DataError(
                f"split: a unit of kind '{kind}' is listed in two parts; make the split again with --force"
            )
        of_unit = np.array([number.get(name, proof.NONE) for name in known.names], dtype=np.int8)
        found.append(of_unit[known.of_row])  # (rows,)
    same = np.all([one == found[0] for one in found], axis=0)
    return np.where(same, found[0], proof.NONE).astype(np.int8)
