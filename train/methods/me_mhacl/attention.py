"""The second encoder: a compact stem for each modality, then attention across the modalities that are there."""

import torch
from torch import Tensor, nn

from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.methods.me_mhacl.sensors import Sensors
from memhacl.train.methods.me_mhacl.settings import NetworkSettings, scaled
from memhacl.train.methods.me_mhacl.stem import Stem

_FEATURES = 512  # at width 1.0, as many as the paper's encoder gives
_HEADS = 8


class AttentionEncoder(nn.Module):
    """Windows (B, C, T) of known modalities → features (B, ``features``), 512 at width 1.0.

    Each modality's stem makes a token; tokens attend to those of the modalities that are there (8 heads), and a
    learned query gathers them.
    """

    def __init__(self, settings: NetworkSettings, spec: SignalSpec, sensors: Sensors):
        super().__init__()
        self.sensors = sensors
        self.features = scaled(_FEATURES, settings.width)
        self.stems = nn.ModuleList(
            Stem(len(one.channels), spec.rate, self.features, settings, has_level(one)) for one in spec.modalities
        )
        self.places = nn.Parameter(0.02 * torch.randn(len(sensors.sizes), self.features))
        self.query = nn.Parameter(0.02 * torch.randn(1, self.features))
        self.across = Attention(self.features)
        self.gather = Attention(self.features)
        self.norm = nn.LayerNorm(self.features)

    def forward(self, windows: Tensor) -> Tensor:
        """Features (B, features) of windows (B, C, T)."""
        features, _ = self.attend(windows)
        return features

    def attend(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, features) and the weight of each modality for each head, (B, 8, M); rows sum to 1."""
        filled, there = self.sensors.masked(windows)
        parts = torch.split(filled, self.sensors.sizes, dim=1)
        tokens = torch.stack([stem(part) for stem, part in zip(self.stems, parts, strict=True)], dim=1)
        tokens = tokens + self.places  # (B, M, features)
        mixed, _ = self.across(tokens, tokens, there)
        tokens = self.norm(tokens + mixed)
        query = self.query.expand(len(tokens), 1, -1)  # (B, 1, features)
        gathered, weights = self.gather(query, tokens, there)
        return gathered.squeeze(1), weights.squeeze(2)  # (B, features), (B, 8, M)


def has_level(modality: ModalitySpec) -> bool:
    """Whether the mean of a window of ``modality`` says anything: no filter has taken it away."""
    band = modality.conditioning.band
    return band is None or band[0] == 0


class Attention(nn.Module):
    """Scaled dot-product attention with 8 heads (equations 5 to 7) over keys of which some are not there."""

    def __init__(self, features: int):
        super().__init__()
        self.queries = nn.Linear(features, features)
        self.keys = nn.Linear(features, features)
        self.values = nn.Linear(features, features)
        self.output = nn.Linear(features, features)

    def forward(self, asking: Tensor, asked: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Answers (B, N, features) to ``asking`` (B, N, features), and weights (B, 8, N, M) over ``asked``.

        ``asked`` is (B, M, features) and ``there`` (B, M): what is not there weighs nothing. Where nothing is
        there all weigh the same.
        """
        query, key, value = (
            _heads(layer(tokens))
            for layer, tokens in ((self.queries, asking), (self.keys, asked), (self.values, asked))
        )  # (B, 8, N or M, features / 8)
        scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5  # (B, 8, N, M)
        lowest = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(~there[:, None, None, :], lowest).softmax(dim=3)
        answers = (weights @ value).transpose(1, 2).flatten(2)  # (B, N, features)
        out: Tensor = self.output(answers)
        return out, weights


def _heads(tokens: Tensor) -> Tensor:
    """Tokens (B, N, features) as (B, 8, N, features / 8)."""
    return tokens.reshape(*tokens.shape[:2], _HEADS, -1).transpose(1, 2)
