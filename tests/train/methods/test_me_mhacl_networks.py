"""Sizes, shapes and symmetries of ME-MHACL's networks."""

import pytest
import torch
from plugins.montage import eeg_of, four_of
from torch import Tensor, nn

from memhacl.train.methods.me_mhacl.classifier import Classifier
from memhacl.train.methods.me_mhacl.encoder import Encoder
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.me_mhacl.projector import GroupProjector
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings, NetworkSettings

Lost = dict[str, list[int]]

SHAPES = [(36, 128), (35, 128), (11, 128), (36, 256)]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("last", "expected"), [("5x5", 16_431_168), ("5x1", 5_945_408)])
@pytest.mark.parametrize("sixth", ["7x1", "1x7"])
def test_the_encoder_has_the_published_size(shape: tuple[int, int], last: str, expected: int, sixth: str) -> None:
    settings = {"last_kernel": last, "block6_kernel": sixth}
    with torch.device("meta"):
        encoder = MeMhacl(MeMhaclSettings.parse(settings, "test"), eeg_of(shape)).encoder()
    assert count(encoder) == expected
    assert encoder.features == 512


def test_classifier_and_projector_have_the_published_sizes() -> None:
    with torch.device("meta"):
        classifier = Classifier(512, 4, NetworkSettings())
        plain = GroupProjector(512, MeMhaclSettings(attention=False))
        projector = GroupProjector(512, MeMhaclSettings())
    assert count(classifier) == 165_508
    assert count(plain) == 11_023_360
    assert count(projector) == 11_023_360 + 67_125_248
    assert projector.size == 4096


def test_the_classifier_is_table_i() -> None:
    layers = [layer for layer in Classifier(512, 4, NetworkSettings()).layers]
    table = [(256, 512), (256,), (128, 256), (128,), (4, 128)]  # fc1, bn1, fc2, bn2, fc3
    assert [tuple(layer.weight.shape) for layer in layers if hasattr(layer, "weight")] == table
    assert [type(layer).__name__ for layer in layers] == [
        *("Linear", "BatchNorm1d", "ReLU") * 2,
        *("Dropout", "Linear"),
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_layer_halves_what_the_table_says(shape: tuple[int, int]) -> None:
    channels, samples = shape
    encoder = Encoder(NetworkSettings(width=0.125)).eval()
    seen: list[tuple[int, ...]] = []
    for part in (encoder.stem, *encoder.blocks):
        part.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape[1:])))
    features = encoder(torch.randn(3, channels, samples))
    half, quarter = -(-channels // 2), -(-channels // 4)
    assert features.shape == (3, encoder.features) == (3, 64)
    assert seen == [
        (8, channels, samples // 4),
        *[(8, half, samples // 8)] * 2,
        *[(16, quarter, samples // 16)] * 2,
        *[(32, quarter, samples // 32)] * 2,
        *[(64, quarter, samples // 64)] * 2,
    ]


def test_kernels_are_those_of_the_table_and_the_paper_can_be_had_instead() -> None:
    def kernels(settings: NetworkSettings) -> list[tuple[int, ...]]:
        modules = Encoder(settings).modules()
        found = [module.kernel_size for module in modules if isinstance(module, nn.Conv2d)]
        return [kernel for kernel in found if kernel != (1, 1)]

    stages = [(1, 9)] + [(1, 15), (15, 1)] * 2 + [(1, 11), (11, 1)] * 2
    code = [(1, 7), (3, 1), (7, 1), (3, 1), (1, 3), (5, 5), (1, 3), (5, 5)]
    paper = [(1, 7), (3, 1), (1, 7), (3, 1), (1, 3), (5, 1), (1, 3), (5, 1)]
    assert kernels(NetworkSettings(width=0.125)) == stages + code
    letter = NetworkSettings(width=0.125, last_kernel="5x1", block6_kernel="1x7")
    assert kernels(letter) == stages + paper


def test_a_window_is_encoded_alike_in_any_company() -> None:
    encoder = Encoder(NetworkSettings(width=0.125)).eval()
    windows = torch.randn(7, 35, 128)
    alone = torch.cat([encoder(window[None]) for window in windows])
    torch.testing.assert_close(encoder(windows), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attention", [True, False])
def test_the_order_of_a_groups_members_does_not_matter(attention: bool) -> None:
    torch.manual_seed(0)
    projector = GroupProjector(64, MeMhaclSettings(width=0.125, attention=attention)).eval()
    members = torch.randn(6, 5, 64)
    groups = projector(members)
    assert groups.shape == (6, 512)
    torch.testing.assert_close(projector(members[:, torch.randperm(5)]), groups, atol=1e-5, rtol=1e-5)
    other = members.clone()
    other[:, 0] = torch.randn(6, 64)
    assert not torch.allclose(projector(other), groups, atol=1e-3)


def test_attention_lets_members_see_each_other_and_groups_not() -> None:
    torch.manual_seed(0)
    projector = GroupProjector(64, MeMhaclSettings(width=0.125)).eval()
    members = torch.randn(4, 3, 64, requires_grad=True)
    projector(members)[1].sum().backward()
    assert members.grad is not None
    assert (members.grad[1].abs().sum(dim=1) > 0).all()
    assert members.grad[[0, 2, 3]].abs().sum() == 0


def reached(module: nn.Module) -> dict[str, float]:
    return {
        name: 0.0 if parameter.grad is None else float(parameter.grad.abs().max())
        for name, parameter in module.named_parameters()
    }


def after_a_step(kind: str, lost: Lost) -> tuple[dict[str, float], dict[str, float], Tensor]:
    """Largest gradients in encoder and objective, by name, and those of the attention's biases, after a step.

    ``lost`` says in which windows (P, 2Q) which modality is NaN.
    """
    torch.manual_seed(0)
    spec = four_of(8, 128)
    method = MeMhacl(MeMhaclSettings.parse({"encoder": kind, "width": 0.125, "dropout": 0.0}, "test"), spec)
    encoder = method.encoder().double()
    objective = method.objective(encoder.features).double()
    batch = torch.randn(4, 4, *spec.shape, dtype=torch.float64)
    for name, windows in lost.items():
        batch[:, windows, spec.rows[name]] = torch.nan
    views = method.views(batch, torch.Generator().manual_seed(0))
    method.pretrain_step(encoder, objective, views).loss.backward()
    bias = objective.projector.get_parameter("attention.in_proj_bias").grad
    assert bias is not None
    return reached(encoder), reached(objective), bias


# A shift of all keys changes no softmax; one of all features, no batch norm behind them. With one channel there is
# nothing for the spatial filters but a scale, which the norm behind them takes away.
SHIFTS = {"across.keys.bias", "norm.bias", "gather.keys.bias", "gather.values.bias", "gather.output.bias"}
SCALES = {f"stems.{place}.spatial.weight" for place in (1, 2, 3)}
CANCELLED = {"resnet18-1d": set[str](), "attention": SHIFTS | SCALES}


@pytest.mark.parametrize("lost", [{}, {"Temp": [0, 2]}, {"EEG": [1], "GSR": [2]}], ids=str)
@pytest.mark.parametrize("kind", ["resnet18-1d", "attention"])
def test_gradients_reach_all_that_normalisation_does_not_cancel(kind: str, lost: Lost) -> None:
    encoder, objective, bias = after_a_step(kind, lost)
    # but for what batch norm adds to a variance, 1e-5
    assert all(encoder.pop(name) < 1e-6 for name in SCALES & CANCELLED[kind])
    assert all(encoder.pop(name) < 1e-9 for name in CANCELLED[kind] - SCALES)
    assert min(encoder.values()) > 1e-9
    assert all(objective.pop(f"projector.layers.{place}.bias") < 1e-9 for place in (0, 4))
    assert min(objective.values()) > 1e-9
    query, key, value = bias.chunk(3)
    assert key.abs().max() < 1e-9
    assert min(query.abs().max(), value.abs().max()) > 1e-9


def test_without_a_sensor_gradients_reach_all_but_what_is_the_sensors_own() -> None:
    whole, _, _ = after_a_step("attention", {"GSR": [0]})
    encoder, objective, _ = after_a_step("attention", {"GSR": [0, 1, 2, 3]})
    idle = {name for name, gradient in encoder.items() if gradient < 1e-9 < whole[name]}
    assert idle == {name for name in encoder if name.startswith("stems.1.")} - SCALES
    assert min(gradient for name, gradient in objective.items() if not name.endswith("bias")) > 1e-9


def test_gradients_reach_the_whole_classifier() -> None:
    torch.manual_seed(0)
    settings = NetworkSettings(width=0.25)
    encoder, head = Encoder(settings).double(), Classifier(128, 3, settings).double()
    head(encoder(torch.randn(16, 11, 128, dtype=torch.float64))).square().sum().backward()
    gradients = reached(head)
    assert all(gradients.pop(f"layers.{place}.bias") < 1e-9 for place in (0, 3))
    assert min(gradients.values()) > 1e-9
    assert min(reached(encoder).values()) > 1e-9


@pytest.mark.parametrize(("samples", "idle"), [(128, [0, 4]), (256, [])])
def test_columns_of_the_last_kernel_that_meet_only_padding(samples: int, idle: list[int]) -> None:
    encoder = Encoder(NetworkSettings(width=0.125))
    encoder(torch.randn(8, 36, samples)).square().sum().backward()
    for weight in (parameter for parameter in encoder.parameters() if parameter.shape[2:] == (5, 5)):
        gradient: Tensor = weight.grad.abs().amax(dim=(0, 1, 2))  # type: ignore[union-attr]
        assert (gradient == 0).nonzero().flatten().tolist() == idle


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    head = Classifier(64, 2, NetworkSettings(width=0.125, dropout=0.5))
    features = torch.randn(32, 64)
    assert not torch.equal(head(features), head(features))
    head.eval()
    assert torch.equal(head(features), head(features))
