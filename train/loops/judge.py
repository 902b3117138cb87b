"""What a network says of rows of the corpus, and how well: batch by batch, in evaluation mode."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memhacl.train.corpus.labels import UNRATED
from memhacl.train.loops.work import Feed, batches
from memhacl.train.measure.calibration import fit_temperature
from memhacl.train.measure.metrics import balanced_accuracy

Rows = NDArray[np.int64]
Classes = Mapping[str, Rows]  # task → class of every row of the corpus, -1 where none may be used
Logits = dict[str, NDArray[np.float64]]  # task → (rows, classes)
Inputs = Callable[[Rows], Tensor]  # rows → what a network is given, (rows, ...)
Network = Callable[[Tensor], dict[str, Tensor]]  # that → logits (rows, classes) by task

_BATCH = 512


class Features:
    """Features (rows, features) of a frozen encoder, computed once: what a probe learns from and is judged on."""

    def __init__(self, encoder: nn.Module, feed: Feed, rows: Rows):
        encoder.eval()
        self._place = np.full(int(rows.max()) + 1, -1)
        self._place[rows] = np.arange(len(rows))
        with torch.no_grad():
            self._all = torch.cat([encoder(feed(batch)) for batch in batches(rows, _BATCH)])

    def __call__(self, rows: Rows) -> Tensor:
        """Features (rows, features) of ``rows``."""
        return self._all[torch.from_numpy(self._place[rows]).to(self._all.device)]


def logits_of(network: Network, inputs: Inputs, rows: Rows) -> Logits:
    """Logits (rows, classes) by task of a network in evaluation mode."""
    parts: dict[str, list[NDArray[np.float64]]] = {}
    with torch.inference_mode():
        for batch in batches(rows, _BATCH):
            for task, logits in network(inputs(batch)).items():
                parts.setdefault(task, []).append(logits.double().cpu().numpy())
    return {task: np.concatenate(blocks) for task, blocks in parts.items()}


def score_tasks(logits: Logits, rows: Rows, classes: Classes) -> dict[str, float]:
    """Balanced accuracy of each task's logits (rows, classes) on the rated ones of ``rows``."""
    scores = {}
    for task, values in classes.items():
        rated = values[rows] != UNRATED
        scores[task] = balanced_accuracy(values[rows][rated], logits[task][rated].argmax(axis=1))
    return scores


def fit_temperatures(logits: Logits, rows: Rows, classes: Classes) -> dict[str, float]:
    """Temperature of each task's logits (rows, classes) that fits the rated ones of ``rows``."""
    fitted = {}
    for task, values in classes.items():
        rated = values[rows] != UNRATED
        fitted[task] = fit_temperature(logits[task][rated], values[rows][rated])
    return fitted
