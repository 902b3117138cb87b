import json
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
from memhacl.train.protocols import MEANING, Split, load_split, make_split

PARTS = ("train", "validation", "test")
shared_fixtures = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ragged = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3)), min_size=30, max_size=120)


def units(corpus: Corpus, rows: np.ndarray, *names: str) -> set[tuple[int, ...]]:
    return {tuple(int(corpus.index[name][row]) for name in names) for row in rows}


@shared_fixtures
@given(cells=ragged, seed=st.integers(0, 1000), name=st.sampled_from(sorted(MEANING)))
def test_parts_share_nothing_that_the_protocol_keeps_apart(
    made_up: Callable[..., Corpus], row: Any, cells: set[tuple[int, int, int]], seed: int, name: str
) -> None:
    corpus = made_up([row(*cell) for cell in sorted(cells)])
    try:
        split = make_split(corpus, ProtocolConfig(name=name, seed=seed, validation=0.25, test=0.25))
    except DataError:  # too ragged: a part stays empty, which is refused and not silently accepted
        return
    apart = {
        "paper": [("stimulus", "hop")],
        "subject": [("subject",)],
        "stimulus": [("stimulus",)],
        "trial": [("subject", "stimulus")],
        "subject+stimulus": [("subject",), ("stimulus",)],
    }[name]
    for columns in apart:
        train, validation, test = (units(corpus, getattr(split, part), *columns) for part in PARTS)
        assert not train & validation
        assert not train & test
        assert not validation & test
    used = np.concatenate([split.train, split.validation, split.test])
    assert len(np.unique(used)) == len(used) == len(corpus.index) - split.left_out


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
    assert split.leaky
    assert "leaky" in split.meaning
    assert "leaky" in split.as_json()["meaning"]


def test_a_split_read_back_has_the_same_rows(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    corpus = made_up(full_grid(6, 6, 3))
    split = make_split(corpus, ProtocolConfig(seed=5))
    (tmp_path / "split.json").write_text(json.dumps(split.as_json()), encoding="utf-8")
    again = load_split(tmp_path / "split.json", corpus)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(split, part), getattr(again, part))


def test_check_finds_a_person_on_both_sides(made_up: Callable[..., Corpus], full_grid: Callable[..., Any]) -> None:
    corpus = made_up(full_grid(6, 6, 2))
    split: Split = make_split(corpus, ProtocolConfig(name="subject"))
    leaking = replace(split, train=np.concatenate([split.train, split.test[:1]]))
    with pytest.raises(DataError, match=r"subject p. is in two parts"):
        leaking.check(corpus)


def test_too_few_people_is_said_in_one_line(made_up: Callable[..., Corpus], full_grid: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match=r"at least 3 units of kind 'subject'.*found 2"):
        make_split(made_up(full_grid(2, 9, 2)), ProtocolConfig(name="subject"))


def test_a_damaged_split_is_a_data_error(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "split.json").write_text("[1, 2", encoding="utf-8")
    with pytest.raises(DataError, match="is no split"):
        load_split(tmp_path / "split.json", made_up(full_grid(3, 3, 1)))


@pytest.mark.parametrize("name", ["subject", "subject+stimulus", "trial"])
@pytest.mark.parametrize("folds", [2, 5])
def test_folds_test_every_unit_once(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], name: str, folds: int
) -> None:
    corpus = made_up(full_grid(5, 6, 2))
    splits = [make_split(corpus, ProtocolConfig(name=name, folds=folds, fold=fold)) for fold in range(folds)]
    for kind in splits[0].units:
        tested = [unit for split in splits for unit in split.units[kind]["test"]]
        everyone = [unit for part in PARTS for unit in splits[0].units[kind][part]]
        assert sorted(tested) == sorted(everyone)


def test_as_many_folds_as_people_leave_one_out(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(5, 4, 2))
    config = ProtocolConfig(name="subject", folds=5, fold=3)
    assert len(make_split(corpus, config).units["subject"]["test"]) == 1
    with pytest.raises(DataError, match=r"protocol\.folds: expected .* 'subject' or fewer \(5\), found 6"):
        make_split(corpus, ProtocolConfig(name="subject", folds=6))
    with pytest.raises(ValueError, match="fold 5 of 5"):
        ProtocolConfig(name="subject", folds=5, fold=5)


def test_a_fold_without_folds_is_no_random_split() -> None:
    with pytest.raises(ValueError, match=r"fold 3 without folds: .* protocol\.folds"):
        ProtocolConfig(name="subject", fold=3)


def test_folds_that_leave_nothing_to_train_on_are_refused_not_made_smaller(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(3, 4, 2))
    with pytest.raises(DataError, match=r"protocol\.folds: fold 0 of 2 would test 2 of 3 units of kind 'subject'"):
        make_split(corpus, ProtocolConfig(name="subject", folds=2))
