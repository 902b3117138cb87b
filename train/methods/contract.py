"""What a learning method is to the rest of the product: corpus, loops, protocols and export know only this.

A method is a folder beside this file with a class derived from ``Method`` and a line in ``registry.py``. Its own
ideas (what a minibatch is, what a view is, what is compared with what) stay inside it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict


@dataclass(frozen=True)
class Clips:
    """What a sampler may know of the training windows: subject, clip and stimulus of each row, (rows,) integers.

    A clip is one second of one stimulus; the same clip exists for many subjects. Labels are not here, so that
    pretraining cannot use them.
    """

    subject: NDArray[np.int64]
    clip: NDArray[np.int64]
    stimulus: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Outcome:
    """What one pretraining step gave: ``loss`` to minimise and ``metrics`` for the log, all scalar tensors.

    They stay on the device: a number that is read at each step would make a GPU wait.
    """

    loss: Tensor
    metrics: dict[str, Tensor] = field(default_factory=dict)


class Sampler(Protocol):
    """Draws the minibatches of pretraining; an epoch's depend on the seed and its number alone."""

    @property
    def batches_per_epoch(self) -> int:
        """Number of minibatches in every epoch."""
        ...

    def epoch(self, number: int) -> Iterator[NDArray[np.int64]]:
        """Yield arrays of row numbers into ``Clips``, in the method's own shape, such as (P, 2Q) or (B,)."""
        ...


class Method(ABC):
    """A way to learn from windows (channels, samples), made from its checked settings and the signals' ``spec``.

    A method with ``pretrains`` overrides ``sampler``, ``views`` and ``objective``, and may override what is asked
    of validation rows while it pretrains; one without has an encoder and a head only. ``in_words`` tells the
    readers of a report what it does. Its ``Settings`` stand in the YAML under ``method.settings``; those in
    ``bound`` decide what weights mean, so that a run that starts from a model must have the model's.
    """

    name: ClassVar[str]
    in_words: ClassVar[str]
    Settings: ClassVar[type[Strict]]
    pretrains: ClassVar[bool]
    bound: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: Strict, spec: SignalSpec):
        self.settings = settings
        self.spec = spec

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a window, (channels, samples)."""
        return self.spec.shape

    @abstractmethod
    def encoder(self) -> nn.Module:
        """Return a fresh network (B, C, T) → (B, features); its attribute ``features`` is that integer.

        Rows of a modality that are NaN throughout a window are a modality that is not there.
        """

    @abstractmethod
    def head(self, features: int, classes: int) -> nn.Module:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""

    def inherit(self, weights: Mapping[str, Tensor], spec: SignalSpec) -> dict[str, Tensor]:
        """Weights by name for this encoder out of those of one, of the same settings, for signals of ``spec``.

        Here as they are, where the channels are the same; an encoder that can do with fewer overrides it.

        Raises
        ------
        ConfigError
            The encoder cannot go over from those signals to its own.
        """
        theirs, own = ([(m.modality, m.channels) for m in each.modalities] for each in (spec, self.spec))
        if theirs != own:
            raise ConfigError(f"method '{self.name}' needs the model's channels: expected {theirs}, found {own}")
        return dict(weights)

    def sampler(self, clips: Clips, seed: int) -> Sampler | None:
        """Return the sampler of minibatches for pretraining; None where the method does not pretrain."""
        return None

    def views(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Turn a minibatch (..., C, T), shaped as its rows were, into what the encoder shall see (..., C, T).

        Leading axes may be added (two views, masked and whole) or regrouped; the last two stay a window's.
        """
        raise self._no_pretraining()

    def part(self, views: Tensor, rank: int, count: int) -> Tensor:
        """Return what process ``rank`` of ``count`` embeds of a minibatch's views (..., C, T).

        By default a share along the first axis. Every process makes all views of the minibatch, so that they are
        those of a single process.
        """
        return views.tensor_split(count)[rank]

    def held_out_sampler(self, clips: Clips, seed: int) -> Sampler | None:
        """Return a sampler of validation rows to measure ``objective`` on; None where they cannot serve."""
        return None

    def held_out_views(self, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Views (..., C, T) of a minibatch of validation rows for each way to measure, by its name in the log."""
        return {}

    def objective(self, features: int) -> nn.Module:
        """Return a fresh module: embeddings of the views (..., features) → ``Outcome``; it may have weights."""
        raise self._no_pretraining()

    def pretrain_step(self, encoder: nn.Module, objective: nn.Module, views: Tensor) -> Outcome:
        """Judge ``views`` (..., C, T): embed every one and hand the embeddings (..., features) to the objective.

        A method whose objective needs more than embeddings (a masked signal to compare a reconstruction with)
        overrides this, and the loop stays as it is.
        """
        embeddings = encoder(views.flatten(0, -3))  # (..., C, T) -> (N, C, T) -> (N, features)
        grouped = embeddings.unflatten(0, views.shape[:-2])  # (..., features), also where a process has no views
        outcome: Outcome = objective(grouped)
        return outcome

    def _no_pretraining(self) -> ConfigError:
        return ConfigError(
            f"method.name: '{self.name}' learns from labels alone and cannot pretrain; leave out the stage "
            "'pretrain' or choose a method that pretrains"
        )
