"""The method TSception: trained from scratch, from labels alone, on EEG alone.

Y. Ding, N. Robinson, S. Zhang, Q. Zeng and C. Guan, "TSception: capturing temporal dynamics and spatial
asymmetry from EEG for emotion recognition", IEEE Transactions on Affective Computing (2022), section 3. The
authors' code, which is for non-commercial use only, was not looked at.
"""

from typing import ClassVar

from torch import nn

from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.methods.contract import Method
from memhacl.train.methods.eeg import eeg_rows
from memhacl.train.methods.tsception.network import TsceptionEncoder, kernels
from memhacl.train.methods.tsception.pairs import pairs
from memhacl.train.methods.tsception.settings import BOUND, TsceptionSettings


class Tsception(Method):
    """No pretraining: what a network made for emotion in EEG reaches without it."""

    name: ClassVar[str] = "tsception"
    in_words: ClassVar[str] = (
        "TSception, a multi-scale convolutional network for EEG, trained on labels alone, from random weights."
    )
    Settings: ClassVar[type[Strict]] = TsceptionSettings
    pretrains: ClassVar[bool] = False
    bound: ClassVar[tuple[str, ...]] = BOUND

    settings: TsceptionSettings

    def __init__(self, settings: TsceptionSettings, spec: SignalSpec):
        super().__init__(settings, spec)
        eeg_rows(spec, self.name)
        pairs(spec.of("EEG").channels)
        kernels(spec)

    def encoder(self) -> TsceptionEncoder:
        """Return a fresh encoder (B, C, T) → (B, features)."""
        return TsceptionEncoder(self.settings, self.spec)

    def head(self, features: int, classes: int) -> nn.Module:
        """Return a fresh classifier (B, features) → (B, classes) of logits."""
        hidden = self.settings.hidden
        return nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(self.settings.dropout), nn.Linear(hidden, classes)
        )
