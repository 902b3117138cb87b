"""A model of random weights with what it takes to do without modalities: the attention encoder."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from memhacl.export.card import ModelCard, Training
from memhacl.export.graph import DeployedGraph, build_graph
from memhacl.export.onnx_file import export_model
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.methods.registry import build_method

TASKS = {"valence": ("low", "high"), "arousal": ("low", "high")}


class Network(nn.Module):
    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head


def three(**eeg: object) -> SignalSpec:
    """Two electrodes, skin conductance and temperature at 128 Hz; ``eeg`` says more of the first."""
    channels = {"EEG": ("Cz", "Oz"), "GSR": ("GSR",), "Temp": ("Temp",)}
    units = {"EEG": "uV", "GSR": "uS", "Temp": "degC"}
    parts = {name: {"modality": name, "channels": labels, "baseline": "none"} for name, labels in channels.items()}
    parts["EEG"] |= eeg
    return SignalSpec(modalities=tuple(ModalitySpec(unit=units[name], **part) for name, part in parts.items()))


def card_of(spec: SignalSpec, absent_ok: tuple[str, ...]) -> ModelCard:
    training = Training(
        source="none (random weights)", simulated=True, people=1, stimuli=1, method="me-mhacl", protocol="none",
        config_hash="none", created="2026-01-01",
    )  # fmt: skip
    ones = dict.fromkeys(TASKS, 1.0)
    return ModelCard(
        name="random", spec=spec, tasks=TASKS, temperature=ones, training=training, absent_ok=absent_ok
    )


def graph_of(spec: SignalSpec, encoder: str = "attention") -> DeployedGraph:
    """A graph whose answers depend on every modality."""
    torch.manual_seed(0)
    method = build_method("me-mhacl", {"encoder": encoder, "width": 0.125, "modality_dropout": 0.2}, spec)
    shared = method.encoder()
    networks = {task: Network(shared, method.head(shared.features, len(labels))) for task, labels in TASKS.items()}
    mean, std = np.linspace(-1, 1, spec.shape[0]), np.linspace(0.5, 2, spec.shape[0])
    return build_graph(networks, mean, std, dict.fromkeys(TASKS, 0.05))


def windows_of(spec: SignalSpec, count: int = 8) -> NDArray[np.float32]:
    """Windows (count, channels, samples) of noise."""
    return np.random.default_rng(0).normal(size=(count, *spec.shape)).astype(np.float32)


def write_tolerant(path: Path, spec: SignalSpec, spared: bool = True) -> Path:
    """Write the model; with ``spared`` its card says that it can do without any of its modalities."""
    export_model(graph_of(spec), card_of(spec, tuple(spec.rows) if spared else ()), windows_of(spec), path)
    return path
