"""What makes the encoder fast changes no number: columns that meet only padding are left out, and the layout."""

import copy

import pytest
import torch
from torch import Tensor, nn

from memhacl.train.methods.me_mhacl.encoder import Encoder
from memhacl.train.methods.me_mhacl.meiosis import meiosis, random_orders
from memhacl.train.methods.me_mhacl.settings import NetworkSettings

SHAPES = [(36, 128), (5, 128), (1, 128), (36, 256), (11, 64)]  # 2, 2, 2, 4 and 1 columns in the last stage


def plainly(encoder: Encoder) -> Encoder:
    """The same network whose convolutions are torch's own, on the same weights."""
    plain = copy.deepcopy(encoder)
    for module in plain.modules():
        if isinstance(module, nn.Conv2d):
            module.__class__ = nn.Conv2d
    return plain


def outcome(encoder: Encoder, windows: Tensor) -> tuple[Tensor, ...]:
    """Features, and the gradients of a sum over them by the windows and by each parameter."""
    windows = windows.clone().requires_grad_()
    features = encoder(windows)
    weighted = (features * torch.linspace(-1, 2, features.numel(), dtype=features.dtype).view_as(features)).sum()
    return features.detach(), *torch.autograd.grad(weighted, [windows, *encoder.parameters()])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("last", ["5x5", "5x1"])
def test_features_and_all_gradients_are_those_of_plain_convolutions(shape: tuple[int, int], last: str) -> None:
    torch.manual_seed(0)
    settings = NetworkSettings.parse({"width": 0.125, "last_kernel": last}, "test")
    encoder = Encoder(settings).double()
    windows = torch.randn(6, *shape, dtype=torch.float64)
    for found, expected in zip(outcome(encoder, windows), outcome(plainly(encoder), windows), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


def test_at_float32_the_difference_is_rounding() -> None:
    torch.manual_seed(0)
    encoder = Encoder(NetworkSettings(width=0.25))
    windows = torch.randn(8, 36, 128)
    with torch.no_grad():
        exact = plainly(encoder).double()(windows.double())
        error = (encoder(windows) - exact).abs().max() / exact.abs().max()
    assert error < 1e-5


def test_maps_keep_the_fast_layout_from_the_stem_on() -> None:
    encoder = Encoder(NetworkSettings(width=0.125))
    slow: list[str] = []

    def look(module: nn.Module, _inputs: tuple[Tensor, ...], maps: Tensor) -> None:
        if not maps.is_contiguous(memory_format=torch.channels_last):
            slow.append(type(module).__name__)

    for module in (*encoder.stem, *encoder.blocks.modules()):
        module.register_forward_hook(look)
    encoder(torch.randn(4, 36, 128))
    assert slow == []


@pytest.mark.parametrize("split", [2, 9, 30])
def test_a_split_that_stays_on_the_device_cuts_where_its_number_says(split: int) -> None:
    groups, order = torch.randn(3, 4, 2, 32), random_orders(3, 4, torch.Generator().manual_seed(0))
    assert torch.equal(meiosis(groups, order, torch.tensor(split)), meiosis(groups, order, split))
