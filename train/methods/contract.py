"""What a learning method is to the rest of the product: corpus, loops, protocols and export know only this.

A method is a folder beside this file with a class derived from ``Method`` and a line in ``registry.py``. Its own
ideas (what a minibatch is, what a view is, what is compared with what) stay inside it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memhacl.stream.errors import ConfigError
from memhacl.stream.strict import Strict


@dataclass(frozen=True)
class Clips:
    """What a sampler may know of the training windows: subject and clip of each row, both (rows,) integers.

    A clip is one second of one stimulus; the same clip exists for many subjects. Labels are not here, so that
    pretraining cannot use them.
    """

    subject: NDArray[np.int64]
    clip: NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """What one pretraining step gave: ``loss``, a scalar tensor to minimise, and plain numbers for the log."""

    loss: Tensor
    metrics: dict[str, float] = field(default_factory=dict)


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
    """A way to learn from windows (channels, samples), made from its checked settings and a window's ``shape``.

    A method with ``pretrains`` overrides ``sampler``, ``views`` and ``objective``; one without has an encoder and
    a head only. Its ``Settings`` stand in the YAML under ``method.settings``.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[Strict]]
    pretrains: ClassVar[bool]

    def __init__(self, settings: Strict, shape: tuple[int, int]):
        self.settings = settings
        self.shape = shape

    @abstractmethod
    def encoder(self) -> nn.Module:
        """Return a fresh network (B, C, T) → (B, features); its attribute ``features`` is that integer."""

    @abstractmethod
    def head(self, features: int, classes: int) -> nn.Module:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""

    def sampler(self, clips: Clips, seed: int) -> Sampler | None:
        """Return the sampler of minibatches for pretraining; None where the method does not pretrain."""
        return None

    def views(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Turn a minibatch (..., C, T), shaped as its rows were, into what the encoder shall see (..., C, T).

        Leading axes may be added (two views, masked and whole) or regrouped; the last two stay a window's.
        """
        raise self._no_pretraining()

    def objective(self, features: int) -> nn.Module:
        """Return a fresh module: embeddings of the views (..., features) → ``Outcome``; it may have weights."""
        raise self._no_pretraining()

    def pretrain_step(self, encoder: nn.Module, objective: nn.Module, views: Tensor) -> Outcome:
        """Judge ``views`` (..., C, T): embed every one and hand the embeddings (..., features) to the objective.

        A method whose objective needs more than embeddings (a masked signal to compare a reconstruction with)
        overrides this, and the loop stays as it is.
        """
        embeddings = encoder(views.flatten(0, -3))  # (..., C, T) -> (N, C, T) -> (N, features)
        outcome: Outcome = objective(embeddings.reshape(*views.shape[:-2], -1))  # (..., features)
        return outcome

    def _no_pretraining(self) -> ConfigError:
        return ConfigError(
            f"method.name: '{self.name}' learns from labels alone and cannot pretrain; leave out the stage "
            "'pretrain' or choose a method that pretrains"
        )
