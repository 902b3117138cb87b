"""Networks of a run: encoder and head for each task, the tasks grouped by whether they share an encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.methods.contract import Method


class TaskNetwork(nn.Module):
    """Standardised windows (batch, channels, samples) → logits (batch, classes) of one task."""

    def __init__(self, encoder: nn.Module, head: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, classes) of windows (batch, channels, samples)."""
        logits: Tensor = self.head(self.encoder(windows))
        return logits


class Group(nn.Module):
    """One encoder and the heads of the tasks that share it."""

    def __init__(self, encoder: nn.Module, heads: Mapping[str, nn.Module]):
        super().__init__()
        self.encoder = encoder
        self.tasks = tuple(heads)
        # torch refuses names that its modules' attributes have, such as 'type'
        self.heads = nn.ModuleDict({f"task_{task}": head for task, head in heads.items()})

    def forward(self, windows: Tensor) -> dict[str, Tensor]:
        """Logits (batch, classes) for each task of windows (batch, channels, samples)."""
        return self.classify(self.encoder(windows))

    def classify(self, features: Tensor) -> dict[str, Tensor]:
        """Logits (batch, classes) for each task of features (batch, features)."""
        return {task: head(features) for task, head in zip(self.tasks, self.heads.values(), strict=True)}

    def networks(self) -> dict[str, TaskNetwork]:
        """One network for each task; they hold the same encoder object."""
        heads = zip(self.tasks, self.heads.values(), strict=True)
        return {task: TaskNetwork(self.encoder, head) for task, head in heads}


def group_tasks(config: Config) -> dict[str, tuple[str, ...]]:
    """Names of the groups and their tasks: one 'shared' group, or one for each task."""
    tasks = config.labels.tasks
    return {"shared": tasks} if config.finetune.encoder == "shared" else {task: (task,) for task in tasks}


def new_group(method: Method, tasks: Mapping[str, int], mode: Literal["full", "probe"] = "full") -> Group:
    """Return a group with fresh weights for ``tasks`` (number of classes by name).

    Heads are the method's, or in ``mode`` 'probe' one linear layer each. Seed torch before for the same weights
    again.
    """
    encoder = method.encoder()
    features = int(encoder.features)  # type: ignore[arg-type]
    head = nn.Linear if mode == "probe" else method.head
    return Group(encoder, {task: head(features, classes) for task, classes in tasks.items()})


def save_weights(module: nn.Module, path: Path) -> None:
    """Write the weights and running statistics of ``module`` to a safetensors file."""
    save_state(module.state_dict(), path)


def save_state(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by name to a safetensors file."""
    save_file({name: tensor.cpu().contiguous() for name, tensor in state.items()}, path)


def load_weights(module: nn.Module, path: Path) -> None:
    """Read what ``save_weights`` wrote into ``module``.

    Raises
    ------
    DataError
        The file is missing or damaged, or holds the weights of another network.
    """
    fill_weights(module, read_weights(path), path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name that ``save_weights`` wrote.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as problem:
        raise DataError(_other(path, problem)) from None


def fill_weights(module: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    """Put ``state``, tensors by name that were read from ``source``, into ``module``.

    Raises
    ------
    DataError
        They are those of another network.
    """
    try:
        module.load_state_dict(state)
    except RuntimeError as problem:
        raise DataError(_other(source, problem)) from None


def _other(path: Path, problem: Exception) -> str:
    reason = str(problem).strip().splitlines()[0]
    return f"{path}: does not hold this network's weights ({reason}); run its stage with --force"


def pick_device(config: Config) -> torch.device:
    """Return the device that ``config.device`` names, and set the number of CPU threads."""
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if config.device == "cuda" and not torch.cuda.is_available():
        raise DataError("device 'cuda': torch finds no usable GPU here; set --device cpu or auto")
    return torch.device(config.device)
