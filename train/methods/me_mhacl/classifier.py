"""The classifier on top of the encoder."""

from torch import Tensor, nn

from memhacl.train.methods.me_mhacl.settings import CLASSIFIER, NetworkSettings, scaled


class Classifier(nn.Module):
    """Features (B, features) → logits (B, classes) by layers of 256 and 128 units at width 1.0.

    With 512 features and four classes it has 165,508 parameters.
    """

    def __init__(self, features: int, classes: int, settings: NetworkSettings):
        super().__init__()
        first, second = (scaled(size, settings.width) for size in CLASSIFIER)
        self.layers = nn.Sequential(
            nn.Linear(features, first),
            nn.BatchNorm1d(first),
            nn.ReLU(inplace=True),
            nn.Linear(first, second),
            nn.BatchNorm1d(second),
            nn.ReLU(inplace=True),
            nn.Dropout(settings.dropout),
            nn.Linear(second, classes),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, classes) of features (B, features)."""
        logits: Tensor = self.layers(features)
        return logits
