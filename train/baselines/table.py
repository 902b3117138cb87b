"""Features of all windows of a corpus, computed once and kept: every task and every fold reads the same."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.spec import ModalitySpec
from memhacl.train.baselines.eeg import differential_entropy
from memhacl.train.baselines.peripheral import body_features
from memhacl.train.corpus.store import Corpus

_BLOCK = 2048  # windows that are read at once from the memory map

Table = NDArray[np.float32]


class FeatureTable:
    """Features of every window of ``corpus``, each from its window alone; nothing is scaled here."""

    def __init__(self, corpus: Corpus):
        self._corpus = corpus

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the corpus."""
        return tuple(self._corpus.spec.rows)

    def of(self, *modalities: str) -> Table:
        """Features (rows, columns) of ``modalities``: `differential_entropy` of EEG, else `body_features`."""
        return np.concatenate([self._tables[name] for name in modalities], axis=1)

    @cached_property
    def _tables(self) -> dict[str, Table]:
        windows, blocks = self._corpus.windows, []
        for first in range(0, len(windows), _BLOCK):
            block = windows[first : first + _BLOCK].astype(np.float64)  # (rows, channels, samples)
            blocks.append({m.modality: self._features(block, m) for m in self._corpus.spec.modalities})
        return {name: np.concatenate([block[name] for block in blocks]) for name in self.modalities}

    def _features(self, windows: NDArray[np.float64], modality: ModalitySpec) -> Table:
        spec = self._corpus.spec
        part = windows[:, spec.rows[modality.modality]]  # (rows, modality's channels, samples)
        if modality.modality == "EEG":
            return differential_entropy(part, spec.rate).astype(np.float32)
        return body_features(part, modality, spec.rate).astype(np.float32)
