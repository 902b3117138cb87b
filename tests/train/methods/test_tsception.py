"""TSception: sizes by the paper's description, hemispheres in pairs, what it computes, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from memhacl.stream import montage
from memhacl.stream.errors import ConfigError
from memhacl.stream.sources.deap.layout import ELECTRODES
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.methods.registry import build_method
from memhacl.train.methods.tsception.pairs import pairs

Floats = NDArray[np.float64]
MIDLINE = {"Fz", "Cz", "Pz", "Oz"}


def head_of(labels: tuple[str, ...], rate: float = 128.0, window: float = 1.0, skin: bool = False) -> SignalSpec:
    """Signals of the electrodes ``labels``, behind skin conductance or alone."""
    modalities = [ModalitySpec(modality="EEG", channels=labels, unit="uV")]
    if skin:
        modalities.insert(0, ModalitySpec(modality="GSR", channels=("GSR",), unit="uS"))
    return SignalSpec(modalities=tuple(modalities), rate=rate, window=window)


def parameters(spec: SignalSpec, classes: int, **sizes: int) -> int:
    method = build_method("tsception", sizes, spec)
    encoder = method.encoder()
    head = method.head(int(encoder.features), classes)  # type: ignore[arg-type]
    return sum(weight.numel() for weight in [*encoder.parameters(), *head.parameters()])


def size(electrodes: int, rate: int, classes: int, temporal: int, spatial: int, hidden: int) -> int:
    """Weights by the description: three kernels in time, two across electrodes, one across regions, two layers."""
    in_time = sum(temporal * round(rate * seconds) + temporal for seconds in (0.5, 0.25, 0.125))
    across = sum(spatial * temporal * height + spatial for height in (electrodes, electrodes // 2))
    fusion = 3 * spatial * spatial + spatial
    norms = 2 * temporal + 2 * spatial + 2 * spatial
    return in_time + across + fusion + norms + (spatial + 1) * hidden + (hidden + 1) * classes


def test_on_deaps_electrodes_it_has_28_channels_and_the_papers_sizes() -> None:
    assert len(pairs(ELECTRODES)) == 14
    assert parameters(head_of(ELECTRODES, window=4.0), 2) == size(28, 128, 2, 15, 15, 32) == 12_563


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from([128, 200, 256]), st.integers(2, 5), st.integers(1, 9), st.integers(1, 9), st.integers(1, 20)
)
def test_its_size_follows_from_its_settings(
    rate: int, classes: int, temporal: int, spatial: int, hidden: int
) -> None:
    spec = head_of(("O1", "Oz", "O2", "PO8", "PO7"), rate)
    sizes = {"temporal": temporal, "spatial": spatial, "hidden": hidden}
    assert parameters(spec, classes, **sizes) == size(4, rate, classes, temporal, spatial, hidden)


@given(st.permutations(ELECTRODES))
def test_pairs_mirror_each_other_and_the_midline_is_left_out(labels: list[str]) -> None:
    found = pairs(labels)
    assert {labels[place] for pair in found for place in pair} == set(ELECTRODES) - MIDLINE
    left, right = (montage.positions([labels[pair[side]] for pair in found]) for side in (0, 1))
    assert (left[:, 0] < 0).all()
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=1e-9)


def test_labels_of_other_recorders_are_understood_and_loners_left_out() -> None:
    assert pairs(("EEG T3-LE", "Cz", "T8", "F4", "eeg fp2", "Fp1.", "AF3")) == ((0, 2), (5, 4))


def along_time(signal: Floats, kernel: Floats) -> Floats:
    return np.array(
        [signal[place : place + len(kernel)] @ kernel for place in range(len(signal) - len(kernel) + 1)]
    )


def averaged(maps: Floats, pool: int) -> Floats:
    whole = maps.shape[-1] // pool * pool
    return np.asarray(maps[..., :whole].reshape(*maps.shape[:-1], -1, pool).mean(axis=-1))


def leaky(maps: Floats) -> Floats:
    return np.where(maps > 0, maps, 0.01 * maps)


def normalised(maps: Floats, norm: nn.BatchNorm2d) -> Floats:
    mean, variance, weight, bias = (
        getattr(norm, name).detach().double().numpy()[:, None, None]
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    return np.asarray((maps - mean) / np.sqrt(variance + norm.eps) * weight + bias)


@pytest.mark.parametrize("activation", ["leaky-relu", "power"])
def test_it_computes_what_is_described(activation: str) -> None:
    torch.manual_seed(0)
    labels = ("F4", "Cz", "F3", "O1", "O2")  # pairs: (F3, F4), (O1, O2)
    settings = {"temporal": 3, "spatial": 2, "activation": activation}
    encoder = build_method("tsception", settings, head_of(labels, skin=True)).encoder()
    encoder(torch.randn(64, 6, 128) * 3 + 1)  # running statistics other than the first
    encoder.eval()
    window = torch.randn(6, 128)
    weights = {name: value.double().numpy() for name, value in encoder.state_dict().items()}
    signals = window.double().numpy()[[3, 4, 1, 5]]  # left ones, then their partners; the first row is skin

    scales = []
    for scale in range(3):
        kernels, bias = weights[f"temporal.{scale}.0.weight"], weights[f"temporal.{scale}.0.bias"]
        maps = np.array([[along_time(row, kernel[0, 0]) for row in signals] for kernel in kernels])
        maps = maps + bias[:, None, None]
        scales.append(np.log(averaged(maps**2, 8)) if activation == "power" else averaged(leaky(maps), 8))
    temporal = normalised(np.concatenate(scales, axis=2), encoder.temporal_norm)  # (3, 4, 8 + 12 + 14)

    def across(name: str, part: Floats) -> Floats:
        kernels, bias = weights[f"{name}.0.weight"][:, :, :, 0], weights[f"{name}.0.bias"]
        return np.einsum("kfc,fct->kt", kernels, part) + bias[:, None]

    regions = [
        across("whole", temporal),
        across("hemispheres", temporal[:, :2]),
        across("hemispheres", temporal[:, 2:]),
    ]
    spatial = normalised(averaged(leaky(np.stack(regions, axis=1)), 2), encoder.spatial_norm)  # (2, 3, 17)
    fused = averaged(leaky(across("fusion", spatial)), 4)  # (2, 4)
    features = normalised(fused[:, None], encoder.fusion_norm).mean(axis=(1, 2))
    with torch.inference_mode():
        np.testing.assert_allclose(encoder(window[None])[0].numpy(), features, atol=1e-4)


def test_it_sees_nothing_but_pairs_of_electrodes() -> None:
    torch.manual_seed(0)
    encoder = build_method("tsception", {}, head_of(("Fz", "F3", "F4", "C3"), skin=True)).encoder().eval()
    windows = torch.randn(3, 5, 128)
    other = windows.clone()
    other[:, [0, 1, 4]] = torch.nan  # skin, midline, and an electrode without partner
    assert torch.equal(encoder(windows), encoder(other))
    for row in (2, 3):
        other = windows.clone()
        other[:, row] += torch.randn(128)
        assert not torch.allclose(encoder(windows), encoder(other))


def test_what_it_cannot_see_is_refused() -> None:
    skin = SignalSpec(modalities=(ModalitySpec(modality="GSR", channels=("GSR",), unit="uS"),), rate=128)
    with pytest.raises(
        ConfigError, match="'tsception' sees EEG alone: expected EEG in the montage, found GSR; put"
    ):
        build_method("tsception", {}, skin)
    with pytest.raises(
        ConfigError, match=r"expected pairs of electrodes, .* such as F3 and F4, found E1, Fz, F3; name"
    ):
        build_method("tsception", {}, head_of(("E1", "Fz", "F3")))
    with pytest.raises(ConfigError, match=r"kernels \(8 samples\) and averages, found 16 samples; raise signals"):
        build_method("tsception", {}, head_of(ELECTRODES, 16))
    least = build_method("tsception", {}, head_of(ELECTRODES, 32)).encoder()
    assert least(torch.randn(2, 32, 32)).shape == (2, 15)
