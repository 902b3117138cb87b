"""ME-MHACL as a method: group sampler, meiosis, encoder, group projector with attention, contrast, classifier."""

from typing import ClassVar

import torch
from torch import Tensor

from memhacl.stream.strict import Strict
from memhacl.train.methods.contract import Clips, Method
from memhacl.train.methods.me_mhacl.classifier import Classifier
from memhacl.train.methods.me_mhacl.contrast import GroupContrast
from memhacl.train.methods.me_mhacl.encoder import Encoder
from memhacl.train.methods.me_mhacl.meiosis import meiosis, random_orders, split_bounds
from memhacl.train.methods.me_mhacl.projector import GroupProjector
from memhacl.train.methods.me_mhacl.sampler import GroupSampler
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings


class MeMhacl(Method):
    """Contrastive pretraining on groups of people who saw the same clip, then a classifier on the encoder."""

    name: ClassVar[str] = "me-mhacl"
    Settings: ClassVar[type[Strict]] = MeMhaclSettings
    pretrains: ClassVar[bool] = True

    settings: MeMhaclSettings

    def __init__(self, settings: MeMhaclSettings, shape: tuple[int, int]):
        super().__init__(settings, shape)
        self._splits = split_bounds(shape[1], settings.split)

    def encoder(self) -> Encoder:
        """Return a fresh encoder (B, C, T) → (B, features)."""
        return Encoder(self.settings)

    def head(self, features: int, classes: int) -> Classifier:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""
        return Classifier(features, classes, self.settings)

    def sampler(self, clips: Clips, seed: int) -> GroupSampler:
        """Return the sampler of row numbers (P, 2Q)."""
        return GroupSampler(clips, self.settings.clips, self.settings.members, seed)

    def views(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Two homologous groups of every clip, (2, P, Q, C, T), from a minibatch (P, 2Q, C, T).

        One split for the whole minibatch: were there several, a network could tell groups apart by where they
        are cut.
        """
        lowest, highest = self._splits
        split = torch.randint(lowest, highest + 1, (), generator=generator, device=generator.device)
        order = random_orders(batch.shape[0], batch.shape[1], generator)
        return meiosis(batch, order.to(batch.device), int(split))

    def objective(self, features: int) -> GroupContrast:
        """Return the contrast of embeddings (2, P, Q, features), with a fresh projector."""
        return GroupContrast(GroupProjector(features, self.settings), self.settings.temperature)
