"""The contrastive loss against equations 9-12 written out, and what it rewards."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from memhacl.train.methods.me_mhacl.contrast import GroupContrast, nt_xent
from memhacl.train.methods.me_mhacl.projector import GroupProjector
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings


def cosine(a: Tensor, b: Tensor) -> float:
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    return dot / (math.sqrt(sum(float(x) ** 2 for x in a)) * math.sqrt(sum(float(y) ** 2 for y in b)))


def written_out(groups: Tensor, temperature: float) -> float:
    """Loops over i, j and both directions, as the paper's equations 9-12 say it."""
    clips = groups.shape[1]
    total = 0.0
    for own, other in ((groups[0], groups[1]), (groups[1], groups[0])):
        for i in range(clips):
            below = 0.0
            for j in range(clips):
                if j != i:
                    below += math.exp(cosine(own[i], own[j]) / temperature)
                below += math.exp(cosine(own[i], other[j]) / temperature)
            total -= math.log(math.exp(cosine(own[i], other[i]) / temperature) / below)
    return total / (2 * clips)


@settings(deadline=None)
@given(st.integers(2, 8), st.integers(1, 8), st.floats(0.05, 5.0), st.integers(0, 2**31))
def test_it_is_the_papers_equations(clips: int, size: int, temperature: float, seed: int) -> None:
    groups = torch.randn(2, clips, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    loss, _ = nt_xent(groups, temperature)
    assert float(loss) == pytest.approx(written_out(groups, temperature), abs=1e-6)


def test_groups_that_cannot_be_told_apart_cost_the_logarithm_of_all_candidates() -> None:
    loss, _ = nt_xent(torch.ones(2, 8, 16), 0.1)
    assert float(loss) == pytest.approx(math.log(2 * 8 - 1), abs=1e-5)


def test_homologues_alike_and_others_not_is_what_it_rewards() -> None:
    same = torch.eye(8)[None].expand(2, 8, 8)
    loss, accuracy = nt_xent(same, 0.1)
    assert float(accuracy) == 1.0
    assert float(loss) < 1e-3
    crossed = torch.stack([torch.eye(8), torch.eye(8).roll(1, dims=0)])
    loss, accuracy = nt_xent(crossed, 0.1)
    assert float(accuracy) == 0.0
    assert float(loss) > 5


def test_only_directions_count_not_lengths() -> None:
    groups = torch.randn(2, 5, 12)
    longer = groups * torch.rand(2, 5, 1).add(0.5)
    assert float(nt_xent(groups, 0.1)[0]) == pytest.approx(float(nt_xent(longer, 0.1)[0]), abs=1e-5)


def test_a_vector_is_never_its_own_candidate() -> None:
    groups = torch.randn(2, 4, 6, requires_grad=True)
    loss, _ = nt_xent(groups, 0.001)  # at this temperature its own cosine of 1 would swallow all others
    loss.backward()
    assert torch.isfinite(loss)
    assert groups.grad is not None
    assert torch.isfinite(groups.grad).all()


def test_the_objective_compares_groups_not_members() -> None:
    torch.manual_seed(0)
    objective = GroupContrast(GroupProjector(64, MeMhaclSettings(width=0.125)), 0.1).eval()
    embeddings = torch.randn(2, 5, 3, 64)
    outcome = objective(embeddings)
    groups = torch.stack([objective.projector(embeddings[0]), objective.projector(embeddings[1])])
    loss, accuracy = nt_xent(groups, 0.1)
    assert outcome.loss.item() == pytest.approx(loss.item(), abs=1e-5)
    assert outcome.metrics == {"accuracy": pytest.approx(float(accuracy)), "chance": pytest.approx(1 / 9)}
    assert outcome.loss.requires_grad
