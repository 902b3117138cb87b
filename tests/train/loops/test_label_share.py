from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.pretraining import pretraining
from rich.console import Console

from memhacl.train.folder import RunFolder
from memhacl.train.loops.label_share import choose_trials, labels_of, said_of, trial_order
from memhacl.train.loops.work import Work
from memhacl.train.stages import Pipeline


@st.composite
def rated_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Trial and class of rows in any order; all rows of a trial have its class."""
    classes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=40))
    rows = draw(st.lists(st.integers(0, len(classes) - 1), min_size=1, max_size=100))
    return np.array(rows), np.array(classes)[rows]


@given(rated_rows(), st.integers(0, 2**32), st.floats(0.001, 1.0), st.floats(0.001, 1.0))
def test_a_share_of_each_class_and_the_smaller_within_the_larger(
    rows: tuple[np.ndarray, np.ndarray], seed: int, share: float, other: float
) -> None:
    trial, classes = rows
    rank = trial_order(int(trial.max()) + 1, seed)
    kept = choose_trials(trial, classes, rank, share)
    assert len(set(kept.tolist())) == len(kept)
    for number in set(classes.tolist()):
        there = set(trial[classes == number].tolist())
        mine = there & set(kept.tolist())
        assert mine
        assert len(mine) == 1 or abs(len(mine) - share * len(there)) <= 0.5
    smaller, larger = (set(choose_trials(trial, classes, rank, part).tolist()) for part in sorted((share, other)))
    assert smaller <= larger
    assert set(choose_trials(trial, classes, rank, 1.0).tolist()) == set(trial.tolist())


def test_the_order_of_trials_is_the_seeds_on_every_machine() -> None:
    assert trial_order(8, 0).tolist() == [3, 1, 0, 5, 2, 4, 7, 6]
    assert trial_order(8, 1).tolist() != trial_order(8, 0).tolist()


def work_of(run: Path, share: float, **update: object) -> Work:
    config = pretraining()
    labels = config.finetune.model_copy(update={"labels": share})
    config = config.model_copy(update={"finetune": labels} | update)
    return Pipeline(config, RunFolder(run), None, Console(quiet=True)).work


@pytest.mark.usefixtures("one_thread")
def test_only_training_labels_are_hidden_and_those_of_whole_trials(split_people: Path) -> None:
    work = work_of(split_people, 0.4)
    labels, trial = labels_of(work), work.corpus.index["trial"]
    train = work.split.train
    for task, target in work.targets.items():
        seen, there = labels.classes[task], target.values
        others = np.setdiff1d(np.arange(len(there)), train)
        np.testing.assert_array_equal(seen[others], there[others])
        hidden = set(trial[train[seen[train] == -1]].tolist())
        used = set(trial[train[seen[train] != -1]].tolist())
        assert hidden
        assert not hidden & used
        assert set(np.unique(seen[train])) - {-1} == set(np.unique(there[train]))
        np.testing.assert_array_equal(seen[train][seen[train] != -1], there[train][seen[train] != -1])
        assert labels.used[task] == len(used) < labels.labelled[task] == len(hidden | used)


@pytest.mark.usefixtures("one_thread")
def test_what_is_said_of_the_labels(split_people: Path) -> None:
    whole = labels_of(work_of(split_people, 1.0))
    count = whole.labelled["valence"]
    assert said_of(whole) == f"labels of {count} of {count} trials"
    few = labels_of(work_of(split_people, 0.01))
    assert few.used == {"valence": 2, "arousal": 2, "quadrant": 4}
    assert said_of(few) == f"labels of trials: valence 2 of {count}, arousal 2 of {count}, quadrant 4 of {count}"


@pytest.mark.usefixtures("one_thread")
def test_the_seed_alone_decides_which_trials(split_people: Path) -> None:
    one = labels_of(work_of(split_people, 0.4))
    again = labels_of(work_of(split_people, 0.4, name="other", threads=0))
    other = labels_of(work_of(split_people, 0.4, seed=5))
    np.testing.assert_array_equal(one.classes["valence"], again.classes["valence"])
    assert (one.classes["valence"] != other.classes["valence"]).any()
