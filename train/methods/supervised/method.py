"""The supervised method: ME-MHACL's encoder and classifier, from scratch and from labels alone."""

from typing import ClassVar

from memhacl.stream.strict import Strict
from memhacl.train.methods.contract import Method
from memhacl.train.methods.me_mhacl.classifier import Classifier
from memhacl.train.methods.me_mhacl.encoder import Encoder
from memhacl.train.methods.me_mhacl.settings import NetworkSettings


class Supervised(Method):
    """No pretraining: what ME-MHACL's pretraining must beat, with the same networks."""

    name: ClassVar[str] = "supervised"
    Settings: ClassVar[type[Strict]] = NetworkSettings
    pretrains: ClassVar[bool] = False

    settings: NetworkSettings

    def __init__(self, settings: NetworkSettings, shape: tuple[int, int]):
        super().__init__(settings, shape)

    def encoder(self) -> Encoder:
        """Return a fresh encoder (B, C, T) → (B, features)."""
        return Encoder(self.settings)

    def head(self, features: int, classes: int) -> Classifier:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""
        return Classifier(features, classes, self.settings)
