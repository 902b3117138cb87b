"""One iteration of Algorithm 1 written out from the paper's equations, against the product's, in float64."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.montage import eeg_of
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d

from memhacl.train.methods.contract import Clips
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings

CHANNELS, SAMPLES = 5, 64
# Fig. 4 as the reference code has it: each block's strides (first convolution, second), (channels, time).
STRIDES = [((1, 2), (2, 1)), None, ((1, 2), (2, 1)), None, ((1, 2), (1, 1)), None, ((1, 2), (1, 1)), None]


@dataclass
class Sizes:
    """What is random: P, Q, how many people there are, τ, and the draws (c among them)."""

    clips: int
    members: int
    people: int
    temperature: float
    heads: int
    attention: bool
    seed: int


@st.composite
def sizes(draw: st.DrawFn) -> Sizes:
    members = draw(st.integers(1, 3))
    return Sizes(
        clips=draw(st.integers(2, 5)),
        members=members,
        people=draw(st.integers(2 * members, 8)),
        temperature=draw(st.sampled_from([0.05, 0.1, 1.0])),
        heads=draw(st.sampled_from([1, 2, 8])),
        attention=draw(st.booleans()),
        seed=draw(st.integers(0, 2**31)),
    )


def normalised(values: Tensor, norm: nn.Module) -> Tensor:
    """Batch normalisation of (N, K, ...): each feature by its mean and deviation over everything else."""
    rest = [axis for axis in range(values.dim()) if axis != 1]
    mean = values.mean(rest, keepdim=True)
    variance = (values - mean).square().mean(rest, keepdim=True)
    shape = [-1 if axis == 1 else 1 for axis in range(values.dim())]
    scaled = (values - mean) / torch.sqrt(variance + 1e-5)
    return scaled * norm.get_parameter("weight").reshape(shape) + norm.get_parameter("bias").reshape(shape)


def encoded(windows: Tensor, encoder: nn.Module) -> Tensor:
    """Equation 4 for windows (N, C, T): Fig. 4, layer after layer, with the encoder's weights in their order."""
    kernels = iter([part.weight for part in encoder.modules() if isinstance(part, nn.Conv2d)])
    norms = iter([part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)])

    def layer(maps: Tensor, strides: tuple[int, int]) -> Tensor:
        kernel = next(kernels)
        around = (kernel.shape[2] // 2, kernel.shape[3] // 2)
        return normalised(conv2d(maps, kernel, None, strides, around), next(norms))

    maps = layer(windows[:, None], (1, 2)).clamp(min=0)  # (N, 1, C, T) -> (N, K, C, T / 2)
    maps = max_pool2d(maps, (1, 3), (1, 2), (0, 1))
    for strides in STRIDES:
        first, second = strides or ((1, 1), (1, 1))
        through = layer(layer(maps, first).clamp(min=0), second)
        around = maps if strides is None else layer(maps, (first[0] * second[0], first[1] * second[1]))
        maps = (through + around).clamp(min=0)
    return maps.mean((2, 3))  # (N, D)


def attended(members: list[Tensor], attention: nn.Module, heads: int) -> list[Tensor]:
    """Equations 5 to 7 among a group's members, each (H,): head after head, query after query, key after key."""
    size = len(members[0])
    matrices = attention.get_parameter("in_proj_weight").split(size)  # W^Q, W^K, W^V
    shifts = attention.get_parameter("in_proj_bias").split(size)
    together: list[list[Tensor]] = [[] for _ in members]
    for head in range(heads):
        own = slice(head * size // heads, (head + 1) * size // heads)
        queries, keys, values = (
            [matrix[own] @ member + shift[own] for member in members]
            for matrix, shift in zip(matrices, shifts, strict=True)
        )
        for k, query in enumerate(queries):
            powers = [torch.exp(query @ key / math.sqrt(size // heads)) for key in keys]
            parts = [power / sum(powers) * value for power, value in zip(powers, values, strict=True)]
            together[k].append(torch.stack(parts).sum(dim=0))
    weight, shift = attention.get_parameter("out_proj.weight"), attention.get_parameter("out_proj.bias")
    return [weight @ torch.cat(parts) + shift for parts in together]


def projected(groups: list[list[Tensor]], projector: nn.Module, heads: int) -> list[Tensor]:
    """Equations 5 to 8 for groups of members (D,): Fig. 5; the maximum over the members of each dimension."""
    weights = [part for part in projector.modules() if type(part) is nn.Linear]
    norms = [part for part in projector.modules() if isinstance(part, nn.BatchNorm1d)]
    values = torch.stack([member for group in groups for member in group])  # (2PQ, D): batch statistics are of all
    for place, linear in enumerate(weights[:3]):
        values = values @ linear.weight.T + linear.bias
        if place < 2:
            values = normalised(values, norms[place]).clamp(min=0)
    members = iter(values)
    vectors = []
    for group in groups:
        tokens = [next(members) for _ in group]
        if projector.attention is not None:
            tokens = attended(tokens, projector.get_submodule("attention"), heads)
        highest = tokens[0]
        for token in tokens[1:]:
            highest = torch.where(token > highest, token, highest)
        vectors.append(highest)
    return vectors


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Equation 9."""
    return (a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())


def contrasted(groups: dict[str, list[Tensor]], temperature: float) -> Tensor:
    """Equations 10 to 12 over the group vectors of A and B."""
    clips = len(groups["A"])
    total = torch.zeros((), dtype=torch.float64)
    for own, other in (("A", "B"), ("B", "A")):
        for i in range(clips):
            below = torch.zeros((), dtype=torch.float64)
            for j in range(clips):
                if j != i:
                    below = below + torch.exp(similarity(groups[own][i], groups[own][j]) / temperature)
                below = below + torch.exp(similarity(groups[own][i], groups[other][j]) / temperature)
            above = torch.exp(similarity(groups[own][i], groups[other][i]) / temperature)
            total = total - torch.log(above / below)
    return total / (2 * clips)


def meioses(drawn: Tensor) -> tuple[int, Tensor, Tensor]:
    """What the draws were, from views (2, P, Q, 1, T) of members' numbers: c, and who gave head and tail."""
    changes = (drawn.diff(dim=-1) != 0).any(dim=(0, 1, 2, 3)).nonzero().flatten()
    assert len(changes) == 1  # one split position for the whole minibatch
    return int(changes[0]) + 1, drawn[..., 0, 0].long(), drawn[..., 0, -1].long()


def crossed(rows: np.ndarray, corpus: Tensor, draws: tuple[int, Tensor, Tensor]) -> list[list[Tensor]]:
    """Equations 1 to 3, sample by sample, for drawn rows (P, 2Q): 2P groups of Q windows (C, T), A's first."""
    split, head, tail = draws
    groups = []
    for side in range(2):
        for i, members in enumerate(rows):
            group = []
            for k in range(len(members) // 2):
                first, second = corpus[members[head[side, i, k]]], corpus[members[tail[side, i, k]]]
                samples = [first[:, n - 1] if n <= split else second[:, n - 1] for n in range(1, SAMPLES + 1)]
                group.append(torch.stack(samples, dim=1))
            groups.append(group)
    return groups


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sizes())
def test_an_iteration_is_the_papers(case: Sizes) -> None:
    torch.manual_seed(case.seed)
    method = MeMhacl(
        MeMhaclSettings(
            width=1 / 64,
            dropout=0.0,
            clips=case.clips,
            members=case.members,
            temperature=case.temperature,
            heads=case.heads,
            attention=case.attention,
        ),
        eeg_of((CHANNELS, SAMPLES)),
    )
    encoder = method.encoder().double()
    objective = method.objective(int(encoder.features)).double()  # type: ignore[arg-type]
    known = Clips(np.repeat(np.arange(case.people), 10), np.tile(np.arange(10), case.people))
    corpus = torch.randn(len(known.clip), CHANNELS, SAMPLES, dtype=torch.float64)
    rows = next(iter(method.sampler(known, case.seed).epoch(1)))  # lines 3 to 5

    def generator() -> torch.Generator:
        return torch.Generator().manual_seed(case.seed)

    outcome = method.pretrain_step(encoder, objective, method.views(corpus[rows], generator()))
    parameters = [*encoder.parameters(), *objective.parameters()]
    ours = torch.autograd.grad(outcome.loss, parameters)

    numbers = torch.arange(2.0 * case.members)[None, :, None, None].expand(len(rows), -1, 1, SAMPLES)
    groups = crossed(rows, corpus, meioses(method.views(numbers, generator())))  # lines 6 and 7
    features = iter(encoded(torch.stack([window for group in groups for window in group]), encoder))  # line 8
    represented = [[next(features) for _ in group] for group in groups]
    vectors = projected(represented, objective.projector, case.heads)
    sides = {"A": vectors[: len(rows)], "B": vectors[len(rows) :]}
    loss = contrasted(sides, case.temperature)  # line 9
    theirs = torch.autograd.grad(loss, parameters)  # line 10

    assert float(outcome.loss.detach()) == pytest.approx(float(loss.detach()), abs=1e-6)
    for got, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-6)
