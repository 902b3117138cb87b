from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from memhacl.export.card import ModelCard
from memhacl.export.graph import build_graph
from memhacl.stream.errors import ModelError

Networks = Callable[[int], dict[str, nn.Module]]
MEAN, STD = np.array([0.5, -1.0, 2.0, 5.0]), np.array([20.0, 18.0, 25.0, 0.9])


@pytest.mark.parametrize("encoders", [1, 2])
def test_probabilities_are_the_networks_on_scaled_windows_at_temperature(
    make_networks: Networks, card: ModelCard, windows: NDArray[np.float32], encoders: int
) -> None:
    networks = make_networks(encoders)
    graph = build_graph(networks, MEAN, STD, card.temperature)
    with torch.inference_mode():
        found = dict(zip(graph.tasks, graph(torch.from_numpy(windows)), strict=True))
        scaled = torch.from_numpy(((windows - MEAN[:, None]) / STD[:, None]).astype(np.float32))
        for task, network in networks.items():
            logits = network.head(network.encoder(scaled)).numpy().astype(np.float64) / card.temperature[task]
            wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(found[task].numpy(), wanted, atol=1e-5)


def test_shared_encoder_is_evaluated_once(make_networks: Networks, card: ModelCard) -> None:
    networks = make_networks(1)
    encoder = networks["valence"].encoder
    encoder.calls = 0
    graph = build_graph(networks, MEAN, STD, card.temperature)
    graph(torch.zeros(2, 4, 128))
    assert encoder.calls == 1
    assert len(graph.encoders) == 1
    assert len(build_graph(make_networks(2), MEAN, STD, card.temperature).encoders) == 2


def test_channel_that_never_moved_gives_finite_probabilities(make_networks: Networks, card: ModelCard) -> None:
    graph = build_graph(make_networks(1), MEAN, [0.0, 1.0, 1.0, 1.0], card.temperature)
    still = torch.from_numpy(np.broadcast_to(MEAN.astype(np.float32)[:, None], (2, 4, 128)).copy())
    assert all(torch.isfinite(output).all() for output in graph(still))


@pytest.mark.parametrize(
    ("mean", "std"),
    [(MEAN, STD[:3]), (MEAN, np.full(4, np.nan)), (MEAN, -STD), (MEAN[None], STD[None])],
)
def test_unfit_scaling_is_refused(
    make_networks: Networks, card: ModelCard, mean: NDArray[np.float64], std: NDArray[np.float64]
) -> None:
    with pytest.raises(ModelError, match="scaling: expected"):
        build_graph(make_networks(1), mean, std, card.temperature)


def test_missing_temperature_and_missing_head_are_refused(make_networks: Networks, card: ModelCard) -> None:
    with pytest.raises(ModelError, match="expected a temperature for each"):
        build_graph(make_networks(1), MEAN, STD, {"valence": 1.0})
    with pytest.raises(ModelError, match="'valence': expected a module 'encoder'"):
        build_graph({"valence": nn.Linear(1, 1)}, MEAN, STD, {"valence": 1.0})
