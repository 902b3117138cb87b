"""The encoder with attention across modalities: shapes, weights, and modalities that are not there."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from plugins.montage import eeg_of, four_of
from torch import Tensor, nn
from torch.nn.functional import conv1d

from memhacl.stream.spec import Conditioning, SignalSpec
from memhacl.train.methods.me_mhacl.attention import Attention, AttentionEncoder
from memhacl.train.methods.me_mhacl.encoders import new_encoder
from memhacl.train.methods.me_mhacl.settings import NetworkSettings
from memhacl.train.methods.me_mhacl.stem import Filters

SPECS = {
    "deap": four_of(32, 128),
    "mahnob-hci": four_of(32, 256),
    "headset": four_of(4, 64),
    "one electrode": four_of(1, 100),
    "EEG alone": eeg_of((8, 128)),
}


def encoder_of(spec: SignalSpec, kind: str = "attention", **settings: float) -> nn.Module:
    parsed = NetworkSettings.parse({"encoder": kind, "width": 0.125, **settings}, "test")
    return new_encoder(parsed, spec)


def attention_of(spec: SignalSpec, **settings: float) -> AttentionEncoder:
    encoder = encoder_of(spec, **settings)
    assert isinstance(encoder, AttentionEncoder)
    return encoder


def trained(encoder: nn.Module, spec: SignalSpec) -> nn.Module:
    """The encoder in evaluation, its running statistics other than the first."""
    with torch.no_grad():
        for _ in range(3):
            encoder.train()(2 * torch.randn(16, *spec.shape) + 0.3)
    return encoder.eval()


def without(windows: Tensor, spec: SignalSpec, *lost: str) -> Tensor:
    """A copy of the windows in which these modalities are NaN."""
    copy = windows.clone()
    for name in lost:
        copy[:, spec.rows[name]] = torch.nan
    return copy


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("width", [1 / 64, 0.125])
def test_features_have_one_size_for_every_montage_and_length(name: str, width: float) -> None:
    spec = SPECS[name]
    encoder = attention_of(spec, width=width)
    assert encoder.features == round(512 * width)
    features = encoder(torch.randn(5, *spec.shape))
    assert features.shape == (5, encoder.features)
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("lost", [(), ("GSR",), ("EEG",), ("EEG", "Resp", "Temp")])
def test_weights_sum_to_one_and_are_zero_for_what_is_not_there(lost: tuple[str, ...]) -> None:
    spec = SPECS["headset"]
    encoder = trained(attention_of(spec), spec)
    features, weights = encoder.attend(without(torch.randn(6, *spec.shape), spec, *lost))  # type: ignore[operator]
    assert torch.isfinite(features).all()
    assert weights.shape == (6, 8, 4)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(6, 8))
    there = torch.tensor([name not in lost for name in spec.rows])
    assert (weights[:, :, ~there] == 0).all()
    assert (weights[:, :, there] > 0).all()


def test_a_modality_alone_has_all_the_weight() -> None:
    _, weights = attention_of(SPECS["EEG alone"]).attend(torch.randn(6, 8, 128))
    assert torch.equal(weights, torch.ones(6, 8, 1))


def test_weights_differ_between_windows_and_features_come_with_them() -> None:
    spec = SPECS["headset"]
    encoder = attention_of(spec)
    with torch.no_grad():
        for part in encoder.parameters():
            part.add_(0.1 * torch.randn(part.shape))  # as fresh, the query is almost nothing
    encoder.eval()
    windows = torch.randn(6, *spec.shape) * torch.tensor([0.1, 1, 3, 10, 30, 100])[:, None, None]
    features, weights = encoder.attend(windows)
    assert torch.equal(features, encoder(windows))
    assert (weights - weights[:1]).abs().max() > 1e-3


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("kind", ["attention", "resnet18-1d"])
def test_what_an_absent_modality_holds_reaches_nothing(kind: str, mode: str) -> None:
    spec = SPECS["headset"]
    encoder = encoder_of(spec, kind, dropout=0.0).train(mode == "train")
    windows, others = torch.randn(6, *spec.shape), [0, 1, 2, 3, 5, 6]
    results = []
    for level in (0.0, 1e6):
        leaf = windows.clone()
        leaf[:, 4] += level
        leaf[:, 4, 7] = torch.nan  # one sample of GSR is lost: the rest must not count
        leaf.requires_grad_()
        encoder.zero_grad()
        features = encoder(leaf)
        features.square().sum().backward()
        assert leaf.grad is not None
        assert (leaf.grad[:, 4] == 0).all()
        assert torch.isfinite(leaf.grad).all()
        assert (leaf.grad[:, others].abs().sum(dim=2) > 0).all()
        gradients = [part.grad for part in encoder.parameters() if part.grad is not None]
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
        results.append((features.detach(), [gradient.clone() for gradient in gradients]))
    assert torch.equal(results[0][0], results[1][0])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(results[0][1], results[1][1], strict=True))


@pytest.mark.parametrize("kind", ["attention", "resnet18-1d"])
def test_what_training_hides_reaches_nothing_either(kind: str) -> None:
    spec = SPECS["headset"]
    encoder = encoder_of(spec, kind, dropout=0.0, modality_dropout=0.5).train()
    for part in encoder.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.eval()  # what is hidden in one window still counts in the statistics of all
    windows = torch.randn(64, *spec.shape).requires_grad_()
    torch.manual_seed(0)
    features = encoder(windows)
    features.square().sum().backward()
    assert windows.grad is not None
    used = windows.grad.abs().sum(dim=2) > 0  # (64, 7)
    assert (used[:, :4] == used[:, :1]).all()  # the electrodes come and go together
    assert used.any(dim=1).all()
    assert 0.3 < used[:, 3:].float().mean() < 0.75
    other = torch.where(used[:, :, None], windows, 1e3 * torch.randn(windows.shape))
    torch.manual_seed(0)
    assert torch.equal(encoder(other), features)


def test_hiding_leaves_the_statistics_of_the_stems_as_they_are() -> None:
    spec = SPECS["headset"]
    seen = []
    for hidden in (0.0, 0.3):
        encoder = trained(attention_of(spec, modality_dropout=hidden), spec)
        norms = [part for part in encoder.modules() if isinstance(part, nn.BatchNorm1d)]
        seen.append(torch.cat([norm.running_var for norm in norms if norm.running_var is not None]))
    ratio = seen[1] / seen[0]
    assert 0.5 < ratio.median() < 2
    assert ratio.max() < 10  # zeros in place of what is hidden gave 500


def test_an_absent_modality_is_not_the_same_as_a_silent_one() -> None:
    spec = SPECS["headset"]
    encoder = trained(attention_of(spec), spec)
    windows = torch.randn(6, *spec.shape)
    silent = windows.clone()
    silent[:, spec.rows["EEG"]] = 0
    assert not torch.allclose(encoder(without(windows, spec, "EEG")), encoder(silent), atol=1e-3)


@pytest.mark.parametrize("kind", ["attention", "resnet18-1d"])
def test_a_window_is_encoded_alike_in_any_company_whatever_each_lacks(kind: str) -> None:
    spec = SPECS["headset"]
    encoder = trained(encoder_of(spec, kind), spec)
    windows = torch.randn(5, *spec.shape)
    mixed = torch.cat([without(windows[[place]], spec, name) for place, name in enumerate(spec.rows)])
    mixed = torch.cat([mixed, windows[4:], without(windows[:1], spec, *spec.rows)])
    alone = torch.cat([encoder(window[None]) for window in mixed])
    torch.testing.assert_close(encoder(mixed), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["attention", "resnet18-1d"])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_with_no_modality_at_all_features_and_gradients_are_finite(kind: str, mode: str) -> None:
    spec = SPECS["headset"]
    encoder = encoder_of(spec, kind).train(mode == "train")
    windows = torch.randn(4, *spec.shape)
    features = encoder(torch.cat([windows, without(windows, spec, *spec.rows)]))
    features.square().sum().backward()
    assert torch.isfinite(features).all()
    assert all(torch.isfinite(part.grad).all() for part in encoder.parameters() if part.grad is not None)


def test_attention_is_torchs_own() -> None:
    ours, theirs = Attention(32), nn.MultiheadAttention(32, 8, batch_first=True)
    three = (ours.queries, ours.keys, ours.values)
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([layer.weight for layer in three]),
            "in_proj_bias": torch.cat([layer.bias for layer in three]),
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    asking, asked = 3 * torch.randn(5, 2, 32), 3 * torch.randn(5, 4, 32)
    there = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1], [1, 0, 0, 1], [0, 0, 1, 0], [1, 1, 0, 1]]).bool()
    expected = theirs(asking, asked, asked, key_padding_mask=~there, average_attn_weights=False)
    for found, right in zip(ours(asking, asked, there), expected, strict=True):
        torch.testing.assert_close(found, right, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("filters", "taps", "maps", "samples"), [(1, 5, 3, 12), (4, 9, 8, 33), (6, 63, 6, 32)])
def test_filters_along_time_are_a_grouped_convolution(filters: int, taps: int, maps: int, samples: int) -> None:
    layer = Filters(filters, taps)
    signals = torch.randn(5, maps, samples)
    each = layer.weight.repeat_interleave(maps // filters, dim=0)[:, None]  # (maps, 1, taps)
    expected = conv1d(signals, each, padding=taps // 2, groups=maps)
    torch.testing.assert_close(layer(signals), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch's own, inside its exporter
@pytest.mark.parametrize("kind", ["attention", "resnet18-1d"])
def test_it_gives_the_same_in_onnx_runtime_with_and_without_all_modalities(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = SPECS["headset"]
    encoder = trained(encoder_of(spec, kind), spec)
    path = tmp_path / "encoder.onnx"
    torch.onnx.export(
        encoder,
        (torch.randn(2, *spec.shape),),
        path,
        input_names=["signals"],
        dynamo=True,
        dynamic_shapes=({0: "batch"},),
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for size in (1, 2, 7):
        windows = torch.randn(size, *spec.shape)
        for lost in ((), ("GSR",), ("EEG",), ("EEG", "GSR", "Temp"), tuple(spec.rows)):
            given = without(windows, spec, *lost)
            (found,) = session.run(None, {"signals": given.numpy()})
            with torch.inference_mode():
                np.testing.assert_allclose(found, encoder(given).numpy(), atol=1e-4)


def test_a_level_counts_where_no_filter_has_taken_it_away() -> None:
    band = Conditioning(band=(4.0, 30.0))
    spec = four_of(4, 64)
    eeg, *others = spec.modalities
    spec = spec.model_copy(update={"modalities": (eeg.model_copy(update={"conditioning": band}), *others)})
    encoder = trained(attention_of(spec), spec)
    assert [stem.level is not None for stem in encoder.stems] == [False, True, True, True]  # type: ignore[union-attr, attr-defined]
    steady = torch.zeros(2, *spec.shape)
    steady[1, spec.rows["GSR"]] = 0.5  # where nothing moves, only the level differs
    with torch.inference_mode():
        low, high = encoder(steady)
    assert (low - high).abs().max() > 1e-3
