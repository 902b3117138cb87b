"""The supervised method: ME-MHACL's encoder and classifier, from scratch and from labels alone."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.methods.contract import Method
from memhacl.train.methods.me_mhacl.classifier import Classifier
from memhacl.train.methods.me_mhacl.encoders import new_encoder
from memhacl.train.methods.me_mhacl.settings import BOUND, NetworkSettings
from memhacl.train.methods.me_mhacl.transfer import fit_weights


class Supervised(Method):
    """No pretraining: what ME-MHACL's pretraining must beat, with the same networks."""

    name: ClassVar[str] = "supervised"
    in_words: ClassVar[str] = "One network trained on labels alone, from random weights."
    Settings: ClassVar[type[Strict]] = NetworkSettings
    pretrains: ClassVar[bool] = False
    bound: ClassVar[tuple[str, ...]] = BOUND

    settings: NetworkSettings

    def __init__(self, settings: NetworkSettings, spec: SignalSpec):
        super().__init__(settings, spec)

    def encoder(self) -> nn.Module:
        """Return a fresh encoder (B, C, T) → (B, features)."""
        return new_encoder(self.settings, self.spec)

    def inherit(self, weights: Mapping[str, Tensor], spec: SignalSpec) -> dict[str, Tensor]:
        """Weights by name for this encoder out of those of one for signals of ``spec``."""
        return fit_weights(self.settings, weights, spec, self.spec)

    def head(self, features: int, classes: int) -> Classifier:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""
        return Classifier(features, classes, self.settings)
