"""Which modalities are there: what is lost, what training hides, and what takes its place."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from memhacl.train.methods.me_mhacl.sensors import Sensors

ROWS = {"EEG": slice(0, 3), "GSR": slice(3, 4), "Resp": slice(4, 6)}


def windows_without(*lost: str, count: int = 4) -> Tensor:
    windows = torch.randn(count, 6, 16)
    for name in lost:
        windows[:, ROWS[name]] = torch.nan
    return windows


@settings(deadline=None)
@given(st.data())
def test_a_modality_with_any_nan_is_not_there_and_gives_zeros(data: st.DataObject) -> None:
    windows = torch.randn(5, 6, 16, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 2**31))))
    places = st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 15))
    for window, row, sample in data.draw(st.lists(places, max_size=8)):
        windows[window, row, sample] = torch.nan
    filled, there = Sensors(ROWS, hidden=0.0)(windows)
    assert there.shape == (5, 3)
    assert there.dtype == torch.bool
    for window, (place, rows) in itertools.product(range(5), enumerate(ROWS.values())):
        lost = bool(windows[window, rows].isnan().any())
        assert bool(there[window, place]) == (not lost)
        expected = torch.zeros_like(windows[window, rows]) if lost else windows[window, rows]
        assert torch.equal(filled[window, rows], expected)


def test_nothing_there_is_zeros() -> None:
    filled, there = Sensors(ROWS, hidden=0.5)(windows_without(*ROWS))
    assert not there.any()
    assert torch.equal(filled, torch.zeros(4, 6, 16))


def test_no_gradient_comes_from_what_is_not_there() -> None:
    windows = windows_without("GSR").requires_grad_()
    filled, _ = Sensors(ROWS, hidden=0.0)(windows)
    filled.square().sum().backward()
    assert windows.grad is not None
    assert torch.equal(windows.grad[:, 3], torch.zeros(4, 16))
    assert (windows.grad[:, [0, 1, 2, 4, 5]] != 0).all()


@pytest.mark.parametrize("hidden", [0.1, 0.3, 0.5])
def test_training_hides_modalities_independently_of_each_other_but_never_all(hidden: float) -> None:
    torch.manual_seed(0)
    sensors = Sensors(ROWS, hidden).train()
    windows = windows_without(count=1).expand(40_000, 6, 16)
    filled, there = sensors(windows)
    assert there.any(dim=1).all()
    assert torch.equal(filled[:, [0, 3, 4]].abs().sum(dim=2) > 0, there)
    for combination in itertools.product([True, False], repeat=3):
        chance = torch.tensor([1 - hidden if kept else hidden for kept in combination]).prod()
        if all(combination):
            chance += hidden**3  # all would be hidden: none is
        share = (there == torch.tensor(combination)).all(dim=1).float().mean()
        expected = chance if any(combination) else torch.tensor(0.0)
        torch.testing.assert_close(share, expected, atol=0.01, rtol=0)


def test_training_hides_none_where_one_is_left() -> None:
    _, there = Sensors(ROWS, hidden=0.9).train()(windows_without("EEG", "Resp", count=200))
    assert torch.equal(there, torch.tensor([False, True, False]).expand(200, 3))


def test_nothing_is_hidden_out_of_training_or_unasked() -> None:
    windows = windows_without(count=200)
    for sensors in (Sensors(ROWS, hidden=0.9).eval(), Sensors(ROWS, hidden=0.0).train()):
        filled, there = sensors(windows)
        assert there.all()
        assert torch.equal(filled, windows)


def test_what_is_hidden_follows_from_torchs_seed() -> None:
    sensors, windows = Sensors(ROWS, hidden=0.5).train(), windows_without(count=50)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(sensors(windows)[1])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
