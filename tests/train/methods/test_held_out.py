"""The measure on validation people: which rows serve, and why the figure without meiosis is what counts."""

import logging

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.montage import eeg_of
from torch import Tensor

from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import deap_arrays
from memhacl.train.methods.contract import Clips, Sampler
from memhacl.train.methods.me_mhacl.contrast import nt_xent
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings

SLOW = [36, 37, 39]  # skin conductance, breathing and temperature in DEAP's order


def method_of(**settings: object) -> MeMhacl:
    return MeMhacl(MeMhaclSettings.parse(settings, "test"), eeg_of((2, 128)))


def full(subjects: int, clips: int) -> Clips:
    return Clips(np.repeat(np.arange(subjects), clips), np.tile(np.arange(clips), subjects))


def shapes(sampler: Sampler | None) -> set[tuple[int, ...]]:
    assert sampler is not None
    return {rows.shape for rows in sampler.epoch(0)}


def test_with_people_enough_it_is_as_in_training() -> None:
    known, method = full(6, 32), method_of(clips=8, members=2)
    held_out, training = method.held_out_sampler(known, 3), method.sampler(known, 3)
    assert held_out is not None
    for ours, theirs in zip(held_out.epoch(2), training.epoch(2), strict=True):
        assert np.array_equal(ours, theirs)
    assert held_out.batches_per_epoch == 4


@pytest.mark.parametrize(("people", "members"), [(2, 1), (3, 1), (4, 2), (5, 2), (15, 7), (16, 8), (40, 8)])
def test_few_people_make_smaller_groups(people: int, members: int) -> None:
    assert shapes(method_of(clips=4, members=8).held_out_sampler(full(people, 12), 0)) == {(4, 2 * members)}


def test_fewer_clips_than_p_make_smaller_minibatches() -> None:
    assert shapes(method_of(clips=8).held_out_sampler(full(4, 3), 0)) == {(3, 4)}


def test_people_are_counted_by_the_clips_that_they_share(caplog: pytest.LogCaptureFixture) -> None:
    known = full(6, 20)
    kept = (known.subject < 2) | (known.clip < 5)  # two people saw all clips, six of them five
    known = Clips(known.subject[kept], known.clip[kept])
    assert shapes(method_of(clips=5, members=3).held_out_sampler(known, 0)) == {(5, 6)}
    assert shapes(method_of(clips=10, members=3).held_out_sampler(known, 0)) == {(10, 2)}
    assert not caplog.messages  # clips that are left out are of no interest here


def test_two_people_who_share_two_clips_are_enough() -> None:
    known = Clips(np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([0, 1, 2, 3, 2, 3, 4, 5]))
    assert shapes(method_of(clips=8).held_out_sampler(known, 0)) == {(2, 2)}


@pytest.mark.parametrize(
    "known",
    [
        full(0, 0),
        full(1, 20),
        full(5, 1),
        Clips(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])),  # two people share one clip
        Clips(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3])),
    ],
)
@pytest.mark.parametrize("groups", ["clip", "person", "shuffled"])
def test_none_where_nobody_shares_two_clips(known: Clips, groups: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert method_of(groups=groups).held_out_sampler(known, 0) is None
    assert not caplog.messages


@settings(deadline=None)
@given(st.data())
def test_it_never_fails_and_never_warns(data: st.DataObject) -> None:
    subjects, clips = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 12))
    groups = data.draw(st.sampled_from(["clip", "person", "shuffled"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    known = full(subjects, clips)
    kept = rng.permutation(np.flatnonzero(rng.random(len(known.clip)) < data.draw(st.floats(0.1, 1.0))))
    known = Clips(known.subject[kept], known.clip[kept])
    sampler = method_of(clips=data.draw(st.integers(2, 9)), members=3, groups=groups).held_out_sampler(known, 0)
    if sampler is None:
        return
    batches = list(sampler.epoch(0))
    assert len(batches) == sampler.batches_per_epoch > 0
    for rows in batches:
        alike, different = (known.subject, rows) if groups == "person" else (known.clip, known.subject[rows])
        assert len(rows) >= 2
        assert rows.shape[1] in {2, 4, 6}
        assert all(len(set(members)) == len(members) for members in different.tolist())
        if groups != "shuffled":
            assert (alike[rows] == alike[rows[:, :1]]).all()


def test_views_are_drawn_with_meiosis_and_apart_by_the_generator_alone() -> None:
    method = method_of()
    people = torch.arange(6.0)[None, :, None, None].expand(5, 6, 2, 128)  # every sample says whose it is
    views = method.held_out_views(people, torch.Generator().manual_seed(1))
    assert set(views) == {"meiosis", "apart"}
    assert {tuple(view.shape) for view in views.values()} == {(2, 5, 3, 2, 128)}
    assert (views["meiosis"][..., 0] != views["meiosis"][..., -1]).all()
    assert (views["apart"] == views["apart"][..., :1, :1]).all()
    whose = views["apart"][..., 0, 0].transpose(0, 1).flatten(1)  # (P, 2Q)
    assert torch.equal(whose.sort(dim=1).values, torch.arange(6.0).expand(5, 6))
    again = method.held_out_views(people, torch.Generator().manual_seed(1))
    assert all(torch.equal(again[name], view) for name, view in views.items())
    other = method.held_out_views(people, torch.Generator().manual_seed(2))
    assert not any(torch.equal(other[name], view) for name, view in views.items())


def found_by_means(windows: Tensor, known: Clips, method: MeMhacl) -> dict[str, float]:
    """How often the channels' means, over members and time, find a group's homologue; chance is 1 / 15."""
    sampler, generator = method.held_out_sampler(known, 0), torch.Generator().manual_seed(0)
    assert sampler is not None
    found: dict[str, list[float]] = {"meiosis": [], "apart": []}
    for number in range(10):
        for rows in sampler.epoch(number):
            assert len(rows) == 8
            for name, views in method.held_out_views(windows[rows], generator).items():
                found[name].append(float(nt_xent(views.mean((2, 4)), 0.1)[1]))
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_untrained_means_recognise_halves_of_the_same_recordings_but_not_what_people_share() -> None:
    people = People(subjects=8, stimuli=4, seconds=8)
    rows = []
    for person in range(people.subjects):
        data = deap_arrays(people, person)[0][:, SLOW]  # (4, 3, 11 s)
        seconds = data.reshape(4, 3, 11, 128).transpose(0, 2, 1, 3)  # (4, 11, 3, 128)
        rows.append((seconds[:, 3:] - seconds[:, :3].mean(axis=1, keepdims=True)).reshape(32, 3, 128))
    windows = np.concatenate(rows)
    windows /= windows.std(axis=(0, 2), keepdims=True)
    found = found_by_means(torch.from_numpy(windows), full(8, 32), method_of())
    assert found["meiosis"] > 0.2
    assert found["apart"] < 0.1


def test_levels_of_signals_that_share_nothing_give_pairs_away_after_meiosis() -> None:
    generator = torch.Generator().manual_seed(0)
    levels = torch.randn(256, 16, 1, generator=generator)
    windows = levels + torch.randn(256, 16, 128, generator=generator)
    found = found_by_means(windows, full(8, 32), method_of())
    assert found["meiosis"] > 0.6
    assert found["apart"] < 0.1
