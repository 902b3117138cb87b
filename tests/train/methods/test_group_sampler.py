"""The group sampler on corpora as ragged as real ones."""

import logging
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memhacl.stream.errors import ConfigError
from memhacl.train.methods.contract import Clips
from memhacl.train.methods.me_mhacl.sampler import GroupSampler

SCRIPT = """
import numpy as np
from memhacl.train.methods.contract import Clips
from memhacl.train.methods.me_mhacl.sampler import GroupSampler
subject, clip = (part.ravel() for part in np.meshgrid(np.arange(6), np.arange(20)))
sampler = GroupSampler(Clips(subject, clip), clips=8, members=2, seed=3)
print([rows.tolist() for rows in sampler.epoch(4)])
"""


def full(subjects: int, clips: int) -> Clips:
    subject, clip = (part.ravel() for part in np.meshgrid(np.arange(subjects), np.arange(clips)))
    return Clips(subject, clip)


def check_epoch(known: Clips, batches: list[NDArray[np.int64]], members: int) -> list[int]:
    """Check what must hold of every minibatch; return the clips in the order drawn."""
    drawn: list[int] = []
    for rows in batches:
        assert rows.dtype == np.int64
        assert rows.shape[1] == 2 * members
        assert len(rows) >= 2
        clips, people = known.clip[rows], known.subject[rows]
        assert (clips == clips[:, :1]).all()
        assert all(len(set(row)) == 2 * members for row in people.tolist())
        drawn += clips[:, 0].tolist()
    return drawn


@settings(deadline=None)
@given(st.data())
def test_every_clip_that_enough_people_saw_comes_once_an_epoch(data: st.DataObject) -> None:
    subjects, clips = data.draw(st.integers(2, 9)), data.draw(st.integers(2, 25))
    members = data.draw(st.integers(1, subjects // 2))
    size = data.draw(st.integers(2, 9))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    known = full(subjects, clips)
    kept = rng.random(len(known.clip)) < data.draw(st.floats(0.3, 1.0))
    kept = rng.permutation(np.concatenate([np.flatnonzero(kept), np.flatnonzero(kept)[:3]]))  # some twice
    known = Clips(known.subject[kept] * 7, known.clip[kept] * 11 - 3)  # numbers with holes
    saw = {clip: len(set(known.subject[known.clip == clip].tolist())) for clip in set(known.clip.tolist())}
    usable = sorted(clip for clip, people in saw.items() if people >= 2 * members)
    if len(usable) < 2:
        with pytest.raises(ConfigError, match=r"method\.settings\.members"):
            GroupSampler(known, size, members, 0)
        return
    sampler = GroupSampler(known, size, members, 0)
    batches = list(sampler.epoch(1))
    assert len(batches) == sampler.batches_per_epoch
    assert sorted(check_epoch(known, batches, members)) == usable
    assert max(map(len, batches)) <= max(size, 3)  # P = 2 and an odd number of clips: one minibatch of three


def test_minibatches_are_the_papers_where_the_clips_divide() -> None:
    batches = list(GroupSampler(full(32, 168), clips=8, members=2, seed=0).epoch(1))
    assert [rows.shape for rows in batches] == [(8, 4)] * 21


def test_no_remainder_of_one_clip() -> None:
    sizes = [len(rows) for rows in GroupSampler(full(4, 17), clips=8, members=2, seed=0).epoch(1)]
    assert sorted(sizes) == [5, 6, 6]


def test_people_are_shared_by_all_clips_of_a_minibatch() -> None:
    known = full(10, 40)
    people = [known.subject[rows] for rows in GroupSampler(known, clips=8, members=2, seed=0).epoch(1)]
    assert all((batch == batch[0]).all() for batch in people)
    assert len({tuple(batch[0]) for batch in people}) > 1


def test_people_who_miss_a_clip_give_way_to_those_who_saw_all() -> None:
    known = full(6, 8)
    kept = ~((known.subject < 2) & (known.clip == 5))  # persons 0 and 1 lost clip 5
    known = Clips(known.subject[kept], known.clip[kept])
    (rows,) = GroupSampler(known, clips=8, members=2, seed=0).epoch(1)
    people = known.subject[rows]
    assert set(people[0].tolist()) == {2, 3, 4, 5}
    assert (people == people[0]).all()


def test_stimuli_that_different_people_saw_can_share_a_minibatch() -> None:
    known = full(8, 16)
    kept = (known.subject < 4) == (known.clip < 8)  # two halves of people, each with its own stimuli
    known = Clips(known.subject[kept], known.clip[kept])
    drawn = check_epoch(known, list(GroupSampler(known, clips=8, members=2, seed=0).epoch(1)), 2)
    assert sorted(drawn) == list(range(16))


def test_everyone_is_drawn_about_equally_often() -> None:
    known = full(8, 64)
    sampler = GroupSampler(known, clips=8, members=2, seed=0)
    drawn = np.concatenate([known.subject[rows[0]] for number in range(50) for rows in sampler.epoch(number)])
    share = np.bincount(drawn, minlength=8) / len(drawn)
    np.testing.assert_allclose(share, 1 / 8, atol=0.03)


def test_both_viewings_of_a_clip_are_used() -> None:
    known = Clips(np.array([0, 0, 1, 0, 1]), np.array([0, 0, 0, 1, 1]))
    sampler = GroupSampler(known, clips=2, members=1, seed=0)
    seen = {row for number in range(30) for rows in sampler.epoch(number) for row in rows.ravel().tolist()}
    assert seen == set(range(5))


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    def epoch(seed: int, number: int) -> list[list[int]]:
        return [rows.tolist() for rows in GroupSampler(full(6, 20), clips=8, members=2, seed=seed).epoch(number)]

    assert epoch(3, 4) == epoch(3, 4)
    assert epoch(3, 4) != epoch(3, 5)
    assert epoch(3, 4) != epoch(4, 4)
    sampler = GroupSampler(full(6, 20), clips=8, members=2, seed=3)
    list(sampler.epoch(1))  # an epoch before must not matter: this is what exact resume rests on
    assert [rows.tolist() for rows in sampler.epoch(4)] == epoch(3, 4)
    other = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(epoch(3, 4))


def test_too_few_people_is_said_in_one_line() -> None:
    with pytest.raises(ConfigError) as problem:
        GroupSampler(full(3, 50), clips=8, members=2, seed=0)
    assert str(problem.value) == (
        "method.settings.members: 2 needs two clips or more that 4 people saw, found 0 (most people for one clip: "
        "3); lower it or add people"
    )


def test_clips_left_out_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    known = full(4, 10)
    kept = ~((known.clip == 7) & (known.subject == 0))
    with caplog.at_level(logging.WARNING):
        GroupSampler(Clips(known.subject[kept], known.clip[kept]), clips=8, members=2, seed=0)
    assert caplog.messages == ["1 of 10 clips were seen by fewer than 4 people: left out"]
