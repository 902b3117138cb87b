"""Folds: everything is tested once, nobody needs the same machine to get them, and their manifest is a file."""

import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memhacl.stream.errors import DataError
from memhacl.train.config import ProtocolConfig
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols import MEANING, PARTS, load_folds, make_split, plan_folds, save_folds

shared_fixtures = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
grids = st.tuples(st.integers(3, 8), st.integers(3, 8), st.integers(1, 2))
SAY = """
import json, pickle, sys
from memhacl.train.config import ProtocolConfig
from memhacl.train.protocols import MEANING, plan_folds
corpus = pickle.load(open(sys.argv[1], "rb"))
found = {name: plan_folds(corpus, ProtocolConfig(name=name, folds=3, seed=4)) for name in MEANING}
print(json.dumps({name: [fold.as_json() for fold in folds] for name, folds in found.items()}))
"""


@shared_fixtures
@given(
    size=grids,
    dropped=st.sets(st.integers(0, 63), max_size=12),
    seed=st.integers(0, 1000),
    name=st.sampled_from(sorted(MEANING)),
    folds=st.one_of(st.integers(2, 5), st.just("each")),
)
def test_every_unit_is_tested_in_one_fold_and_folds_are_of_one_size(
    made_up: Callable[..., Corpus],
    full_grid: Callable[..., Any],
    size: tuple[int, int, int],
    dropped: set[int],
    seed: int,
    name: str,
    folds: int | str,
) -> None:
    rows = [row for row in full_grid(*size) if row.subject * size[1] + row.stimulus not in dropped]
    config = ProtocolConfig(name=name, folds=folds, seed=seed, validation=0.2)
    try:
        splits = plan_folds(made_up(rows), config)
    except DataError:  # trials are missing, or units too few: said, and no fold is made smaller
        return
    assert [split.fold for split in splits] == list(range(len(splits)))
    for kind in splits[0].units:
        tested = [unit for split in splits for unit in split.units[kind]["test"]]
        everyone = [unit for part in PARTS for unit in splits[0].units[kind][part]]
        assert sorted(tested) == sorted(everyone)
        sizes = [len(split.units[kind]["test"]) for split in splits]
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("name", "count", "each"), [("subject", 5, 1), ("stimulus", 7, 1), ("trial", 7, 5), ("subject+stimulus", 5, 1)]
)
def test_each_leaves_one_out(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], name: str, count: int, each: int
) -> None:
    corpus = made_up(full_grid(5, 7, 2))
    splits = plan_folds(corpus, ProtocolConfig(name=name, folds="each"))
    assert len(splits) == count
    assert {len(split.units[name.partition("+")[0]]["test"]) for split in splits} == {each}
    if name == "trial":  # one of each person's
        for split in splits:
            assert sorted(corpus.index["subject"][split.test].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_within_subject_everybody_is_in_train_and_test_of_every_fold(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    rows = [row for row in full_grid(6, 9, 1) if row.stimulus < 9 - row.subject]  # 9 to 4 trials a person
    corpus = made_up(rows)
    for split in plan_folds(corpus, ProtocolConfig(name="trial", folds=4)):
        for part in ("train", "test"):
            assert set(corpus.index["subject"][getattr(split, part)].tolist()) == set(range(6))
        trials = Counter(corpus.index["subject"][split.test].tolist())
        assert all(trials[person] in ((9 - person) // 4, -(-(9 - person) // 4)) for person in range(6))


def test_people_and_stimuli_are_crossed_along_the_diagonal(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(8, 8, 1))
    splits = plan_folds(corpus, ProtocolConfig(folds=4, validation=0.25))
    assert sum(len(split.test) for split in splits) == 64 // 4
    for split in splits:  # 2 people x 2 stimuli test, 2 x 2 validate, 4 x 4 train
        assert [len(getattr(split, part)) for part in PARTS] == [16, 4, 4]
        assert split.left_out == 40


def test_a_protocol_without_folds_has_one_split(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(6, 6, 1))
    (only,) = plan_folds(corpus, ProtocolConfig(seed=3))
    assert only.as_json() == make_split(corpus, ProtocolConfig(seed=3)).as_json()


def test_the_same_seed_gives_the_same_folds_in_any_process(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    corpus = made_up(full_grid(6, 6, 1))
    (tmp_path / "corpus").write_bytes(pickle.dumps(corpus))
    command = [sys.executable, "-c", SAY, str(tmp_path / "corpus")]
    said = [
        subprocess.run(
            command, env=os.environ | {"PYTHONHASHSEED": number}, capture_output=True, check=True
        ).stdout
        for number in ("1", "2")
    ]
    found = json.loads(said[0])
    assert json.loads(said[1]) == found
    for name in MEANING:
        here = [fold.as_json() for fold in plan_folds(corpus, ProtocolConfig(name=name, folds=3, seed=4))]
        assert json.loads(json.dumps(here)) == found[name]


def test_folds_are_those_of_every_machine_and_version(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(6, 4, 1))
    found = [fold.units["subject"] for fold in plan_folds(corpus, ProtocolConfig(name="subject", folds=3))]
    assert [(*parts["test"], *parts["validation"]) for parts in found] == [
        ("p1", "p5", "p3"),
        ("p0", "p3", "p5"),
        ("p2", "p4", "p1"),
    ]
    other = plan_folds(corpus, ProtocolConfig(name="subject", folds=3, seed=1))
    assert [fold.units["subject"]["test"] for fold in other] != [parts["test"] for parts in found]


def test_a_manifest_gives_the_folds_back(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    corpus = made_up(full_grid(6, 6, 2))
    folds = plan_folds(corpus, ProtocolConfig(folds=3, seed=2, validation=0.2))
    save_folds(tmp_path / "folds.json", folds, corpus)
    again = load_folds(tmp_path / "folds.json", corpus)
    for fold, same in zip(folds, again, strict=True):
        assert same.as_json() == fold.as_json()
        for part in PARTS:
            np.testing.assert_array_equal(getattr(fold, part), getattr(same, part))
    stored = json.loads((tmp_path / "folds.json").read_text(encoding="utf-8"))
    assert stored["format"] == "memhacl.folds/1"
    assert (stored["protocol"], stored["disjoint"], stored["seed"]) == (
        "subject+stimulus",
        ["subject", "stimulus"],
        2,
    )
    assert stored["simulated"]
    assert not stored["leaky"]


def test_a_manifest_of_other_data_is_refused(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    path, corpus = tmp_path / "folds.json", made_up(full_grid(6, 4, 2))
    save_folds(path, plan_folds(corpus, ProtocolConfig(name="subject", folds=3)), corpus)
    other = replace(corpus, manifest=corpus.manifest.model_copy(update={"fingerprint": "1" * 64}))
    with pytest.raises(DataError, match=r"expected folds of this corpus .*11111111.*found those of other data"):
        load_folds(path, other)
    with pytest.raises(DataError, match=r"kind 'subject' of this corpus \(5\), found folds of 6; 'p5' is in one"):
        load_folds(path, made_up(full_grid(5, 4, 2)))
    with pytest.raises(DataError, match=r"for fold 0 as many windows as this corpus has, found another number"):
        load_folds(path, made_up(full_grid(6, 4, 3)))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "memhacl.folds/1"}'])
def test_a_damaged_manifest_is_a_data_error(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path, text: str
) -> None:
    (tmp_path / "folds.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is no manifest of folds"):
        load_folds(tmp_path / "folds.json", made_up(full_grid(3, 3, 1)))
    with pytest.raises(DataError, match="is no manifest of folds"):
        load_folds(tmp_path / "nowhere.json", made_up(full_grid(3, 3, 1)))


def test_more_folds_than_units_are_refused(made_up: Callable[..., Corpus], full_grid: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=r"protocol\.folds: expected .* 'subject' or fewer \(5\), found 6"):
        plan_folds(made_up(full_grid(5, 4, 2)), ProtocolConfig(name="subject", folds=6))


def test_folds_that_leave_nothing_to_train_on_are_refused_not_made_smaller(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(3, 4, 2))
    with pytest.raises(DataError, match=r"protocol\.folds: fold 0 of 2 would test 2 of 3 units of kind 'subject'"):
        make_split(corpus, ProtocolConfig(name="subject", folds=2))
