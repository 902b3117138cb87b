"""Training in several processes that ``torchrun`` started: who is here, and what they tell each other.

All processes hold the same weights. Each embeds its share of a minibatch and judges the whole of it, so that the
mean of their gradients is the gradient that one process would have found alone.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from memhacl.stream.errors import ConfigError, DataError

T = TypeVar("T")

_PATIENCE = timedelta(days=30)  # the first process may prepare data, and fine-tune, for long


@dataclass(frozen=True)
class World:
    """The processes that train together: how many there are (``count``), and which of them this is (``rank``)."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that prepares, writes and speaks."""
        return self.rank == 0


def world() -> World:
    """Return the processes that train together: this one alone, outside of ``joined``."""
    if dist.is_available() and dist.is_initialized():
        return World(dist.get_rank(), dist.get_world_size())
    return World()


def started() -> World:
    """Return what torchrun says of the processes that it started; this one alone without torchrun."""
    return World(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def joined(device: str) -> Iterator[World]:
    """Join the processes that torchrun started, for work on ``device`` ('auto', 'cpu' or 'cuda').

    On GPUs each process of a machine has one of its own. Without torchrun there is nothing to join.

    Raises
    ------
    ConfigError
        There are more processes than GPUs.
    DataError
        In the first process: another has ended in the middle of the work. The others then end without a word.
    """
    if started().count == 1:
        yield World()
        return
    gpus = 0 if device == "cpu" else torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(_own_gpu(gpus))
    # what lies in the CPU's memory goes over gloo, also beside GPUs: sizes and words do not make a GPU wait
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=_PATIENCE)
    here = world()
    try:
        yield here
    except RuntimeError as problem:
        if not _is_loss(problem):
            raise
        if here.first:
            raise DataError(
                "another process of this training has ended, and says why; the same command goes on from the "
                "last checkpoint"
            ) from None
        raise SystemExit(1) from None
    finally:
        dist.destroy_process_group()


def _own_gpu(gpus: int) -> int:
    here, processes = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if processes > gpus:
        raise ConfigError(
            f"torchrun: expected at most {gpus} processes, one for each GPU here, found {processes}; give "
            f"--nproc-per-node {gpus} or --device cpu"
        )
    return here


def _is_loss(problem: RuntimeError) -> bool:
    """Whether ``problem`` is the end of another process; gloo has no class of its own for it."""
    words = str(problem).lower()
    return isinstance(problem, dist.DistError) or "connection closed" in words or "connection reset" in words


def gather(share: Tensor, dim: int) -> Tensor:
    """Join the shares of all processes along ``dim``, (..., all, ...), in the order of ranks; sizes may differ.

    Gradients flow back: each process receives, for its share, the sum of what all of them derived.
    """
    return share if world().count == 1 else _gathered(share, dim)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # compiled, exchanges might change their order
def _gathered(share: Tensor, dim: int) -> Tensor:
    here = world()
    sizes = torch.zeros(here.count, dtype=torch.int64)
    sizes[here.rank] = share.shape[dim]
    dist.all_reduce(sizes)
    before = int(sizes[: here.rank].sum())
    whole: Tensor = _Gather.apply(share, dim, before, int(sizes.sum()))  # type: ignore[no-untyped-call]
    return whole


class _Gather(torch.autograd.Function):
    """Shares put in their places of zeros and added up; the sum's adjoint is the sum again."""

    @staticmethod
    def forward(ctx: Any, share: Tensor, dim: int, before: int, total: int) -> Tensor:
        ctx.place = (dim, before, share.shape[dim])
        shape = list(share.shape)
        shape[dim] = total
        whole = share.new_zeros(shape)
        whole.narrow(*ctx.place).copy_(share)
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.narrow(*ctx.place), None, None, None


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace the gradient of every parameter by its mean over all processes, which is then the same in each."""
    here = world()
    if here.count == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])  # one message in place of hundreds
    dist.all_reduce(flat)
    means = torch.split(flat.div_(here.count), [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def first_says(what: bool) -> bool:
    """Return the first process's answer in every process: for what a clock or a file decides."""
    if world().count == 1:
        return what
    answer = torch.tensor([what], dtype=torch.uint8)
    dist.broadcast(answer, 0)
    return bool(answer)


def from_first(value: T) -> T:
    """Return the first process's ``value`` in every process; each waits for it."""
    values = [value]
    if world().count > 1:
        dist.broadcast_object_list(values, device=torch.device("cpu"))
    return values[0]


def of_all(value: T) -> list[T]:
    """Return the ``value`` of every process, by rank, in every process."""
    here = world()
    values = [value] * here.count
    if here.count > 1:
        dist.all_gather_object(values, value)
    return values
