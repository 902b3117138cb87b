"""The group projector: features of a group's members → one vector, whatever the members' order."""

from torch import Tensor, nn

from memhacl.train.methods.me_mhacl.settings import PROJECTOR, MeMhaclSettings, scaled


class GroupProjector(nn.Module):
    """Members (N, Q, features) → groups (N, ``size``), 4096 at width 1.0; used in pretraining alone.

    Three fully connected layers for each member by itself, attention among the members of a group (equations
    5-7; the members are its tokens), then the maximum over them (equation 8). At width 1.0 the layers have
    11,023,360 parameters and the attention 67,125,248.
    """

    def __init__(self, features: int, settings: MeMhaclSettings):
        super().__init__()
        first, second, self.size = (scaled(size, settings.width) for size in PROJECTOR)
        self.layers = nn.Sequential(
            *_layer(features, first, settings.dropout),
            *_layer(first, second, settings.dropout),
            nn.Linear(second, self.size),
        )
        self.attention = (
            nn.MultiheadAttention(self.size, settings.heads, batch_first=True) if settings.attention else None
        )

    def forward(self, members: Tensor) -> Tensor:
        """Groups (N, size) of members (N, Q, features)."""
        groups, size = members.shape[:2]
        tokens: Tensor = self.layers(members.flatten(0, 1))  # (N Q, features) -> (N Q, size)
        tokens = tokens.reshape(groups, size, self.size)  # (N, Q, size); -1 for a size would fail without groups
        if self.attention is not None:
            # With the weights asked for, torch multiplies small matrices; its fused attention is made for long
            # sequences and takes longer over a group's few members.
            tokens, _ = self.attention(tokens, tokens, tokens, need_weights=True)
        return tokens.amax(dim=1)  # (N, size)


def _layer(before: int, after: int, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(inplace=True), nn.Dropout(dropout)
