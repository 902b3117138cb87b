"""Baselines without signals: what each class's share is among the windows that they may look at."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from memhacl.train.baselines.registry import predict
from memhacl.train.baselines.situation import Situation, Unavailable

Make = Callable[..., Situation]


def shares(situation: Situation, rows: list[int]) -> NDArray[np.float64] | None:
    """Share of each class among ``rows``, by counting one after the other; None of no rows."""
    counts = [0] * situation.count
    for row in rows:
        counts[situation.classes[row]] += 1
    return np.array(counts) / len(rows) if rows else None


def slow(name: str, situation: Situation, asked: int) -> NDArray[np.float64] | None:
    """What ``name`` should say of the row ``asked``; None where it knows nothing of its own about it."""
    index = situation.corpus.index
    own = {
        "majority": lambda row: True,
        "person": lambda row: index["subject"][row] == index["subject"][asked],
        "stimulus": lambda row: (
            index["stimulus"][row] == index["stimulus"][asked] and index["subject"][row] != index["subject"][asked]
        ),
    }[name]
    known = [row for row in situation.split.train if situation.classes[row] >= 0]
    return shares(situation, [row for row in known if own(row)])


@pytest.mark.parametrize("protocol", ["trial", "paper"])
def test_they_count_what_they_may_and_nothing_else(situation_of: Make, protocol: str) -> None:
    made = situation_of(protocol, count=3)
    for seed, name in itertools.product(range(3), ("majority", "person", "stimulus")):
        # some trials are not rated, or their labels are not used
        situation = replace(made, classes=np.random.default_rng(seed).integers(-1, 3, 64).repeat(4))
        said = predict(name, situation)
        assert not isinstance(said, Unavailable)
        assert said.shape == (len(situation.split.test), 3)
        np.testing.assert_allclose(said.sum(axis=1), 1)
        overall = shares(situation, situation.known.tolist())
        for row, probabilities in zip(situation.split.test, said, strict=True):
            expected = slow(name, situation, row)
            np.testing.assert_allclose(probabilities, overall if expected is None else expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "protocol", "why"),
    [
        ("person", "subject", "people are unseen under this protocol"),
        ("person", "subject+stimulus", "people are unseen under this protocol"),
        ("stimulus", "stimulus", "stimuli are unseen under this protocol"),
        ("stimulus", "subject+stimulus", "stimuli are unseen under this protocol"),
    ],
)
def test_what_a_protocol_hides_is_not_available_and_said(
    situation_of: Make, name: str, protocol: str, why: str
) -> None:
    said = predict(name, situation_of(protocol))
    assert isinstance(said, Unavailable)
    assert why in said.why


@pytest.mark.parametrize(("name", "protocol"), [("person", "stimulus"), ("stimulus", "subject")])
def test_what_a_protocol_shows_is_available(situation_of: Make, name: str, protocol: str) -> None:
    assert not isinstance(predict(name, situation_of(protocol)), Unavailable)


@pytest.mark.parametrize("most", [0, 1])
def test_a_tie_goes_to_the_majority(situation_of: Make, most: int) -> None:
    situation = situation_of("paper")
    subject, train = situation.corpus.index["subject"], situation.split.train
    classes = np.full(len(subject), most)
    own = train[subject[train] == 0]
    classes[own] = np.resize([0, 1], len(own))
    classes[own[len(own) // 2 * 2 :]] = -1  # an odd one would decide
    said = predict("person", replace(situation, classes=classes))
    assert not isinstance(said, Unavailable)
    assert (said.argmax(axis=1) == most).all()
    np.testing.assert_allclose(said[subject[situation.asked] == 0], 0.5, atol=1e-5)
