"""Meiosis (equations 1-3): people who saw the same clip exchange the heads of their signals, then part in two."""

import math

import torch
from torch import Tensor

from memhacl.stream.errors import ConfigError


def crossover(first: Tensor, second: Tensor, split: int | Tensor) -> tuple[Tensor, Tensor]:
    """Exchange the first ``split`` samples of two signals (..., T), as T(A, B, c) of equation 1.

    A split () that lies on their device is never read back, for which a GPU would have to wait.
    """
    head = torch.arange(first.shape[-1], device=first.device) < split  # (T,)
    return torch.where(head, second, first), torch.where(head, first, second)


def meiosis(groups: Tensor, order: Tensor, split: int | Tensor) -> Tensor:
    """Turn groups (P, 2Q, C, T) into two homologous groups each, (2, P, Q, C, T), as equations 2 and 3.

    ``order`` (P, 2Q) permutes the members of each clip; those at places k and k + Q are paired. Of a pair's
    children, the one with the tail of place k goes to group A (index 0) and the other to B. Since the order is
    random, so is which child goes where: the random separation needs no draw of its own.
    """
    clips, people = order.shape
    rows = torch.arange(clips, device=order.device)[:, None]  # (P, 1)
    shuffled = groups[rows, order]  # (P, 2Q, C, T)
    children = crossover(shuffled[:, : people // 2], shuffled[:, people // 2 :], split)  # 2 x (P, Q, C, T)
    return torch.stack(children)  # (2, P, Q, C, T)


def random_orders(clips: int, people: int, generator: torch.Generator) -> Tensor:
    """Draw a permutation of ``people`` members for each of ``clips`` clips, (P, 2Q)."""
    return torch.rand(clips, people, generator=generator, device=generator.device).argsort(dim=1)


def split_bounds(samples: int, share: tuple[float, float]) -> tuple[int, int]:
    """First and last sample at which a window of ``samples`` may be split: 1 < c < M - 1, within ``share`` of M.

    Raises
    ------
    ConfigError
        No sample is left to split at.
    """
    lowest = max(2, math.ceil(share[0] * samples))
    highest = min(samples - 2, math.floor(share[1] * samples))
    if lowest > highest:
        raise ConfigError(
            f"method.settings.split: no sample of a window of {samples} lies inside {share[0]:g} to {share[1]:g} "
            "of it and at least 2 from either end; widen the split or use longer windows"
        )
    return lowest, highest
