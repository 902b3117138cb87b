"""The baseline that knows nothing but the time: what drift, and the order of stimuli, may have told a model.

Two numbers of each window: seconds since the person's session began, and seconds since its stimulus began. Both
come from the recording's clock. Where a source stores trials apart (DEAP's preprocessed files, AMIGOS, DREAMER,
kalunga-ssvep, simulated people in DEAP's layout), nobody knows when they were recorded: that clock then runs in
the order of the file, with a pause between trials.
"""

import numpy as np
from sklearn.preprocessing import SplineTransformer

from memhacl.train.baselines.linear import classify, logistic
from memhacl.train.baselines.situation import Floats, Numbers, Said, Situation, Unavailable
from memhacl.train.corpus.store import Corpus

_KNOTS = 10  # of the curves that chances may follow over time: tasks of some minutes in a session of an hour


def time(situation: Situation) -> Said:
    """Probabilities (asked, classes) by logistic regression on smooth curves of the two times."""
    times = elapsed(situation.corpus)
    moves = np.ptp(times[situation.known], axis=0) > 0
    if not moves.any():
        return Unavailable("no time varies: every training window is at one place of its session and stimulus")
    curves = SplineTransformer(n_knots=_KNOTS, extrapolation="constant")
    curves.fit(times[situation.known][:, moves])
    return classify(situation, curves.transform(times[:, moves]), logistic)


def elapsed(corpus: Corpus) -> Floats:
    """Times (rows, 2): seconds in the session, and seconds in the stimulus."""
    index = corpus.index
    began = _least(index["subject"], index["start"])[index["subject"]]  # (rows,)
    seconds = index["hop"] * corpus.spec.hop
    return np.stack([index["start"] - began, seconds], axis=1)


def _places(corpus: Corpus) -> Numbers:
    """Place (rows,) of each row's trial among the person's trials in the order of their beginning, from 0 on."""
    index, trials = corpus.index, corpus.trials
    began = _least(index["trial"], index["start"], len(trials))
    there = np.unique(index["trial"])
    order = there[np.lexsort((began[there], trials.subject[there]))]
    owner = trials.subject[order]
    first = np.searchsorted(owner, owner)  # where the person's own begin
    place = np.zeros(len(trials), dtype=np.int64)
    place[order] = np.arange(len(order)) - first
    return np.asarray(place[index["trial"]], dtype=np.int64)


def same_order(corpus: Corpus) -> bool:
    """Tell whether everybody saw the stimuli in one order, so that the time tells the stimulus.

    It is so too where files store trials by stimulus. Without two people who share two stimuli nothing is told.
    """
    index, trials = corpus.index, corpus.trials
    _, row = np.unique(index["trial"], return_index=True)  # one row of each trial
    place, stimulus, subject = _places(corpus)[row], trials.stimulus[index["trial"][row]], index["subject"][row]
    count = int(stimulus.max()) + 1
    earlier = np.zeros((count, count), dtype=np.int64)  # people who saw the one stimulus before the other
    for one in np.unique(subject):
        mine = stimulus[subject == one][np.argsort(place[subject == one])]
        first, second = np.triu_indices(len(mine), 1)
        np.add.at(earlier, (mine[first], mine[second]), 1)
    return bool((earlier > 1).any() and not (np.minimum(earlier, earlier.T) > 0).any())


def _least(group: Numbers, values: Floats, groups: int = 0) -> Floats:
    """Return the smallest of ``values`` (rows,) in each ``group`` (rows,), (groups,); infinite in an empty one."""
    least = np.full(max(groups, int(group.max()) + 1), np.inf)
    np.minimum.at(least, group, values)
    return least
