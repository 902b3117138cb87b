"""The loss of fine-tuning, the weight of each class in it, and what disturbs the windows it is taken on."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from memhacl.train.config import FinetuneConfig
from memhacl.train.corpus.labels import UNRATED

Tensors = Mapping[str, Tensor]  # by task


def class_weights(classes: NDArray[np.int64], count: int, balance: bool) -> Tensor:
    """Weight of each of ``count`` classes in the loss, (count,): ones, or such that all weigh the same in all."""
    if not balance:
        return torch.ones(count)
    counts = np.bincount(classes[classes != UNRATED], minlength=count)
    return torch.from_numpy(counts.sum() / (count * np.maximum(counts, 1))).float()


def joint_loss(logits: Tensors, classes: Tensors, weights: Tensors) -> Tensor:
    """Mean over the tasks, (), of the loss of logits (batch, classes) against ``classes`` (batch,)."""
    return torch.stack([task_loss(logits[task], classes[task], weights[task]) for task in classes]).mean()


def task_loss(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy, (), over the rated rows of a batch; 0 where there are none, not NaN.

    ``logits`` are (batch, classes), ``classes`` (batch,), ``weights`` (classes,).
    """
    rated = int((classes != UNRATED).sum())
    total = cross_entropy(logits, classes, weight=weights, ignore_index=UNRATED, reduction="sum")
    return total / max(rated, 1)


def disturbed(windows: Tensor, settings: FinetuneConfig) -> Tensor:
    """Windows (batch, channels, samples) with other gains and more noise, as other electrodes would give."""
    if settings.gain:
        windows = windows * torch.exp(settings.gain * torch.randn(*windows.shape[:2], 1, device=windows.device))
    if settings.noise:
        windows = windows + settings.noise * torch.randn_like(windows)
    return windows
