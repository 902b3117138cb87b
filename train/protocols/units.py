"""The units of a corpus: people, stimuli, trials and clips, by names that do not depend on the order of rows."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.train.corpus.store import Corpus


@dataclass(frozen=True)
class Units:
    """The units of one ``kind``: their ``names``, and the place among them of each row's unit (rows,).

    ``groups`` names what each unit is dealt within: a trial's person, so that everybody comes into every part.
    """

    kind: str
    names: tuple[str, ...]
    of_row: NDArray[np.int64]
    groups: tuple[str, ...]

    @property
    def largest_group(self) -> int:
        """Number of units in the group that has most."""
        return max(Counter(self.groups).values(), default=0)

    def shuffled(self, *salt: object) -> list[str]:
        """Return the names in an order that ``salt`` and names alone decide; those of a group stay together.

        It is that of their sha256: the same on every machine, in every process and with every version of numpy.
        """
        pairs = zip(self.groups, self.names, strict=True)
        ordered = sorted(pairs, key=lambda pair: (_lot(*salt, self.kind, pair[0]), _lot(*salt, self.kind, *pair)))
        return [name for _, name in ordered]

    def only(self, names: Iterable[str]) -> "Units":
        """Return the units of these ``names``, without rows."""
        kept = set(names)
        pairs = [(name, group) for name, group in zip(self.names, self.groups, strict=True) if name in kept]
        return Units(self.kind, tuple(n for n, _ in pairs), self.of_row[:0], tuple(g for _, g in pairs))


def units_of(corpus: Corpus, kind: str) -> Units:
    """Return the units of ``kind`` (subject, stimulus, trial or clip) that have rows in ``corpus``."""
    return _KINDS[kind](corpus)


def spread(names: Sequence[str], count: int) -> list[str]:
    """Return ``count`` of ``names`` at even distances, so that each group gives its share."""
    return [names[(2 * place + 1) * len(names) // (2 * count)] for place in range(count)]


def _lot(*words: object) -> bytes:
    text = "\0".join(str(word) for word in words)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _subjects(corpus: Corpus) -> Units:
    numbers, of_row = _distinct(corpus.index["subject"])
    names = tuple(corpus.manifest.people[number] for number in numbers.tolist())
    return Units("subject", names, of_row, ("",) * len(names))


def _stimuli(corpus: Corpus) -> Units:
    numbers, of_row = _distinct(corpus.index["stimulus"])
    names = tuple(corpus.manifest.stimuli[number] for number in numbers.tolist())
    return Units("stimulus", names, of_row, ("",) * len(names))


def _clips(corpus: Corpus) -> Units:
    """One hop of one stimulus, of everybody who saw it: what the group sampler draws."""
    stimulus, hop = (corpus.index[name].astype(np.int64) for name in ("stimulus", "hop"))
    base = int(hop.max(initial=0)) + 1
    numbers, of_row = _distinct(stimulus * base + hop)
    names = tuple(f"{corpus.manifest.stimuli[n // base]}@{n % base}" for n in numbers.tolist())
    return Units("clip", names, of_row, ("",) * len(names))


def _trials(corpus: Corpus) -> Units:
    """Named by person and stimulus, and where somebody saw a stimulus again, by the how manieth time it was."""
    _, first, of_row = np.unique(corpus.index["trial"], return_index=True, return_inverse=True)
    people = [corpus.manifest.people[number] for number in corpus.index["subject"][first].tolist()]
    stimuli = [corpus.manifest.stimuli[number] for number in corpus.index["stimulus"][first].tolist()]
    names: dict[str, None] = {}
    for person, stimulus in zip(people, stimuli, strict=True):
        name, time = f"{person}: {stimulus}", 1
        while name in names:
            time += 1
            name = f"{person}: {stimulus} ({time})"
        names[name] = None
    return Units("trial", tuple(names), of_row.reshape(-1).astype(np.int64), tuple(people))


def _distinct(values: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the different ``values`` and the place of each row's among them (rows,)."""
    different, place = np.unique(values.astype(np.int64), return_inverse=True)
    return different, place.reshape(-1).astype(np.int64)


_KINDS = {"subject": _subjects, "stimulus": _stimuli, "clip": _clips, "trial": _trials}
