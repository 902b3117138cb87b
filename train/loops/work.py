"""What every fit and every measurement needs, opened once; windows reach the device standardised."""

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memhacl.train.config import Config, LabelConfig
from memhacl.train.corpus.labels import Target, targets_of
from memhacl.train.corpus.scaling import Scale
from memhacl.train.corpus.store import Corpus
from memhacl.train.methods.contract import Method
from memhacl.train.methods.moving import moved
from memhacl.train.protocols import Split

log = logging.getLogger(__name__)

_SHARE = 0.5  # of the free memory that the windows may take


class Feed:
    r"""Standardised windows by row number: ``feed(rows)`` is (\*rows.shape, channels, samples) on the device.

    The whole corpus lies on the device where it fits; else every batch is read from the memory map.
    """

    def __init__(self, corpus: Corpus, scale: Scale, device: torch.device):
        self.device = device
        self._corpus = corpus
        self._mean = torch.from_numpy(scale.mean).to(device)[:, None]  # (channels, 1)
        self._std = torch.from_numpy(scale.std).to(device)[:, None]
        self._all = self._load() if corpus.windows.nbytes < _SHARE * _free_bytes(device) else None
        if self._all is None:
            log.info(
                "the corpus (%.1f GB) is read from disk: it would fill the memory", corpus.windows.nbytes / 1e9
            )

    def _load(self) -> Tensor:
        windows = torch.from_numpy(np.array(self._corpus.windows)).to(self.device)
        return windows.sub_(self._mean).div_(self._std)

    def __call__(self, rows: NDArray[np.int64]) -> Tensor:
        r"""Windows (\*rows.shape, channels, samples) of ``rows``, in units of the training deviation."""
        if self._all is not None:
            return self._all[moved(torch.from_numpy(rows), self.device)]
        flat = torch.from_numpy(self._corpus.windows[rows.reshape(-1)]).to(self.device)
        standard = flat.sub_(self._mean).div_(self._std)
        return standard.reshape(*rows.shape, *standard.shape[1:])  # (*rows, C, T)


@dataclass(frozen=True)
class Work:
    """Settings, method, windows, split, scaling and the feed of one run."""

    config: Config
    method: Method
    corpus: Corpus
    split: Split
    scale: Scale
    feed: Feed

    @cached_property
    def targets(self) -> dict[str, Target]:
        """Classes of every row of the corpus for each task.

        Raises
        ------
        DataError
            The data does not tell a task's classes.
        """
        return corpus_targets(self.corpus, self.config.labels)

    def classes(self, tasks: Iterable[str]) -> dict[str, int]:
        """Return the number of classes of each of ``tasks``."""
        return {task: len(self.targets[task].classes) for task in tasks}


def corpus_targets(corpus: Corpus, config: LabelConfig) -> dict[str, Target]:
    """Classes of every row of ``corpus`` for each task of ``config``."""
    found = targets_of(corpus.trials, corpus.manifest.scales, config)
    return {task: target.of(corpus.index["trial"]) for task, target in found.items()}


def batches(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """Cut ``rows`` into near-equal batches, as ``batch_count`` says; none is of one row, where there are more."""
    yield from np.array_split(rows, batch_count(len(rows), size))


def batch_count(rows: int, size: int) -> int:
    """Return how many batches hold ``rows``: at most ``size`` in each, or 3 where pairs would leave one alone.

    Batch norm refuses a batch of one row.
    """
    return max(1, min(-(-rows // size), rows // 2))


def diverged(stage: str, epoch: int, loss: float, lr: float) -> str:
    """Say that a loss is no longer finite, and what to do."""
    return f"{stage}: the loss became {loss} in epoch {epoch}; lower --{stage}.lr (now {lr:g}) or look at the data"


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
