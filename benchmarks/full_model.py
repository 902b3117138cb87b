"""A model of the paper's size with random weights: for speed and memory its weights do not matter."""

from pathlib import Path

import numpy as np
import torch

from memhacl.export.card import ModelCard, Training
from memhacl.export.graph import build_graph
from memhacl.export.onnx_file import export_model
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import read_yaml
from memhacl.train.methods.registry import build_method

TASKS = {
    "valence": ("low", "high"),
    "arousal": ("low", "high"),
    "quadrant": ("LVLA", "LVHA", "HVLA", "HVHA"),
}


class Network(torch.nn.Module):
    """An encoder and a head."""

    def __init__(self, encoder: torch.nn.Module, head: torch.nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head


def full_spec() -> SignalSpec:
    """The 36 rows of configs/deap.yaml on raw streams, with the rolling baseline."""
    values = read_yaml(Path("configs/deap.yaml"))["signals"]
    for modality in values["modalities"]:
        modality["baseline"] = "rolling"
    return SignalSpec.parse(values, "configs/deap.yaml")


def write_full_model(path: Path, width: float = 1.0, kind: str = "resnet18-1d") -> None:
    """Write one encoder of a ``kind`` and ``width`` with three heads as a model file."""
    torch.manual_seed(0)
    spec = full_spec()
    method = build_method("me-mhacl", {"width": width, "encoder": kind}, spec)
    encoder = method.encoder()
    networks = {
        task: Network(encoder, method.head(encoder.features, len(labels))) for task, labels in TASKS.items()
    }
    channels = spec.shape[0]
    ones = dict.fromkeys(TASKS, 1.0)
    training = Training(
        source="none (random weights)", simulated=True, people=1, stimuli=1, method="me-mhacl", protocol="none",
        config_hash="none", created="2026-01-01", metrics={}, warnings=(),
    )  # fmt: skip
    card = ModelCard(name=f"random-{width}", spec=spec, tasks=TASKS, temperature=ones, training=training)
    windows = np.random.default_rng(0).normal(size=(8, *spec.shape)).astype(np.float32)
    graph = build_graph(networks, np.zeros(channels), np.ones(channels), ones)
    export_model(graph, card, windows, path)
