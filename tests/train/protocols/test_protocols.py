"""One split of each protocol: what is kept apart, what is left out, and that chance is the same everywhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import ProtocolConfig
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols import IN_WORDS, LEAKY, MEANING, PARTS, everybody, load_split, make_split

shared_fixtures = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ragged = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3)), min_size=30, max_size=120)
APART = {
    "paper": [("stimulus", "hop")],
    "subject": [("subject",)],
    "stimulus": [("stimulus",)],
    "trial": [("subject", "stimulus")],
    "subject+stimulus": [("subject",), ("stimulus",)],
}


def units(corpus: Corpus, rows: np.ndarray, *names: str) -> set[tuple[int, ...]]:
    return {tuple(int(corpus.index[name][row]) for name in names) for row in rows}


def assert_apart(corpus: Corpus, split: Any) -> None:
    for columns in APART[split.protocol]:
        train, validation, test = (units(corpus, getattr(split, part), *columns) for part in PARTS)
        assert not train & validation
        assert not train & test
        assert not validation & test
    used = np.concatenate([split.train, split.validation, split.test])
    assert len(np.unique(used)) == len(used) == len(corpus.index) - split.left_out


@shared_fixtures
@given(cells=ragged, seed=st.integers(0, 1000), name=st.sampled_from(sorted(MEANING)))
def test_parts_share_nothing_that_the_protocol_keeps_apart(
    made_up: Callable[..., Corpus], row: Any, cells: set[tuple[int, int, int]], seed: int, name: str
) -> None:
    corpus = made_up([row(*cell) for cell in sorted(cells)])
    config = ProtocolConfig(name=name, seed=seed, validation=0.25, test=0.25)
    try:
        split = make_split(corpus, config)
    except DataError:  # too ragged: a part stays empty, which is refused and not silently accepted
        return
    assert_apart(corpus, split)


@shared_fixtures
@given(cells=ragged, seed=st.integers(0, 1000), name=st.sampled_from(sorted(MEANING)))
def test_the_order_of_rows_does_not_matter(
    made_up: Callable[..., Corpus], row: Any, cells: set[tuple[int, int, int]], seed: int, name: str
) -> None:
    rows = [row(*cell) for cell in sorted(cells)]
    order = np.random.default_rng(seed).permutation(len(rows))
    config = ProtocolConfig(name=name, seed=seed, validation=0.25, test=0.25)
    corpora = [made_up(rows), made_up([rows[place] for place in order])]
    try:
        one, other = (make_split(corpus, config) for corpus in corpora)
    except DataError:
        return
    assert one.units == other.units
    for part in PARTS:
        np.testing.assert_array_equal(getattr(one, part), np.sort(order[getattr(other, part)]))


def test_only_the_protocol_that_crosses_two_units_leaves_rows_out(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(10, 10, 2))
    left = {
        name: make_split(corpus, ProtocolConfig(name=name, validation=0.2, test=0.2)).left_out for name in MEANING
    }
    crossed = left.pop("subject+stimulus")
    assert set(left.values()) == {0}
    assert crossed == 200 - 2 * (36 + 4 + 4)


def test_the_papers_protocol_is_70_15_15_of_the_clips_and_calls_itself_leaky(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(2, 10, 10))
    split = make_split(corpus, ProtocolConfig(name="paper"))
    assert [len(getattr(split, part)) for part in PARTS] == [140, 30, 30]
    assert split.disjoint == ()
    assert split.leaky
    assert LEAKY == ("paper",)
    for said in (split.meaning, split.as_json()["meaning"]):
        assert "leaky" in said
        assert "rest" in said
    assert "says nothing about new people" in IN_WORDS["paper"]


def test_within_subject_everybody_trains_validates_and_tests(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(9, 20, 1))
    split = make_split(corpus, ProtocolConfig(name="trial", validation=0.1, test=0.2))
    for part, low, high in (("test", 3, 5), ("validation", 1, 3), ("train", 12, 16)):
        count = np.bincount(corpus.index["subject"][getattr(split, part)], minlength=9)
        assert low <= count.min() <= count.max() <= high, part
    assert len(split.test) == 36


def test_a_stimulus_seen_twice_is_two_trials(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(4, 4, 2))
    corpus.index["stimulus"][corpus.index["stimulus"] == 3] = 2  # the trials stay apart by their numbers
    split = make_split(corpus, ProtocolConfig(name="trial"))
    named = {name for part in PARTS for name in split.units["trial"][part]}
    assert {"p1: v2", "p1: v2 (2)", "p1: v1"} <= named
    assert len(named) == 16


def test_a_refit_trains_on_every_window(made_up: Callable[..., Corpus], full_grid: Callable[..., Any]) -> None:
    corpus = made_up(full_grid(6, 5, 3))
    for name in MEANING:
        split = everybody(corpus, ProtocolConfig(name=name, folds=5, fold=4))
        np.testing.assert_array_equal(split.train, np.arange(len(corpus.index)))
        assert (len(split.validation), len(split.test), split.left_out) == (0, 0, 0)


def test_a_split_read_back_has_the_same_rows(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    corpus = made_up(full_grid(6, 6, 3))
    config = ProtocolConfig(name="subject", seed=5, folds=3, fold=2)
    for split in (make_split(corpus, config), everybody(corpus, config)):
        (tmp_path / "split.json").write_text(json.dumps(split.as_json()), encoding="utf-8")
        again = load_split(tmp_path / "split.json", corpus)
        for part in PARTS:
            np.testing.assert_array_equal(getattr(split, part), getattr(again, part))
        assert again.as_json() == split.as_json()
    assert make_split(corpus, config).as_json()["disjoint"] == ("subject",)
    assert make_split(corpus, config).as_json()["fold"] == 2


def test_too_few_people_is_said_in_one_line(made_up: Callable[..., Corpus], full_grid: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=r"at least 3 units of kind 'subject' to train, select and test.*found 2"):
        make_split(made_up(full_grid(2, 9, 2)), ProtocolConfig(name="subject"))


def test_a_damaged_split_is_a_data_error(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "split.json").write_text("[1, 2", encoding="utf-8")
    with pytest.raises(DataError, match="is no split"):
        load_split(tmp_path / "split.json", made_up(full_grid(3, 3, 1)))


def test_a_split_that_lists_a_person_twice_is_refused(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    corpus = made_up(full_grid(6, 6, 3))
    stored = make_split(corpus, ProtocolConfig(name="subject")).as_json()
    people = stored["units"]["subject"]
    people["train"] = (*people["train"], *people["test"])
    (tmp_path / "split.json").write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(DataError, match="a unit of kind 'subject' is listed in two parts"):
        load_split(tmp_path / "split.json", corpus)


def test_a_fold_without_folds_is_no_random_split() -> None:
    with pytest.raises(ValueError, match=r"fold 3 without folds: .* protocol\.folds"):
        ProtocolConfig(name="subject", fold=3)


def test_a_fold_that_is_not_there_is_said(made_up: Callable[..., Corpus], full_grid: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="fold 5 of 5"):
        ProtocolConfig(name="subject", folds=5, fold=5)
    with pytest.raises(ConfigError, match=r"protocol\.fold: expected one out of 0 to 3, found 4"):
        make_split(made_up(full_grid(4, 4, 1)), ProtocolConfig(name="subject", folds="each", fold=4))
