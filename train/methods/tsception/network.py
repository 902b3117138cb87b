"""TSception's layers, written from the paper's description; see the method for the reference."""

import torch
from torch import Tensor, nn

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import SignalSpec
from memhacl.train.methods.eeg import eeg_rows
from memhacl.train.methods.tsception.pairs import pairs
from memhacl.train.methods.tsception.settings import TsceptionSettings

SECONDS = (0.5, 0.25, 0.125)  # of the kernels in time
POOLS = (8, 2, 4)  # samples that the filters in time, those across channels and their fusion average
_REGIONS = 3  # both hemispheres, the left and the right one
_FLOOR = 1e-6


class TsceptionEncoder(nn.Module):
    """Windows (B, C, T) of ``spec``, of which it sees pairs of electrodes → features (B, features).

    Filters in time of three lengths; then across all electrodes, and across one hemisphere's, the same for the
    left and the right; then across these three.
    """

    def __init__(self, settings: TsceptionSettings, spec: SignalSpec):
        super().__init__()
        first = eeg_rows(spec, "tsception").start
        found = pairs(spec.of("EEG").channels)
        self.order = [first + pair[side] for side in (0, 1) for pair in found]  # left ones, then their partners
        before, after = settings.temporal, settings.spatial
        taps = kernels(spec)
        self.temporal = nn.ModuleList(
            nn.Sequential(nn.Conv2d(1, before, (1, length)), *_pooled(settings, POOLS[0])) for length in taps
        )
        self.temporal_norm = nn.BatchNorm2d(before)
        half = len(found)
        self.whole = _across(before, after, (2 * half, 1), POOLS[1])
        self.hemispheres = _across(before, after, (half, 1), POOLS[1], stride=(half, 1))
        self.spatial_norm = nn.BatchNorm2d(after)
        self.fusion = _across(after, after, (_REGIONS, 1), POOLS[2])
        self.fusion_norm = nn.BatchNorm2d(after)
        self.features = after

    def forward(self, windows: Tensor) -> Tensor:
        """Features (B, features) of windows (B, C, T)."""
        images = windows[:, self.order].unsqueeze(1)  # (B, 1, electrodes, T)
        filtered = torch.cat([scale(images) for scale in self.temporal], dim=3)  # (B, temporal, electrodes, T')
        filtered = self.temporal_norm(filtered)
        regions = torch.cat([self.whole(filtered), self.hemispheres(filtered)], dim=2)  # (B, spatial, 3, T'/2)
        fused: Tensor = self.fusion_norm(self.fusion(self.spatial_norm(regions)))  # (B, spatial, 1, T'/8)
        return fused.mean((2, 3))  # (B, features)


def kernels(spec: SignalSpec) -> list[int]:
    """Return how many samples of a window of ``spec`` the kernels in time span, the longest first.

    Raises
    ------
    ConfigError
        Nothing is left of a window after them and the averages.
    """
    taps = [max(1, round(seconds * spec.rate)) for seconds in SECONDS]
    left = [max(0, spec.window_samples - length + 1) // POOLS[0] for length in taps]
    if not all(left) or sum(left) < POOLS[1] * POOLS[2]:
        raise ConfigError(
            f"method.name: 'tsception': expected windows long enough for its kernels ({taps[0]} samples) and "
            f"averages, found {spec.window_samples} samples; raise signals.window or signals.rate"
        )
    return taps


class Power(nn.Module):
    """Logarithm of the mean square of every ``pool`` samples: maps (B, n, C, T) → (B, n, C, T / pool)."""

    def __init__(self, pool: int):
        super().__init__()
        self.mean = nn.AvgPool2d((1, pool))

    def forward(self, maps: Tensor) -> Tensor:
        """Log power (B, n, C, T / pool) of maps (B, n, C, T)."""
        power: Tensor = self.mean(maps.square())
        return power.clamp(min=_FLOOR).log()


def _pooled(settings: TsceptionSettings, pool: int) -> tuple[nn.Module, ...]:
    return (Power(pool),) if settings.activation == "power" else (nn.LeakyReLU(), nn.AvgPool2d((1, pool)))


def _across(
    before: int, after: int, kernel: tuple[int, int], pool: int, stride: tuple[int, int] = (1, 1)
) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride), nn.LeakyReLU(), nn.AvgPool2d((1, pool)))
