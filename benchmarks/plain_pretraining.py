"""ME-MHACL's pretraining as one writes it from the paper: what `benchmarks.pretrain_cpu` is measured beside.

A torch DataLoader over clips, meiosis in numpy item by item in its collate function, a network of `nn.Conv2d` in
layout that torch gives it, Adam as it comes. Weight by weight it is memhacl's network, in the same order.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.utils.data import DataLoader, Dataset

Windows = NDArray[np.float32]
Pair = tuple[int, int]  # (across channels, along time)

# channels; kernels of the four convolutions; strides of the first two
STAGES: tuple[tuple[int, tuple[Pair, Pair, Pair, Pair], tuple[Pair, Pair]], ...] = (
    (64, ((1, 15), (15, 1), (1, 15), (15, 1)), ((1, 2), (2, 1))),
    (128, ((1, 11), (11, 1), (1, 11), (11, 1)), ((1, 2), (2, 1))),
    (256, ((1, 7), (3, 1), (7, 1), (3, 1)), ((1, 2), (1, 1))),
    (512, ((1, 3), (5, 5), (1, 3), (5, 5)), ((1, 2), (1, 1))),
)
HEADS = 8


class Clips(Dataset[Windows]):
    """Windows (clips, people, C, T); an item is a clip as everybody saw it, (people, C, T)."""

    def __init__(self, windows: Windows):
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, clip: int) -> Windows:
        item: Windows = self.windows[clip]
        return item


class Meiosis:
    """P clips (people, C, T) → two homologous groups of each, (2, P, Q, C, T): the collate function."""

    def __init__(self, members: int, seed: int):
        self.members = members
        self.random = np.random.default_rng(seed)

    def __call__(self, clips: Sequence[Windows]) -> Tensor:
        """Views (2, P, Q, C, T) of P clips, of the same people and with the same split."""
        people = self.random.permutation(len(clips[0]))[: 2 * self.members]
        split = int(self.random.integers(2, clips[0].shape[-1] - 1))
        first: list[Windows] = []
        second: list[Windows] = []
        for clip in clips:
            groups = self._cross(clip[people], split)
            first.append(groups[0])
            second.append(groups[1])
        return torch.from_numpy(np.stack([np.stack(first), np.stack(second)]))

    def _cross(self, clip: Windows, split: int) -> tuple[Windows, Windows]:
        """Two groups (Q, C, T) of a clip (2Q, C, T): pairs exchange their first ``split`` samples."""
        one: list[Windows] = []
        other: list[Windows] = []
        for k in range(self.members):
            a, b = clip[k], clip[k + self.members]
            one.append(np.concatenate([b[:, :split], a[:, split:]], axis=1))
            other.append(np.concatenate([a[:, :split], b[:, split:]], axis=1))
        return np.stack(one), np.stack(other)


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, before: int, after: int, kernels: tuple[Pair, Pair], strides: tuple[Pair, Pair]):
        super().__init__()
        self.first = convolution(before, after, kernels[0], strides[0])
        self.first_norm = nn.BatchNorm2d(after)
        self.second = convolution(after, after, kernels[1], strides[1])
        self.second_norm = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        stride = (strides[0][0] * strides[1][0], strides[0][1] * strides[1][1])
        if stride != (1, 1):
            down = nn.Conv2d(before, after, 1, stride, bias=False)
            self.shortcut = nn.Sequential(down, nn.BatchNorm2d(after))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, after, C', T') of maps (B, before, C, T)."""
        out = torch.relu(self.first_norm(self.first(maps)))
        out = self.second_norm(self.second(out))
        return torch.relu(out + self.shortcut(maps))


def convolution(before: int, after: int, kernel: Pair, stride: Pair) -> nn.Conv2d:
    """Return a convolution padded so that the output is as large as the input but for the stride."""
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Conv2d(before, after, kernel, stride, padding, bias=False)


class Network(nn.Module):
    """Views (2, P, Q, C, T) → the loss: encoder, group projector with attention, NT-Xent."""

    def __init__(self, width: float = 1.0, dropout: float = 0.5, temperature: float = 0.1):
        super().__init__()
        self.temperature = temperature
        before = int(64 * width)
        stem = convolution(1, before, (1, 9), (1, 2))
        pool = nn.MaxPool2d((1, 3), (1, 2), (0, 1))
        layers: list[nn.Module] = [stem, nn.BatchNorm2d(before), nn.ReLU(), pool]
        for size, kernels, strides in STAGES:
            after = int(size * width)
            layers.append(Block(before, after, kernels[:2], strides))
            layers.append(Block(after, after, kernels[2:], ((1, 1), (1, 1))))
            before = after
        self.encoder = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        first, second, third = (int(size * width) for size in (1024, 2048, 4096))
        self.projector = nn.Sequential(
            nn.Linear(before, first), nn.BatchNorm1d(first), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(first, second), nn.BatchNorm1d(second), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(second, third),
        )  # fmt: skip
        self.attention = nn.MultiheadAttention(third, HEADS, batch_first=True)

    def forward(self, views: Tensor) -> Tensor:
        """Loss of views (2, P, Q, C, T)."""
        _, clips, members, channels, samples = views.shape
        features = self.encoder(views.reshape(-1, 1, channels, samples))  # (2 P Q, 512)
        tokens = self.projector(features).reshape(2 * clips, members, -1)  # (2P, Q, 4096)
        tokens, _ = self.attention(tokens, tokens, tokens)
        groups = normalize(tokens.max(dim=1).values, dim=1)  # (2P, 4096)
        similarity = groups @ groups.T / self.temperature  # (2P, 2P)
        similarity.fill_diagonal_(float("-inf"))
        homologue = (torch.arange(2 * clips) + clips) % (2 * clips)
        return cross_entropy(similarity, homologue)


def train(windows: Windows, clips: int, members: int, seed: int) -> Iterator[float]:
    """Train a network on windows (clips, people, C, T) without end; yield the loss after each step."""
    torch.manual_seed(seed)
    network = Network().train()
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    loader = DataLoader(
        Clips(windows), batch_size=clips, shuffle=True, drop_last=True, collate_fn=Meiosis(members, seed)
    )
    while True:
        for views in loader:
            loss = network(views)
            adam.zero_grad()
            loss.backward()
            adam.step()
            yield loss.item()
