"""What a baseline is given, and what it says: the same rows and the same labels as the model beside it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memhacl.train.baselines.table import FeatureTable
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols import Split

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Unavailable:
    """Why a baseline has nothing to say under a protocol or about a corpus, as the rest of a sentence."""

    why: str


@dataclass(frozen=True)
class Situation:
    """One task under one split: what training may know, and the rows to predict.

    ``classes`` are those of all rows of ``corpus``, (rows,): -1 where a row is not rated or its label is not
    used; there are ``count`` of them. ``features`` may be shared by all tasks and splits of a corpus. With
    ``balance`` every class weighs the same in what is fitted, as in the model's own training.
    """

    corpus: Corpus
    split: Split
    classes: Numbers
    count: int
    features: FeatureTable
    balance: bool = False

    @cached_property
    def known(self) -> Numbers:
        """Training rows whose label is used, (known,)."""
        return self._labelled(self.split.train)

    @cached_property
    def chosen_on(self) -> Numbers:
        """Validation rows that are rated, (n,): they decide what is chosen and nothing else."""
        return self._labelled(self.split.validation)

    @property
    def asked(self) -> Numbers:
        """Rows to predict, (asked,)."""
        return self.split.test

    def _labelled(self, rows: Numbers) -> Numbers:
        labelled: Numbers = rows[self.classes[rows] != UNRATED]
        return labelled


Said = Floats | Unavailable  # probabilities (asked, classes)
