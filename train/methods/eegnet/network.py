"""EEGNet's layers, written from Table 2 of the paper; see the method for the reference."""

from torch import Tensor, nn

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import SignalSpec
from memhacl.train.methods.eeg import eeg_rows
from memhacl.train.methods.eegnet.bounded import BoundedConv2d
from memhacl.train.methods.eegnet.settings import EegNetSettings

POOLS = (4, 8)  # samples that each block averages
SPATIAL_NORM = 1.0
CLASSIFIER_NORM = 0.25
_SECONDS = 0.5  # of either kernel in time: half the sampling rate, and 16 samples once 128 Hz are pooled to 32


class EegNetEncoder(nn.Module):
    """Windows (B, C, T) of ``spec``, of which it sees the rows of EEG → features (B, features).

    Filters in time, then across electrodes, then in time again on what is left, each filter for itself before all
    are mixed.
    """

    def __init__(self, settings: EegNetSettings, spec: SignalSpec):
        super().__init__()
        rows = eeg_rows(spec, "eegnet")
        self.first, self.last = rows.start, rows.stop
        filters, maps = settings.filters, settings.filters * settings.depth
        self.temporal = nn.Sequential(*_same(1, filters, _taps(spec.rate)), nn.BatchNorm2d(filters))
        electrodes = self.last - self.first
        self.spatial = nn.Sequential(
            BoundedConv2d(filters, maps, (electrodes, 1), SPATIAL_NORM, groups=filters),
            *_rest(maps, POOLS[0], settings.dropout),
        )
        self.separable = nn.Sequential(
            *_same(maps, maps, _taps(spec.rate / POOLS[0]), groups=maps),
            nn.Conv2d(maps, maps, 1, bias=False),
            *_rest(maps, POOLS[1], settings.dropout),
        )
        self.features = maps * averages(spec)

    def forward(self, windows: Tensor) -> Tensor:
        """Features (B, features) of windows (B, C, T)."""
        images = windows[:, self.first : self.last].unsqueeze(1)  # (B, 1, electrodes, T)
        filtered = self.spatial(self.temporal(images))  # (B, F1 D, 1, T / 4)
        maps: Tensor = self.separable(filtered)  # (B, F2, 1, T / 32)
        return maps.flatten(1)  # (B, features)


def averages(spec: SignalSpec) -> int:
    """Return how many averages in time are left of a window of ``spec``.

    Raises
    ------
    ConfigError
        None is.
    """
    least = POOLS[0] * POOLS[1]
    if spec.window_samples < least:
        raise ConfigError(
            f"method.name: 'eegnet' averages {POOLS[0]} x {POOLS[1]} samples: expected windows of {least} or "
            f"more, found {spec.window_samples}; raise signals.window or signals.rate"
        )
    return spec.window_samples // POOLS[0] // POOLS[1]


def _taps(rate: float) -> int:
    return max(1, round(_SECONDS * rate))


def _same(before: int, after: int, taps: int, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    """Return a convolution along time whose output is as long as its input, with the zeros that this takes."""
    padding = nn.ZeroPad2d(((taps - 1) // 2, taps // 2, 0, 0))
    return padding, nn.Conv2d(before, after, (1, taps), groups=groups, bias=False)


def _rest(maps: int, pool: int, dropout: float) -> tuple[nn.Module, ...]:
    """Return what follows the convolutions in either block."""
    return nn.BatchNorm2d(maps), nn.ELU(), nn.AvgPool2d((1, pool)), nn.Dropout(dropout)
