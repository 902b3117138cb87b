"""The stem of one modality: filters across channels and time, and the power of what they pass, as a token."""

import torch
from torch import Tensor, nn

from memhacl.train.methods.me_mhacl.settings import NetworkSettings, scaled

_FILTERS = 128  # temporal ones at width 1.0
_DEPTH = 2  # spatial ones for each temporal one
_SECONDS = 0.5  # of a temporal kernel
PARTS = 2  # of a window, each described by itself
_FLOOR = 1e-6


class Stem(nn.Module):
    """Rows of one modality (B, C, T), T at ``rate`` Hz → its token (B, features).

    A temporal and a depthwise spatial convolution, as in EEGNet (Lawhern et al. 2018); of each of their courses
    the logarithm of its power in each half of the window, as in the network of Schirrmeister et al. (2017), for
    band power is what EEG shows states in. With ``level`` also each row's mean in each half.
    """

    def __init__(self, channels: int, rate: float, features: int, settings: NetworkSettings, level: bool):
        super().__init__()
        filters = scaled(_FILTERS, settings.width)
        courses = filters * _DEPTH
        self.spatial = nn.Conv1d(channels, courses, 1, bias=False)
        if channels == 1:  # nothing to learn: a scale would vanish in the norm behind
            nn.init.ones_(self.spatial.weight).requires_grad_(False)
        self.temporal = Filters(filters, _odd(_SECONDS * rate))
        self.norm = nn.BatchNorm1d(courses, affine=False)  # a scale would vanish in the norm of the logarithm
        self.power_norm = nn.BatchNorm1d(PARTS * courses)
        self.dropout = nn.Dropout(settings.dropout)
        self.token = nn.Linear(PARTS * courses, features)
        self.level = nn.Linear(PARTS * channels, features, bias=False) if level else None

    def forward(self, rows: Tensor) -> Tensor:
        """Token (B, features) of rows (B, C, T)."""
        # Filters across channels and along time commute: in this order they cost a tenth.
        courses = self.norm(self.temporal(self.spatial(rows)))  # (B, courses, T)
        power = _means(courses.square()).clamp(min=_FLOOR).log()  # (B, 2 courses)
        token: Tensor = self.token(self.dropout(self.power_norm(power)))
        return token if self.level is None else token + self.level(_means(rows))


def _means(maps: Tensor) -> Tensor:
    """Mean over time in each half of maps (B, n, T), as (B, 2 n)."""
    return torch.cat([part.mean(dim=2) for part in maps.tensor_split(PARTS, dim=2)], dim=1)


class Filters(nn.Module):
    """``count`` filters of ``taps`` (odd) samples along time: maps (B, n, T) → the same, n a multiple of count.

    Each filter serves n / ``count`` neighbouring maps; ends are padded with zeros. Multiplying by banded matrices
    takes, on CPUs, a fifth of the time of a grouped convolution with such long kernels.
    """

    def __init__(self, count: int, taps: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, taps).uniform_(-(taps**-0.5), taps**-0.5))

    def forward(self, maps: Tensor) -> Tensor:
        """Filtered maps (B, n, T) of maps (B, n, T)."""
        count, taps = self.weight.shape
        batch, number, samples = maps.shape
        time = torch.arange(samples, device=maps.device)
        tap = time[:, None] - time[None, :] + taps // 2  # (T of the input, T of the output)
        inside = (tap >= 0) & (tap < taps)
        band = torch.where(inside, self.weight[:, tap.clamp(0, taps - 1)], 0.0)  # (count, T, T)
        # The batch keeps an axis of its own, so that torch.export sees it stay free.
        grouped = maps.transpose(0, 1).reshape(count, number // count, batch, samples).flatten(1, 2)
        filtered = torch.bmm(grouped, band).reshape(count, number // count, batch, samples)
        return filtered.flatten(0, 1).transpose(0, 1)  # (B, n, T)


def _odd(samples: float) -> int:
    """Return the odd number next to ``samples``: with it the output is centred on the input."""
    return int(samples) // 2 * 2 + 1
