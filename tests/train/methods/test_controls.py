"""The method's controls: no meiosis, groups by person, groups with nothing in common."""

import logging

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from plugins.montage import eeg_of

from memhacl.stream.errors import ConfigError
from memhacl.train.methods.contract import Clips
from memhacl.train.methods.me_mhacl.contrast import nt_xent
from memhacl.train.methods.me_mhacl.groups import shuffled
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings


def method_of(**settings: object) -> MeMhacl:
    return MeMhacl(MeMhaclSettings.parse(settings, "test"), eeg_of((16, 32)))


def full(subjects: int, clips: int) -> Clips:
    return Clips(np.repeat(np.arange(subjects), clips), np.tile(np.arange(clips), subjects))


def epoch(known: Clips, number: int = 0, seed: int = 0, **settings: object) -> list[NDArray[np.int64]]:
    return list(method_of(**settings).sampler(known, seed).epoch(number))


def test_without_meiosis_windows_stay_whole_and_people_go_to_either_group_at_random() -> None:
    people = torch.arange(4.0)[None, :, None, None].expand(4000, 4, 1, 32)  # every sample says whose it is
    views = method_of(meiosis=False).views(people, torch.Generator().manual_seed(0))
    assert views.shape == (2, 4000, 2, 1, 32)
    assert (views == views[..., :1]).all()
    members = views[..., 0, 0].transpose(0, 1).flatten(1)  # (P, 2Q)
    assert torch.equal(members.sort(dim=1).values, torch.arange(4.0).expand(4000, 4))
    together = {tuple(sorted(pair)) for pair in views[0, :, :, 0, 0].tolist()}
    assert len(together) == 6  # any two of four people may share a group
    share = torch.stack([(members[:, :2] == person).any(dim=1).float().mean() for person in range(4)])
    torch.testing.assert_close(share, torch.full((4,), 0.5), atol=0.05, rtol=0)


def test_views_without_meiosis_depend_on_the_generator_alone() -> None:
    batch, method = torch.randn(3, 4, 2, 32), method_of(meiosis=False)
    first = method.views(batch, torch.Generator().manual_seed(5))
    torch.manual_seed(2)
    assert torch.equal(method.views(batch, torch.Generator().manual_seed(5)), first)
    assert not torch.equal(method.views(batch, torch.Generator().manual_seed(6)), first)


@settings(deadline=None)
@given(st.data())
def test_groups_by_person_hold_different_windows_of_one(data: st.DataObject) -> None:
    subjects, clips = data.draw(st.integers(2, 9)), data.draw(st.integers(4, 25))
    size, members = data.draw(st.integers(2, 9)), data.draw(st.integers(1, min(subjects // 2, 2)))
    order = np.random.default_rng(data.draw(st.integers(0, 2**31))).permutation(subjects * clips)
    known = Clips(full(subjects, clips).subject[order] * 7, full(subjects, clips).clip[order])
    batches = epoch(known, groups="person", clips=size, members=members)
    assert len(batches) == len(epoch(known, clips=size, members=members))  # as many steps as with clips
    for rows in batches:
        people = known.subject[rows]
        assert rows.dtype == np.int64
        assert rows.shape == (min(size, subjects), 2 * members)
        assert (people == people[:, :1]).all()
        assert len(set(people[:, 0].tolist())) == len(people)
        assert all(len(set(row)) == len(row) for row in rows.tolist())


def test_by_person_everyone_and_every_window_is_drawn_about_equally_often() -> None:
    known = full(12, 40)
    drawn = np.concatenate([np.ravel(epoch(known, number, groups="person")) for number in range(100)])
    np.testing.assert_allclose(np.bincount(known.subject[drawn]) / len(drawn), 1 / 12, atol=0.01)
    assert set(drawn.tolist()) == set(range(480))


def test_by_person_people_with_few_windows_are_left_out_and_too_few_people_are_said_in_one_line() -> None:
    known = full(5, 10)
    kept = (known.subject < 4) | (known.clip < 3)  # the fifth has three windows
    few = Clips(known.subject[kept], known.clip[kept])
    assert {people for rows in epoch(few, groups="person") for people in few.subject[rows].flat} == {0, 1, 2, 3}
    with pytest.raises(ConfigError) as problem:
        epoch(full(4, 2), groups="person")
    assert str(problem.value) == (
        "method.settings.groups: 'person' needs two people or more with 4 windows, found 0; lower "
        "method.settings.members or add people"
    )


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 2**31))
def test_shuffling_keeps_what_each_person_saw(subjects: int, clips: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero(rng.random(subjects * clips) < 0.7)
    known = Clips(full(subjects, clips).subject[kept], full(subjects, clips).clip[kept])
    other = shuffled(known, seed)
    assert np.array_equal(other.subject, known.subject)
    for person in range(subjects):
        own = known.subject == person
        assert sorted(other.clip[own]) == sorted(known.clip[own])
    assert np.array_equal(shuffled(known, seed).clip, other.clip)


def test_shuffled_people_share_nothing_but_numbers_for_good() -> None:
    known = full(6, 200)
    other = shuffled(known, 3)
    clips = other.clip.reshape(6, 200)
    same = [(clips[a] == clips[b]).mean() for a in range(6) for b in range(a)]
    assert max(same) < 0.05  # by chance 1 in 200
    assert (other.clip == known.clip).mean() < 0.05
    assert not np.array_equal(shuffled(known, 4).clip, other.clip)
    numbered = [epoch(known, number, seed=3, groups="shuffled") for number in range(2)]
    for batches in numbered:  # the same relabelling in every epoch, each number once
        drawn = np.concatenate([other.clip[rows] for rows in batches])
        assert (drawn == drawn[:, :1]).all()
        assert sorted(drawn[:, 0].tolist()) == list(range(200))
    straight = epoch(known, 0, seed=3)
    assert [rows.shape for rows in straight] == [rows.shape for rows in numbered[0]]


@pytest.mark.parametrize("groups", ["person", "shuffled"])
def test_an_epoch_of_a_control_depends_on_seed_and_number_alone(groups: str) -> None:
    known = full(6, 20)

    def drawn(seed: int, number: int) -> list[list[int]]:
        return [rows.tolist() for rows in epoch(known, number, seed, groups=groups)]

    assert drawn(3, 4) == drawn(3, 4)
    assert drawn(3, 4) != drawn(3, 5)
    assert drawn(3, 4) != drawn(4, 4)
    sampler = method_of(groups=groups).sampler(known, 3)
    list(sampler.epoch(1))
    assert [rows.tolist() for rows in sampler.epoch(4)] == drawn(3, 4)


def test_controls_log_what_the_paper_s_groups_would(caplog: pytest.LogCaptureFixture) -> None:
    known = full(4, 10)
    kept = ~((known.clip == 7) & (known.subject == 0))
    with caplog.at_level(logging.WARNING):
        epoch(Clips(known.subject[kept], known.clip[kept]), groups="shuffled")
    assert caplog.messages == ["1 of 10 clips were seen by fewer than 4 people: left out"]


def found(groups: str, clip_part: float, person_part: float) -> float:
    """How often means over members and time find the homologue (chance: 1 / 15) of windows made of two parts."""
    rng = np.random.default_rng(0)
    known = full(10, 32)
    evoked, own = rng.standard_normal((32, 16)), rng.standard_normal((10, 16))
    levels = clip_part * evoked[known.clip] + person_part * own[known.subject]
    windows = levels[:, :, None] + 4 * rng.standard_normal((320, 16, 32))
    method, generator = method_of(groups=groups, meiosis=False), torch.Generator().manual_seed(0)
    accuracies = [
        float(nt_xent(method.views(torch.from_numpy(windows[rows]), generator).mean((2, 4)), 0.1)[1])
        for number in range(20)
        for rows in method.sampler(known, 0).epoch(number)
    ]
    return float(np.mean(accuracies))


def test_groups_have_in_common_what_the_setting_says_and_nothing_else() -> None:
    assert found("clip", clip_part=1, person_part=0) > 0.5
    assert found("clip", clip_part=0, person_part=1) < 0.1
    assert found("person", clip_part=0, person_part=1) > 0.5
    assert found("person", clip_part=1, person_part=0) < 0.1
    assert found("shuffled", clip_part=1, person_part=0) < 0.1
    assert found("shuffled", clip_part=0, person_part=1) < 0.1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_process_gets_both_groups_of_its_own_clips(count: int) -> None:
    views = torch.randn(2, 7, 3, 2, 32)
    parts = [method_of().part(views, rank, count) for rank in range(count)]
    assert torch.equal(torch.cat(parts, dim=1), views)
    sizes = [part.shape[1] for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_groups_by_stimulus_hold_any_second_of_it() -> None:
    subject, stimulus, second = (part.ravel() for part in np.meshgrid(np.arange(6), np.arange(4), np.arange(5)))
    known = Clips(subject, stimulus * 5 + second, stimulus)
    sampler = method_of(clips=4, groups="stimulus").sampler(known, seed=0)
    seconds = set()
    for number in range(5):
        (rows,) = sampler.epoch(number)
        assert (stimulus[rows] == stimulus[rows][:, :1]).all()
        assert sorted(stimulus[rows][:, 0].tolist()) == [0, 1, 2, 3]  # so that no negative is of the same stimulus
        assert all(len(set(people)) == len(people) for people in subject[rows].tolist())
        seconds |= set(second[rows].ravel().tolist())
    assert seconds == set(range(5))
