"""The encoder: a ResNet18 whose kernels run along time or across channels of one window."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d

from memhacl.train.methods.me_mhacl.sensors import Sensors
from memhacl.train.methods.me_mhacl.settings import NetworkSettings, scaled

Pair = tuple[int, int]  # (across channels, along time)

_STEM = 64
_STEM_KERNEL = (1, 9)
_KERNELS: dict[str, Pair] = {"5x5": (5, 5), "5x1": (5, 1), "7x1": (7, 1), "1x7": (1, 7)}


@dataclass(frozen=True)
class _Stage:
    """Two residual blocks: kernels of their (first, second) convolutions, strides of the first block's."""

    channels: int
    kernels: tuple[tuple[Pair, Pair], tuple[Pair, Pair]]
    strides: tuple[Pair, Pair]


def _stages(settings: NetworkSettings) -> tuple[_Stage, ...]:
    last, sixth = _KERNELS[settings.last_kernel], _KERNELS[settings.block6_kernel]
    halve_both, halve_time = ((1, 2), (2, 1)), ((1, 2), (1, 1))
    return (
        _Stage(64, (((1, 15), (15, 1)), ((1, 15), (15, 1))), halve_both),
        _Stage(128, (((1, 11), (11, 1)), ((1, 11), (11, 1))), halve_both),
        _Stage(256, (((1, 7), (3, 1)), (sixth, (3, 1))), halve_time),
        _Stage(512, (((1, 3), last), ((1, 3), last)), halve_time),
    )


class Encoder(nn.Module):
    """Windows (B, C, T) of any C and T → features (B, ``features``), 512 at width 1.0.

    A window is one image of height C and width T: rows of all modalities share the kernels. At width 1.0 it has
    16,431,168 parameters whatever C and T are (5,945,408 with ``last_kernel`` 5x1).
    """

    def __init__(self, settings: NetworkSettings, sensors: Sensors | None = None):
        super().__init__()
        self.sensors = sensors
        stem = scaled(_STEM, settings.width)
        self.stem = nn.Sequential(
            _Convolution(1, stem, _STEM_KERNEL, (1, 2)),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d((1, 3), (1, 2), (0, 1)),
        )
        blocks: list[nn.Module] = []
        before = stem
        for stage in _stages(settings):
            after = scaled(stage.channels, settings.width)
            blocks.append(_Block(before, after, stage.kernels[0], stage.strides))
            blocks.append(_Block(after, after, stage.kernels[1], ((1, 1), (1, 1))))
            before = after
        self.blocks = nn.Sequential(*blocks)
        self.features = before

    def forward(self, windows: Tensor) -> Tensor:
        """Features (B, features) of windows (B, C, T)."""
        if self.sensors is not None:
            windows, _ = self.sensors(windows)
        # So strided, it is an image with channels last; unsqueeze(1) leaves that open, and the stem runs slower.
        images = windows.unsqueeze(3).permute(0, 3, 1, 2)  # (B, 1, C, T)
        maps: Tensor = self.blocks(self.stem(images))  # (B, features, about C/4, about T/64)
        return maps.mean((2, 3))  # (B, features)


class _Block(nn.Module):
    """A residual block; its shortcut is a 1x1 convolution where the shape changes."""

    def __init__(self, before: int, after: int, kernels: tuple[Pair, Pair], strides: tuple[Pair, Pair]):
        super().__init__()
        self.main = nn.Sequential(
            _Convolution(before, after, kernels[0], strides[0]),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            _Convolution(after, after, kernels[1], strides[1]),
            nn.BatchNorm2d(after),
        )
        stride = (strides[0][0] * strides[1][0], strides[0][1] * strides[1][1])
        self.shortcut: nn.Module = nn.Identity()
        if before != after or stride != (1, 1):
            self.shortcut = nn.Sequential(_Convolution(before, after, (1, 1), stride), nn.BatchNorm2d(after))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, after, C', T') of maps (B, before, C, T), where strides divide C and T."""
        return torch.relu(self.main(maps) + self.shortcut(maps))


class _Convolution(nn.Conv2d):
    """A convolution without bias whose output is as large as its input but for the stride."""

    def __init__(self, before: int, after: int, kernel: Pair, stride: Pair):
        super().__init__(before, after, kernel, stride, (kernel[0] // 2, kernel[1] // 2), bias=False)
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        # The layout, not the numbers: on CPUs long thin kernels run up to 1.5 times faster with channels last.
        self.weight.data = self.weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, after, C', T') of maps (B, before, C, T), where C' and T' are C and T over the strides."""
        if maps.shape[3] == 2 and min(self.kernel_size) > 1:  # the last stage, for windows of 128 samples
            return _on_two_columns(maps, self.weight)
        return super().forward(maps)


def _on_two_columns(maps: Tensor, weight: Tensor) -> Tensor:
    """Convolve maps (B, before, C, 2) with 2-D kernels by three 1-D ones: three tenths of the multiplications.

    Only a kernel's middle column m and its neighbours l and r meet data; the others only padding. The columns of
    the result are m a + r b and l a + m b, which is m (a + b) + (r - m) b and m (a + b) + (l - m) a.
    """
    middle, rows = weight.shape[3] // 2, weight.shape[2] // 2
    left, same, right = weight[..., middle - 1 : middle + 2].unbind(3)  # 3 x (after, before, kernel's C)
    first, second = maps.unbind(3)  # 2 x (B, before, C)
    shared = conv1d(first + second, same, padding=rows)  # (B, after, C)
    one = shared + conv1d(second, right - same, padding=rows)
    other = shared + conv1d(first, left - same, padding=rows)
    return torch.stack([one, other], dim=3).contiguous(memory_format=torch.channels_last)  # (B, after, C, 2)
