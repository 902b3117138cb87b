"""EEGNet: the paper's sizes and norms, what it computes, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from plugins.montage import eeg_of, four_of
from torch import nn

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.methods.eegnet.bounded import BoundedConv2d, BoundedLinear
from memhacl.train.methods.registry import build_method

Floats = NDArray[np.float64]


def eeg_at(channels: int, rate: float, window: float) -> SignalSpec:
    spec = eeg_of((channels, round(rate)))
    return spec.model_copy(update={"window": window})


def parameters(spec: SignalSpec, classes: int, **sizes: int) -> int:
    method = build_method("eegnet", sizes, spec)
    encoder = method.encoder()
    head = method.head(int(encoder.features), classes)  # type: ignore[arg-type]
    return sum(weight.numel() for weight in [*encoder.parameters(), *head.parameters()])


def test_it_has_the_parameters_that_the_paper_publishes() -> None:
    assert parameters(eeg_at(64, 128, 1.0), 2) == 2258  # Table 3, EEGNet-8,2: P300
    assert parameters(eeg_at(64, 128, 1.5), 2) == 2322  # MRCP
    assert parameters(eeg_at(64, 128, 1.0), 2, filters=4) == 1066  # EEGNet-4,2: P300


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 40),
    st.sampled_from([64, 128, 200, 256]),
    st.integers(2, 5),
    st.integers(1, 9),
    st.integers(1, 3),
)
def test_its_size_is_that_of_table_2(channels: int, rate: int, classes: int, filters: int, depth: int) -> None:
    maps, samples = filters * depth, rate  # F2 = D F1
    first = filters * round(rate / 2) + 2 * filters + channels * maps + 2 * maps
    second = maps * round(rate / 8) + maps * maps + 2 * maps
    dense = classes * maps * (samples // 4 // 8) + classes
    assert parameters(eeg_of((channels, rate)), classes, filters=filters, depth=depth) == first + second + dense


def along_time(signal: Floats, kernel: Floats) -> Floats:
    """Correlate (samples,) with a kernel of n taps between (n - 1) // 2 zeros before and n // 2 behind."""
    padded = np.concatenate([np.zeros((len(kernel) - 1) // 2), signal, np.zeros(len(kernel) // 2)])
    return np.array([padded[place : place + len(kernel)] @ kernel for place in range(len(signal))])


def normalised(maps: Floats, norm: nn.Module) -> Floats:
    """What a batch norm makes of maps (n, ...) by its running statistics."""
    mean, variance, weight, bias = (
        getattr(norm, name).detach().double().numpy().reshape(-1, *[1] * (maps.ndim - 1))
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    return np.asarray((maps - mean) / np.sqrt(variance + norm.eps) * weight + bias)


def elu_then_average(maps: Floats, pool: int) -> Floats:
    bent = np.where(maps > 0, maps, np.expm1(np.minimum(maps, 0)))
    whole = bent.shape[-1] // pool * pool
    return np.asarray(bent[..., :whole].reshape(*bent.shape[:-1], -1, pool).mean(axis=-1))


def test_it_computes_what_table_2_says() -> None:
    torch.manual_seed(0)
    encoder = build_method("eegnet", {"filters": 3, "depth": 2}, eeg_of((4, 64))).encoder()
    encoder(torch.randn(64, 4, 64) * 3 + 1)  # running statistics other than the first
    for norm in (each for each in encoder.modules() if isinstance(each, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    encoder.eval()
    window = torch.randn(4, 64)
    weights = {name: value.double().numpy() for name, value in encoder.state_dict().items()}
    signals = window.double().numpy()
    temporal = np.array(
        [[along_time(row, kernel[0, 0]) for row in signals] for kernel in weights["temporal.1.weight"]]
    )
    temporal = normalised(temporal, encoder.temporal[2])  # (3, 4, 64)
    spatial = np.array([weights["spatial.0.weight"][k, 0, :, 0] @ temporal[k // 2] for k in range(6)])  # (6, 64)
    first = elu_then_average(normalised(spatial, encoder.spatial[1]), 4)  # (6, 16)
    apart = np.array([along_time(row, weights["separable.1.weight"][k, 0, 0]) for k, row in enumerate(first)])
    mixed = weights["separable.2.weight"][:, :, 0, 0] @ apart
    second = elu_then_average(normalised(mixed, encoder.separable[3]), 8)  # (6, 2)
    with torch.inference_mode():
        found = encoder(window[None])[0].numpy()
    np.testing.assert_allclose(found, second.ravel(), atol=1e-4)


def norms(method_seed: int, lr: float) -> tuple[list[float], list[float]]:
    """Norms of the spatial filters and of the classes' weights after some steps of a plain loop."""
    torch.manual_seed(method_seed)
    method = build_method("eegnet", {}, eeg_of((6, 64)))
    encoder = method.encoder()
    network = nn.Sequential(encoder, method.head(int(encoder.features), 3))  # type: ignore[arg-type]
    adam = torch.optim.Adam(network.parameters(), lr=lr)
    for _ in range(5):
        network.train()
        loss = nn.functional.cross_entropy(network(torch.randn(16, 6, 64)), torch.arange(16) % 3)
        adam.zero_grad()
        loss.backward()
        adam.step()
    network.eval()
    (filters,) = (each for each in network.modules() if isinstance(each, BoundedConv2d))
    (dense,) = (each for each in network.modules() if isinstance(each, BoundedLinear))
    return filters.weight.flatten(1).norm(dim=1).tolist(), dense.weight.norm(dim=1).tolist()


def test_a_plain_loop_keeps_weights_within_the_papers_norms() -> None:
    filters, classes = norms(0, lr=1.0)
    assert max(filters) <= 1 + 1e-5
    assert max(classes) <= 0.25 + 1e-5
    assert min(filters) > 0.9  # such steps lead beyond the norm: it was the constraint that held


def test_weights_within_the_norm_are_left_alone() -> None:
    layer = BoundedLinear(4, 2, limit=10.0)
    before = layer.weight.detach().clone()
    layer.train()(torch.randn(3, 4))
    assert torch.equal(layer.eval().weight, before)


def test_training_already_computes_with_the_shortened_weights() -> None:
    layer = BoundedLinear(4, 2, limit=0.25)
    nn.init.constant_(layer.weight, 1.0)
    nn.init.zeros_(layer.bias)
    torch.testing.assert_close(layer(torch.ones(1, 4)), torch.full((1, 2), 4 * 0.125))


def test_it_sees_eeg_alone() -> None:
    torch.manual_seed(0)
    encoder = build_method("eegnet", {}, four_of(5, 64)).encoder().eval()
    windows = torch.randn(3, 8, 64)
    other = windows.clone()
    other[:, 5:] = torch.nan  # whatever the other sensors say, even that they are gone
    assert torch.equal(encoder(windows), encoder(other))
    other = windows.clone()
    other[:, 4] += torch.randn(64)
    assert not torch.allclose(encoder(windows), encoder(other))


def test_what_it_cannot_see_is_refused() -> None:
    skin = SignalSpec(modalities=(ModalitySpec(modality="GSR", channels=("GSR",), unit="uS"),), rate=64)
    with pytest.raises(
        ConfigError, match="'eegnet' sees EEG alone: expected EEG in the montage, found GSR; put EEG"
    ):
        build_method("eegnet", {}, skin)
    with pytest.raises(ConfigError, match=r"expected windows of 32 or more, found 31; raise signals\.window or"):
        build_method("eegnet", {}, eeg_of((4, 31)))
    with pytest.raises(ConfigError, match="'eegnet' learns from labels alone and cannot pretrain"):
        build_method("eegnet", {}, eeg_of((4, 64))).objective(8)
