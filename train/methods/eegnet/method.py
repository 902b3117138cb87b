"""The method EEGNet: trained from scratch, from labels alone, on EEG alone.

V. J. Lawhern, A. J. Solon, N. R. Waytowich, S. M. Gordon, C. P. Hung and B. J. Lance, "EEGNet: a compact
convolutional neural network for EEG-based brain-computer interfaces", Journal of Neural Engineering 15, 056013
(2018), section 2.2 and Table 2.
"""

from typing import ClassVar

from torch import nn

from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.methods.contract import Method
from memhacl.train.methods.eeg import eeg_rows
from memhacl.train.methods.eegnet.bounded import BoundedLinear
from memhacl.train.methods.eegnet.network import CLASSIFIER_NORM, EegNetEncoder, averages
from memhacl.train.methods.eegnet.settings import BOUND, EegNetSettings


class EegNet(Method):
    """No pretraining: what networks made for EEG reach without it."""

    name: ClassVar[str] = "eegnet"
    in_words: ClassVar[str] = (
        "EEGNet, a small convolutional network for EEG, trained on labels alone, from random weights."
    )
    Settings: ClassVar[type[Strict]] = EegNetSettings
    pretrains: ClassVar[bool] = False
    bound: ClassVar[tuple[str, ...]] = BOUND

    settings: EegNetSettings

    def __init__(self, settings: EegNetSettings, spec: SignalSpec):
        super().__init__(settings, spec)
        eeg_rows(spec, self.name)
        averages(spec)

    def encoder(self) -> EegNetEncoder:
        """Return a fresh encoder (B, C, T) → (B, features)."""
        return EegNetEncoder(self.settings, self.spec)

    def head(self, features: int, classes: int) -> nn.Module:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""
        return BoundedLinear(features, classes, CLASSIFIER_NORM)
