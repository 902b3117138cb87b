"""ME-MHACL as a method: group sampler, meiosis, encoder, group projector with attention, contrast, classifier."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.methods.contract import Clips, Method, Sampler
from memhacl.train.methods.me_mhacl.classifier import Classifier
from memhacl.train.methods.me_mhacl.contrast import GroupContrast
from memhacl.train.methods.me_mhacl.encoders import new_encoder
from memhacl.train.methods.me_mhacl.groups import apart, held_out, new_sampler
from memhacl.train.methods.me_mhacl.meiosis import meiosis, random_orders, split_bounds
from memhacl.train.methods.me_mhacl.projector import GroupProjector
from memhacl.train.methods.me_mhacl.settings import BOUND, MeMhaclSettings
from memhacl.train.methods.me_mhacl.transfer import fit_weights
from memhacl.train.methods.moving import moved


class MeMhacl(Method):
    """Contrastive pretraining on groups of people who saw the same clip, then a classifier on the encoder."""

    name: ClassVar[str] = "me-mhacl"
    in_words: ClassVar[str] = (
        "ME-MHACL. An encoder learns without labels to tell which groups of people watched the same second of a "
        "stimulus, from signals whose halves were exchanged between people (meiosis); then it and a classifier "
        "learn from labels."
    )
    Settings: ClassVar[type[Strict]] = MeMhaclSettings
    pretrains: ClassVar[bool] = True
    bound: ClassVar[tuple[str, ...]] = BOUND

    settings: MeMhaclSettings

    def __init__(self, settings: MeMhaclSettings, spec: SignalSpec):
        super().__init__(settings, spec)
        self._splits = split_bounds(spec.window_samples, settings.split)

    def encoder(self) -> nn.Module:
        """Return a fresh encoder (B, C, T) → (B, features)."""
        return new_encoder(self.settings, self.spec)

    def inherit(self, weights: Mapping[str, Tensor], spec: SignalSpec) -> dict[str, Tensor]:
        """Weights by name for this encoder out of those of one for signals of ``spec``."""
        return fit_weights(self.settings, weights, spec, self.spec)

    def head(self, features: int, classes: int) -> Classifier:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""
        return Classifier(features, classes, self.settings)

    def sampler(self, clips: Clips, seed: int) -> Sampler:
        """Return the sampler of row numbers (P, 2Q)."""
        return new_sampler(self.settings, clips, seed)

    def views(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Two homologous groups of every clip, (2, P, Q, C, T), from a minibatch (P, 2Q, C, T).

        One split for the whole minibatch: were there several, a network could tell groups apart by where they
        are cut. Without ``meiosis`` nobody is cut: the members go to either group at random.
        """
        if not self.settings.meiosis:
            return self._apart(batch, generator)
        return self._meiosis(batch, generator)

    def part(self, views: Tensor, rank: int, count: int) -> Tensor:
        """Return both groups of a share of the clips, (2, P / count, Q, C, T), of views (2, P, Q, C, T)."""
        return views.tensor_split(count, dim=1)[rank]

    def held_out_sampler(self, clips: Clips, seed: int) -> Sampler | None:
        """Return the sampler of validation row numbers (P, 2Q), its groups made as in training.

        Q is lower than in training where validation people are too few for it. None where no two people share
        two clips.
        """
        settings = held_out(self.settings, clips)
        return None if settings is None else new_sampler(settings, clips, seed, quiet=True)

    def held_out_views(self, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Two groups of every clip of a minibatch (P, 2Q, C, T), each (2, P, Q, C, T), with and without meiosis.

        After meiosis both groups hold complementary halves of the same recordings, so that a level which a
        recording has to itself gives the pair away: of noise with such levels in 35 channels the means alone,
        untrained, find 0.74 of the homologues among 8 clips, where chance is 1 in 15. ``apart`` is the figure
        that counts: different people in A and B and no meiosis. There the same means are at chance, and only what
        the clip evokes in both groups can help.
        """
        return {"meiosis": self._meiosis(batch, generator), "apart": self._apart(batch, generator)}

    def _meiosis(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        lowest, highest = self._splits
        split = torch.randint(lowest, highest + 1, (), generator=generator, device=generator.device)
        order = random_orders(batch.shape[0], batch.shape[1], generator)
        return meiosis(batch, moved(order, batch.device), split)

    def _apart(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        order = random_orders(batch.shape[0], batch.shape[1], generator)
        return apart(batch, moved(order, batch.device))

    def objective(self, features: int) -> GroupContrast:
        """Return the contrast of embeddings (2, P, Q, features), with a fresh projector."""
        return GroupContrast(GroupProjector(features, self.settings), self.settings.temperature)
