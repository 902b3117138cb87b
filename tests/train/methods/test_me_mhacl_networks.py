"""Sizes, shapes and symmetries of ME-MHACL's networks."""

import pytest
import torch
from torch import Tensor, nn

from memhacl.train.methods.me_mhacl.classifier import Classifier
from memhacl.train.methods.me_mhacl.encoder import Encoder
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.me_mhacl.projector import GroupProjector
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings, NetworkSettings

SHAPES = [(36, 128), (35, 128), (11, 128), (36, 256)]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("last", "expected"), [("5x5", 16_431_168), ("5x1", 5_945_408)])
@pytest.mark.parametrize("sixth", ["7x1", "1x7"])
def test_the_encoder_has_the_published_size(shape: tuple[int, int], last: str, expected: int, sixth: str) -> None:
    settings = {"last_kernel": last, "block6_kernel": sixth}
    with torch.device("meta"):
        encoder = MeMhacl(MeMhaclSettings.parse(settings, "test"), shape).encoder()
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


def test_gradients_reach_all_that_normalisation_does_not_cancel() -> None:
    torch.manual_seed(0)
    method = MeMhacl(MeMhaclSettings(width=0.125, clips=4), (11, 128))
    encoder = method.encoder().double()
    objective = method.objective(encoder.features).double()
    views = method.views(torch.randn(4, 4, 11, 128, dtype=torch.float64), torch.Generator().manual_seed(0))
    method.pretrain_step(encoder, objective, views).loss.backward()
    assert min(reached(encoder).values()) > 1e-9
    gradients = reached(objective)
    # A shift before batch norm, or of all keys before a softmax, changes nothing.
    assert all(gradients.pop(f"projector.layers.{place}.bias") < 1e-9 for place in (0, 4))
    assert min(gradients.values()) > 1e-9
    bias = objective.projector.get_parameter("attention.in_proj_bias").grad
    assert bias is not None
    query, key, value = bias.chunk(3)
    assert key.abs().max() < 1e-9
    assert min(query.abs().max(), value.abs().max()) > 1e-9


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
