"""Meiosis against equations 1-3 written out, and what it must keep."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.montage import eeg_of
from torch import Tensor

from memhacl.stream.errors import ConfigError
from memhacl.train.methods.me_mhacl.meiosis import crossover, meiosis, random_orders, split_bounds
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tensor, Tensor, int]:
    clips, pairs = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    channels, samples = draw(st.integers(1, 3)), draw(st.integers(4, 20))
    split = draw(st.integers(2, samples - 2))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    groups = torch.randn(clips, 2 * pairs, channels, samples, generator=generator)
    return groups, random_orders(clips, 2 * pairs, generator), split


def written_out(groups: Tensor, order: Tensor, split: int) -> Tensor:
    """Sample by sample, as the paper's equations 1-3 say it."""
    clips, people, channels, samples = groups.shape
    pairs = people // 2
    out = torch.full((2, clips, pairs, channels, samples), torch.nan)
    for i in range(clips):
        for k in range(pairs):
            a, b = groups[i, order[i, k]], groups[i, order[i, k + pairs]]
            for n in range(1, samples + 1):  # the paper counts sampling points from 1
                out[0, i, k, :, n - 1] = b[:, n - 1] if n <= split else a[:, n - 1]
                out[1, i, k, :, n - 1] = a[:, n - 1] if n <= split else b[:, n - 1]
    return out


@settings(deadline=None)
@given(cases())
def test_it_is_the_papers_equations(case: tuple[Tensor, Tensor, int]) -> None:
    groups, order, split = case
    torch.testing.assert_close(meiosis(groups, order, split), written_out(groups, order, split), atol=1e-6, rtol=0)


@settings(deadline=None)
@given(cases())
def test_every_sample_of_every_member_is_kept_at_its_time(case: tuple[Tensor, Tensor, int]) -> None:
    groups, order, split = case
    children = meiosis(groups, order, split)  # (2, P, Q, C, T)
    together = torch.cat([children[0], children[1]], dim=1)  # (P, 2Q, C, T)
    assert torch.equal(together.sort(dim=1).values, groups.sort(dim=1).values)


def test_crossing_over_twice_undoes_it() -> None:
    first, second = torch.randn(2, 3, 50)
    again = crossover(*crossover(first, second, 17), 17)
    assert torch.equal(again[0], first)
    assert torch.equal(again[1], second)


def views_of(batch: Tensor, seed: int = 0, **settings: object) -> Tensor:
    method = MeMhacl(MeMhaclSettings.parse(settings, "test"), eeg_of((batch.shape[2], batch.shape[3])))
    return method.views(batch, torch.Generator().manual_seed(seed))


def named(clips: int, people: int, samples: int) -> Tensor:
    """A minibatch whose every sample is the number of its person."""
    return torch.arange(people, dtype=torch.float32)[None, :, None, None].expand(clips, people, 1, samples)


def test_one_split_for_the_minibatch_and_children_of_a_pair_in_different_groups() -> None:
    views = views_of(named(8, 6, 64), split=(0.25, 0.75))
    assert views.shape == (2, 8, 3, 1, 64)
    changes = (views.diff(dim=-1) != 0).any(dim=(0, 1, 2, 3)).nonzero().flatten()
    assert len(changes) == 1
    assert 16 <= int(changes[0]) + 1 <= 48
    head, tail = views[..., 0, 0], views[..., 0, -1]  # (2, P, Q) who gave the head, who the tail
    assert torch.equal(head[0], tail[1])
    assert torch.equal(tail[0], head[1])
    assert (head != tail).all()
    for group in range(2):
        assert all(len(set(people.tolist())) == 3 for people in tail[group])


def test_pairing_and_separation_are_random_for_each_clip() -> None:
    tails = views_of(named(4000, 4, 8))[0, :, :, 0, -1]  # (P, Q) whose tail went to group A
    pairs = {tuple(sorted(people)) for people in tails.tolist()}
    assert len(pairs) == 6  # any two of four people may share a group
    share = torch.stack([(tails == person).any(dim=1).float().mean() for person in range(4)])
    torch.testing.assert_close(share, torch.full((4,), 0.5), atol=0.05, rtol=0)


def test_all_splits_of_the_paper_occur_and_no_others() -> None:
    splits = set()
    for seed in range(300):
        views = views_of(named(1, 2, 8), seed)
        splits.add(1 + int((views[0, 0, 0, 0].diff() != 0).nonzero()))
    assert splits == {2, 3, 4, 5, 6}  # 1 < c < M - 1 for M = 8


def test_views_depend_on_the_generator_alone() -> None:
    batch = torch.randn(3, 4, 2, 32)
    torch.manual_seed(1)
    first = views_of(batch, seed=5)
    torch.manual_seed(2)
    assert torch.equal(views_of(batch, seed=5), first)
    assert not torch.equal(views_of(batch, seed=6), first)


@pytest.mark.parametrize(("samples", "share"), [(3, (0.0, 1.0)), (128, (0.0, 0.01)), (10, (0.51, 0.59))])
def test_a_window_that_cannot_be_split_is_refused(samples: int, share: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match=r"method\.settings\.split: no sample of a window of"):
        split_bounds(samples, share)
