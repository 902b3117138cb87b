"""Proofs that parts share nothing, from the rows and windows themselves."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.spec import SignalSpec
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols.rules import PARTS
from memhacl.train.protocols.units import Units

NONE: Final = -1  # of a row that is in no part
_AGAIN: Final = "make the split again with --force"
_SLACK: Final = 1e-3  # s; windows that touch share no sample, and starts carry rounding

Parts = NDArray[np.int8]  # number of each row's part (rows,)
Rows = NDArray[np.int64]


def part_of_rows(parts: Sequence[Rows], rows: int) -> Parts:
    """Number of each row's part, (rows,), -1 for none.

    Raises
    ------
    DataError
        A row is in two parts, or twice in one.
    """
    together = np.concatenate(parts)
    if len(np.unique(together)) < len(together):
        raise DataError(f"split: a window is in two parts, or twice in one; {_AGAIN}")
    found = np.full(rows, NONE, dtype=np.int8)
    for number, members in enumerate(parts):
        found[members] = number
    return found


def units_apart(units: Units, part_of: Parts) -> None:
    """Prove that no unit has rows in two parts.

    Raises
    ------
    DataError
        One has.
    """
    there = np.zeros((len(units.names), len(PARTS)), dtype=bool)
    used = part_of != NONE
    there[units.of_row[used], part_of[used]] = True
    shared = np.flatnonzero(there.sum(axis=1) > 1)
    if len(shared):
        raise DataError(f"split: {units.kind} {units.names[shared[0]]} is in two parts; {_AGAIN}")


def times_apart(corpus: Corpus, part_of: Parts) -> None:
    """Prove that no window overlaps one of another part, nor has it or its rest period in its baseline.

    Raises
    ------
    DataError
        One does.
    """
    mixed = entangled(corpus, part_of)
    if len(mixed):
        row = corpus.index[mixed[0]]
        raise DataError(
            f"split: the window of person {corpus.manifest.people[row['subject']]} at {row['start']:g} s overlaps "
            f"one of another part, or has it or its rest period in its baseline; {_AGAIN}"
        )


def entangled(corpus: Corpus, part_of: Parts) -> Rows:
    """Rows of which the window, or the past that its baseline takes, overlaps a window of another part.

    So are rows whose rest period, where the baseline is that, is also subtracted from windows of another part.
    """
    mixed = _share_rest(corpus, part_of) if uses_rest(corpus.spec) else np.zeros(len(part_of), dtype=bool)
    subject, start = corpus.index["subject"], corpus.index["start"]
    past = _past(corpus.spec)
    for person in np.unique(subject):
        rows = np.flatnonzero((subject == person) & (part_of != NONE))
        for number in np.unique(part_of[rows]):
            others = np.sort(start[rows[part_of[rows] != number]])
            mine = rows[part_of[rows] == number]
            first = np.searchsorted(others, start[mine] - past - corpus.spec.window + _SLACK)
            after = np.searchsorted(others, start[mine] + corpus.spec.window - _SLACK)
            mixed[mine[after > first]] = True
    return np.flatnonzero(mixed)


def uses_rest(spec: SignalSpec) -> bool:
    """Whether a rest period changes windows."""
    return any("rest" in (modality.baseline, modality.adapt) for modality in spec.modalities)


def copies_apart(corpus: Corpus, part_of: Parts) -> None:
    """Prove that no trial in a part has the windows of a trial in another.

    Raises
    ------
    DataError
        One has.
    """
    used = part_of != NONE
    trial, first = corpus.index["trial"][used], corpus.copies[corpus.index["trial"][used]]
    there = np.zeros((len(corpus.copies), len(PARTS)), dtype=bool)
    there[first, part_of[used]] = True
    for original in np.flatnonzero(there.sum(axis=1) > 1).tolist():
        same = np.unique(trial[first == original])
        if len(same) > 1:
            who = " and ".join(_named(corpus, number) for number in same[:2].tolist())
            raise DataError(
                f"split: {who} are one recording, in two parts; expected recordings that differ; leave one of the "
                "people out with people.leave_out"
            )


def _past(spec: SignalSpec) -> float:
    """Seconds before a window that its baseline takes in."""
    rolls = any(modality.baseline.startswith("rolling") for modality in spec.modalities)
    return spec.baseline_seconds if rolls else 0.0


def _share_rest(corpus: Corpus, part_of: Parts) -> NDArray[np.bool_]:
    """Whether each row's rest period is also that of a row in another part, (rows,)."""
    trial = corpus.index["trial"]
    rest = corpus.trials.rest[trial]  # (rows, 2)
    rested = (rest[:, 1] > rest[:, 0]) & (part_of != NONE)
    keys = np.stack([corpus.index["subject"][rested].astype(np.float64), rest[rested, 0]])  # (2, rested rows)
    _, place = np.unique(keys, axis=1, return_inverse=True)
    place = place.reshape(-1)
    there = np.zeros((place.max(initial=-1) + 1, len(PARTS)), dtype=bool)
    there[place, part_of[rested]] = True
    shared = np.zeros(len(trial), dtype=bool)
    shared[rested] = there.sum(axis=1)[place] > 1
    return shared


def _named(corpus: Corpus, trial: int) -> str:
    row = corpus.index[np.flatnonzero(corpus.index["trial"] == trial)[0]]
    return f"person {corpus.manifest.people[row['subject']]}, stimulus {corpus.manifest.stimuli[row['stimulus']]}"
