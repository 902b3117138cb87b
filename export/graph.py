"""The graph that is deployed: raw windows in, calibrated probabilities of every task out."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from memhacl.stream.errors import ModelError

# Guards the division and no more. Which channels count as still is decided once, in training, which stores 1 for
# them; a larger floor here would scale windows otherwise than training did (EEG in volts has a deviation of 1e-5).
STD_FLOOR = 1e-12


class DeployedGraph(nn.Module):
    """Scaling, encoders, heads and softmax as one module; a shared encoder is evaluated once.

    Parameters
    ----------
    networks
        For each task a module with ``encoder`` ((B, C, T) -> (B, features)) and ``head`` ((B, features) ->
        (B, classes) logits). Tasks that share an encoder hold the very same object.
    mean, std
        Scaling of each channel, (C,), in the windows' units.
    temperatures
        What each task's logits are divided by.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        mean: NDArray[np.float32],
        std: NDArray[np.float32],
        temperatures: Mapping[str, float],
    ):
        super().__init__()
        encoders, self._encoder_of = _distinct([_part(networks[task], "encoder", task) for task in networks])
        self.encoders = nn.ModuleList(encoders)
        # A list and not a ModuleDict: a task may be called 'keys' or 'type', which a ModuleDict refuses.
        self.heads = nn.ModuleList([_part(networks[task], "head", task) for task in networks])
        self.tasks = tuple(networks)
        self.temperatures = tuple(float(temperatures[task]) for task in networks)
        self.register_buffer("mean", _column(mean))  # (C, 1)
        self.register_buffer("std", _column(std).clamp(min=STD_FLOOR))  # (C, 1)

    def forward(self, signals: Tensor) -> tuple[Tensor, ...]:
        """Probabilities (B, classes) of each task, in the order of ``tasks``, from raw windows (B, C, T)."""
        scaled = (signals - self.mean) / self.std  # (B, C, T)
        features = [encoder(scaled) for encoder in self.encoders]  # each (B, features)
        return tuple(
            torch.softmax(head(features[encoder]) / temperature, dim=-1)  # (B, classes)
            for head, encoder, temperature in zip(self.heads, self._encoder_of, self.temperatures, strict=True)
        )


def build_graph(
    networks: Mapping[str, nn.Module], mean: ArrayLike, std: ArrayLike, temperatures: Mapping[str, float]
) -> DeployedGraph:
    """Build the deployed module, in eval mode: (B, C, T) raw windows -> (B, classes) probabilities a task.

    Raises
    ------
    ModelError
        Scaling is not finite, negative or of two shapes, or tasks and temperatures do not match.
    """
    centre, spread = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    if centre.ndim != 1 or centre.shape != spread.shape:
        raise ModelError(f"scaling: expected mean and std (channels,), found {centre.shape} and {spread.shape}")
    if not (np.isfinite(centre).all() and np.isfinite(spread).all() and (spread >= 0).all()):
        raise ModelError("scaling: expected finite means and deviations of 0 or more; train again with --force")
    if not networks or set(networks) != set(temperatures):
        raise ModelError(f"expected a temperature for each of {sorted(networks)}, found {sorted(temperatures)}")
    return DeployedGraph(networks, centre, spread, temperatures).eval()


def _part(network: nn.Module, name: str, task: str) -> nn.Module:
    part = getattr(network, name, None)
    if not isinstance(part, nn.Module):
        raise ModelError(f"network of task '{task}': expected a module '{name}', found {type(part).__name__}")
    return part


def _distinct(modules: Sequence[nn.Module]) -> tuple[list[nn.Module], tuple[int, ...]]:
    """Return the modules without repetition (by identity), and for each of ``modules`` its place among them."""
    places: dict[int, int] = {}
    numbers = tuple(places.setdefault(id(module), len(places)) for module in modules)
    return [modules[numbers.index(place)] for place in range(len(places))], numbers


def _column(values: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(values.copy())[:, None]  # (C, 1)
