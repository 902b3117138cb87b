"""Batch normalisation whose statistics are those of all processes' samples; torch's own refuses the CPU."""

from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from memhacl.train.loops.distributed import world

M = TypeVar("M", bound=nn.Module)


def synchronised(module: M) -> M:
    """Let every batch norm inside ``module`` share its statistics with the other processes; return ``module``.

    Weights and the names of the state stay as they are. Alone, nothing changes.
    """
    if world().count == 1:
        return module
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                setattr(parent, name, SharedBatchNorm(child))
    return module


class SharedBatchNorm(nn.Module):
    """Takes over the weights and running statistics of ``norm`` and normalises (N, C) or (N, C, ...) as it does.

    N may differ between processes, and be 0.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d):
        super().__init__()
        assert norm.momentum is not None, "a cumulative mean of the statistics has no momentum to take over"
        self.eps, self.momentum = norm.eps, norm.momentum
        for name, parameter in norm.named_parameters():
            self.register_parameter(name, parameter)
        if not norm.affine:  # neither learnt nor part of the state
            self.register_buffer("weight", torch.ones(norm.num_features), persistent=False)
            self.register_buffer("bias", torch.zeros(norm.num_features), persistent=False)
        for name, buffer in norm.named_buffers():
            self.register_buffer(name, buffer)
        self.train(norm.training)

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # compiled, exchanges might change their order
    def forward(self, rows: Tensor) -> Tensor:
        """Rows (N, C, ...) with mean 0 and variance 1 over all processes, scaled and shifted for each channel."""
        if not self.training:
            return batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        normal: Tensor
        normal, mean, variance, count = _Normalise.apply(rows, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)  # unbiased, as torch does
        return normal


class _Normalise(torch.autograd.Function):
    """Rows (N, C, ...) → normalised ones, mean and variance (C,) over all processes, and values in a channel.

    The mean of a gradient over all values, and its mean product with the normal values, are taken out of it: the
    two ways in which every input moves every output of its channel.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        exact = _exact(rows)
        mean, variance, count = _statistics(exact)
        scale = (variance + eps).rsqrt()
        normal = (exact - _wide(mean, rows)) * _wide(scale, rows)
        ctx.save_for_backward(rows, weight, mean, scale, count)
        ctx.mark_non_differentiable(mean, variance, count)
        scaled = torch.addcmul(_wide(bias, rows), normal, _wide(weight, rows))
        return scaled.to(rows.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        rows, weight, mean, scale, count = ctx.saved_tensors
        exact = _exact(gradient)
        normal = (_exact(rows) - _wide(mean, rows)) * _wide(scale, rows)
        own = torch.stack([_total(exact), _total(exact * normal)])  # (2, C)
        whole = own.clone()
        dist.all_reduce(whole)
        shift, stretch = whole / count
        moved = exact - _wide(shift, rows) - normal * _wide(stretch, rows)
        return (moved * _wide(weight * scale, rows)).to(rows.dtype), own[1], own[0], None


def _statistics(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance (C,) of each channel of all processes' rows (N, C, ...), and its number of values, ().

    Each process's own mean and squared deviations are put together: sums of squares would cancel in float32.
    """
    here = world()
    count = rows.numel() // rows.shape[1]
    mean = _total(rows) / max(count, 1)
    deviations = _total((rows - _wide(mean, rows)).square())
    of_each = rows.new_zeros(here.count, 2 * rows.shape[1] + 1)
    of_each[here.rank] = torch.cat([mean, deviations, mean.new_full((1,), count)])
    dist.all_reduce(of_each)
    # (processes, 2C + 1) -> twice (processes, C) and (processes, 1)
    means, squares, counts = torch.split(of_each, [rows.shape[1], rows.shape[1], 1], dim=1)
    total = counts.sum()
    whole = (means * counts).sum(dim=0) / total  # (C,)
    variance = (squares + counts * (means - whole).square()).sum(dim=0) / total
    return whole, variance, total


def _exact(rows: Tensor) -> Tensor:
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def _total(rows: Tensor) -> Tensor:
    """Sum (C,) over all but the channels of rows (N, C, ...)."""
    return rows.sum(dim=[place for place in range(rows.dim()) if place != 1])


def _wide(channels: Tensor, rows: Tensor) -> Tensor:
    """Values (C,) in a shape that meets rows (N, C, ...): (C, 1, ...)."""
    return channels.view(-1, *[1] * (rows.dim() - 2))
