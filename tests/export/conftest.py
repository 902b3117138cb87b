"""A tiny trained-looking network with BatchNorm statistics of its own, its card, and windows to try it on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memhacl.export.card import ModelCard, Training
from memhacl.export.graph import DeployedGraph, build_graph
from memhacl.export.onnx_file import export_model
from memhacl.stream.spec import ModalitySpec, SignalSpec

TASKS = {"valence": ("low", "high"), "quadrant": ("LVLA", "LVHA", "HVLA", "HVHA")}


class TinyEncoder(nn.Module):
    """(B, C, T) -> (B, 6), with what real encoders have: convolutions over one image, BatchNorm, pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, (1, 9), (1, 2), (0, 4), bias=False), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 6, (3, 1), padding=(1, 0), bias=False), nn.BatchNorm2d(6), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip

    def forward(self, windows: Tensor) -> Tensor:
        self.calls += not torch.compiler.is_compiling()
        features: Tensor = self.layers(windows[:, None]).flatten(1)
        return features


class Network(nn.Module):
    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head


def tiny_networks(encoders: int) -> dict[str, nn.Module]:
    """Networks for both tasks with one shared encoder or two of their own, not in their initial state."""
    torch.manual_seed(3)
    made = [TinyEncoder() for _ in range(encoders)]
    networks: dict[str, nn.Module] = {}
    for number, (task, labels) in enumerate(TASKS.items()):
        head = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, len(labels))
        )
        networks[task] = Network(made[number % encoders], head)
    with torch.no_grad():
        for network in networks.values():  # BatchNorm statistics far from 0 and 1: eval mode must matter
            for _ in range(3):
                network.head(3 * network.encoder(5 * torch.randn(32, 4, 128) + 2))
    return networks


@pytest.fixture
def spec() -> SignalSpec:
    return SignalSpec(
        modalities=(
            ModalitySpec(modality="EEG", channels=("Fp1", "Cz", "Oz"), unit="uV", already_done=("bandpass",)),
            ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none"),
        )
    )


@pytest.fixture
def training() -> Training:
    return Training(
        source="simulated people",
        simulated=True,
        people=12,
        stimuli=10,
        method="me-mhacl",
        protocol="people and stimuli never seen",
        config_hash="0123abcd",
        created="2025-03-01T12:00:00+00:00",
        metrics={"valence.balanced_accuracy": 0.7, "valence.spearman": float("nan")},
        warnings=("trained on simulated people",),
    )


@pytest.fixture
def card(spec: SignalSpec, training: Training) -> ModelCard:
    return ModelCard(
        name="tiny", spec=spec, tasks=TASKS, temperature={"valence": 1.5, "quadrant": 0.7}, training=training
    )


@pytest.fixture
def windows() -> NDArray[np.float32]:
    """Windows (16, 4, 128) in the units of the spec: tens of uV around 0, some uS around 5."""
    random = np.random.default_rng(1)
    eeg, skin = 20 * random.standard_normal((16, 3, 128)), 5 + random.standard_normal((16, 1, 128))
    return np.concatenate([eeg, skin], axis=1).astype(np.float32)


MEAN, STD = np.array([0.5, -1.0, 2.0, 5.0]), np.array([20.0, 18.0, 25.0, 0.9])


@pytest.fixture
def graph(card: ModelCard) -> DeployedGraph:
    return build_graph(tiny_networks(1), MEAN, STD, card.temperature)


@pytest.fixture
def make_networks() -> Callable[[int], dict[str, nn.Module]]:
    return tiny_networks


@pytest.fixture
def exported(graph: DeployedGraph, card: ModelCard, windows: NDArray[np.float32], tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    export_model(graph, card, windows, path)
    return path
