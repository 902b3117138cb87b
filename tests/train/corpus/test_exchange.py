from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memhacl.stream.errors import ConfigError
from memhacl.stream.signals import Trial
from memhacl.train.config import LabelConfig
from memhacl.train.corpus.exchange import exchange
from memhacl.train.corpus.labels import targets_of
from memhacl.train.corpus.trials import Trials, tabulate

RANGES = {"valence": (1.0, 9.0), "arousal": (1.0, 9.0)}


def trials_of(pairs: list[tuple[int, int]]) -> Trials:
    return tabulate((person, film, Trial(f"v{film}", 0.0, 0.0, 1.0)) for person, film in pairs)


PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30)


@given(PAIRS, st.data(), st.sampled_from(["person", "stimulus"]), st.integers(1, 2**32))
def test_labels_stay_with_their_person_and_with_those_who_have_any(
    pairs: list[tuple[int, int]], data: st.DataObject, among: str, number: int
) -> None:
    trials = trials_of(pairs)
    labelled = np.array(data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs))))
    order = exchange(trials, labelled, among, number)
    assert (trials.subject[order] == trials.subject).all()
    assert (order[~labelled] == np.flatnonzero(~labelled)).all()
    assert labelled[order[labelled]].all()
    np.testing.assert_array_equal(order, exchange(trials, labelled, among, number))
    once = len(set(pairs)) == len(pairs)
    if among == "person" or once:  # a true exchange: every label is given once
        assert sorted(order.tolist()) == list(range(len(pairs)))


@given(st.integers(1, 6), st.integers(2, 8), st.integers(1, 1000))
def test_stimuli_are_exchanged_alike_for_all_people(people: int, films: int, number: int) -> None:
    trials = trials_of([(person, film) for person in range(people) for film in range(films)])
    order = exchange(trials, np.ones(len(trials), dtype=bool), "stimulus", number)
    assert len({tuple(row) for row in trials.stimulus[order].reshape(people, films).tolist()}) == 1


def test_one_who_missed_a_stimulus_goes_on_in_the_order_of_the_others() -> None:
    films = [(person, film) for person in (0, 1) for film in range(7) if (person, film) not in ((1, 2), (1, 5))]
    trials = trials_of(films)
    order = exchange(trials, np.ones(len(trials), dtype=bool), "stimulus", 4)
    follows = dict(zip(trials.stimulus[:7].tolist(), trials.stimulus[order[:7]].tolist(), strict=True))
    for film, got in zip(trials.stimulus[7:].tolist(), trials.stimulus[order[7:]].tolist(), strict=True):
        expected = follows[film]
        while expected in (2, 5):
            expected = follows[expected]
        assert got == expected


def test_people_are_exchanged_each_in_another_way_and_every_number_is_another_exchange() -> None:
    trials = trials_of([(person, film) for person in range(3) for film in range(8)])
    everyone = np.ones(24, dtype=bool)
    rows = trials.stimulus[exchange(trials, everyone, "person", 1)].reshape(3, 8)
    assert len({tuple(row) for row in rows.tolist()}) == 3
    assert len({tuple(exchange(trials, everyone, "person", number).tolist()) for number in range(1, 9)}) == 8


def rated(seed: int = 0) -> Trials:
    random = np.random.default_rng(seed)
    return tabulate(
        (person, film, Trial(f"v{film}", 0.0, 0.0, 1.0, {k: float(random.uniform(1, 9)) for k in RANGES}))
        for person in range(4)
        for film in range(6)
    )


def test_all_tasks_are_exchanged_together_and_everybody_keeps_what_they_said() -> None:
    trials = rated()
    real = targets_of(trials, RANGES, LabelConfig())
    found = targets_of(trials, RANGES, LabelConfig(permutation=7))
    assert any((found[task].values != real[task].values).any() for task in real)
    together = 2 * found["valence"].values + found["arousal"].values
    np.testing.assert_array_equal(together, found["quadrant"].values)
    for person in range(4):
        rows = trials.subject == person
        assert Counter(found["quadrant"].values[rows].tolist()) == Counter(real["quadrant"].values[rows].tolist())


def test_labels_that_only_change_their_names_are_refused() -> None:
    trials = tabulate(
        (person, film, Trial(f"{film}", 0.0, 0.0, 1.0, categories={"flicker": f"{film} Hz"}))
        for person in range(3)
        for film in range(4)
    )
    config = LabelConfig(tasks=("flicker",), permutation=1, permute="stimulus")
    with pytest.raises(ConfigError, match=r"labels\.permute: 'stimulus' would only rename .*expected 'person'"):
        targets_of(trials, {}, config)
    targets_of(trials, {}, config.model_copy(update={"permute": "person"}))
