"""Layers whose weights are kept within a norm, as EEGNet's are: Keras calls it a max-norm constraint.

The weights that lead to one output have a Euclidean norm of at most ``limit``. They are put back after each step
of the optimiser: before they are next used in training, and when the network goes over to evaluation. So any loop
obeys the constraint, and an exported graph holds plain weights.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn


class BoundedConv2d(nn.Conv2d):
    """A 2-D convolution without bias; each filter's norm is at most ``limit``."""

    def __init__(self, before: int, after: int, kernel: tuple[int, int], limit: float, **how: Any):
        super().__init__(before, after, kernel, bias=False, **how)
        self.limit = limit

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, after, C', T') of maps (B, before, C, T)."""
        if self.training:
            shorten(self.weight, self.limit)
        return super().forward(maps)

    def train(self, mode: bool = True) -> Self:
        """Go over to training or evaluation."""
        shorten(self.weight, self.limit)
        return super().train(mode)


class BoundedLinear(nn.Linear):
    """A linear layer; the norm of each output's weights, its bias aside, is at most ``limit``."""

    def __init__(self, before: int, after: int, limit: float):
        super().__init__(before, after)
        self.limit = limit

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (B, after) of features (B, before)."""
        if self.training:
            shorten(self.weight, self.limit)
        return super().forward(features)

    def train(self, mode: bool = True) -> Self:
        """Go over to training or evaluation."""
        shorten(self.weight, self.limit)
        return super().train(mode)


def shorten(weight: Tensor, limit: float) -> None:
    """Scale down, in place, the weights (outputs, ...) of every output whose norm is above ``limit``."""
    with torch.no_grad():
        weight.renorm_(p=2, dim=0, maxnorm=limit)
