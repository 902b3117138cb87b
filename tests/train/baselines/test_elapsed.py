"""Elapsed time: where windows stand in their sessions, and what that alone tells."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from memhacl.train.baselines.elapsed import elapsed, same_order
from memhacl.train.baselines.registry import predict
from memhacl.train.baselines.situation import Situation, Unavailable
from memhacl.train.corpus.store import Corpus
from memhacl.train.measure.metrics import balanced_accuracy

Make = Callable[..., Situation]


def with_starts(corpus: Corpus, starts: np.ndarray) -> Corpus:
    index = corpus.index.copy()
    index["start"] = starts
    return replace(corpus, index=index)


@pytest.mark.parametrize("seed", [0, 1])
def test_times_are_counted_from_each_persons_own_beginning(situation_of: Make, seed: int) -> None:
    corpus = situation_of().corpus
    kept = np.sort(np.random.default_rng(seed).permutation(len(corpus.index))[:100])
    corpus = replace(corpus, index=corpus.index[kept], windows=corpus.windows[kept])
    times, index = elapsed(corpus), corpus.index
    for row in range(len(index)):
        mine = index[index["subject"] == index["subject"][row]]
        assert times[row].tolist() == [index["start"][row] - mine["start"].min(), index["hop"][row]]


def test_what_alternates_with_time_is_found_in_people_never_seen(situation_of: Make) -> None:
    corpus = situation_of().corpus
    seconds = elapsed(corpus)[:, 0]
    classes = (seconds // 20 % 2).astype(np.int64)  # four phases of 20 s for everybody, whatever is shown
    situation = situation_of("subject", classes)
    said = predict("time", situation)
    assert not isinstance(said, Unavailable)
    assert balanced_accuracy(classes[situation.asked], said.argmax(axis=1)) > 0.95
    by_stimulus = predict("stimulus", situation)
    assert not isinstance(by_stimulus, Unavailable)
    assert balanced_accuracy(classes[situation.asked], by_stimulus.argmax(axis=1)) < 0.8


def test_what_has_nothing_to_do_with_time_is_not_found(situation_of: Make) -> None:
    made, scores = situation_of("subject"), []
    for seed in range(10):
        classes = np.random.default_rng(seed).integers(0, 2, 64).repeat(4)
        situation = replace(made, classes=classes)
        said = predict("time", situation)
        assert not isinstance(said, Unavailable)
        scores.append(balanced_accuracy(classes[situation.asked], said.argmax(axis=1)))
    assert abs(np.mean(scores) - 0.5) < 0.1


def test_without_a_clock_it_is_unavailable(situation_of: Make) -> None:
    situation = situation_of("paper")
    corpus = situation.corpus
    index = corpus.index.copy()
    index["start"], index["hop"] = 0.0, 0
    one_place = replace(situation, corpus=replace(corpus, index=index))
    said = predict("time", one_place)
    assert isinstance(said, Unavailable)
    assert "no time varies" in said.why


def test_one_order_for_everybody_is_noticed(situation_of: Make) -> None:
    corpus = situation_of().corpus
    index = corpus.index
    assert not same_order(corpus)  # an order of each person's own
    alike = with_starts(corpus, 100 * index["stimulus"].astype(float) + index["hop"] + 7 * index["subject"])
    assert same_order(alike)
    gone = np.flatnonzero((index["stimulus"] != 2) | (index["subject"] != 3))  # one trial fewer changes no order
    assert same_order(replace(alike, index=alike.index[gone], windows=alike.windows[gone]))
    swapped = alike.index["start"].copy()
    swapped[(index["subject"] == 5) & (index["stimulus"] == 1)] += 150
    assert not same_order(with_starts(corpus, swapped))
    alone = np.flatnonzero(index["subject"] == 0)
    assert not same_order(replace(alike, index=alike.index[alone], windows=alike.windows[alone]))
