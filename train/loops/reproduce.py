"""The same numbers again: states of torch's random generators, and operations that repeat bit for bit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


def random_state(device: torch.device) -> dict[str, Tensor]:
    """States (bytes) of torch's own generators: the CPU's, and that of ``device`` where it has another."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_state(states: dict[str, Tensor], device: torch.device) -> None:
    """Go back to what ``random_state`` gave; a device that had no generator then keeps its own."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Allow only operations that repeat bit for bit, where ``wanted``; afterwards everything is as it was.

    Else cuDNN tries its algorithms when it first sees a shape, and keeps the fastest.
    """
    cudnn = torch.backends.cudnn
    if not wanted:
        tries, cudnn.benchmark = cudnn.benchmark, True
        try:
            yield
        finally:
            cudnn.benchmark = tries
        return
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic,
        cudnn.benchmark,
        os.environ.get(_CUBLAS),
    )
    os.environ.setdefault(_CUBLAS, ":4096:8")  # read when cuBLAS is first used; torch refuses to go on without
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.deterministic, cudnn.benchmark = before[2:4]
        if before[4] is None:
            del os.environ[_CUBLAS]
