"""Labels exchanged between trials at random: what a training on labels that mean nothing would reach.

All trials of the data take part, those that test among them, and what is trained on exchanged labels is measured
against exchanged labels. So everything but the tie between signals and labels is as it was: how many of which
class each person has, and which windows train and test. Were only training's labels exchanged, the real ones of
the test would keep what ties them to people and stimuli, and chance would be that of another problem than the one
in question.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memhacl.train.corpus.trials import Trials

Among = Literal["person", "stimulus"]
Numbers = NDArray[np.int64]


def exchange(trials: Trials, labelled: NDArray[np.bool_], among: Among, number: int) -> Numbers:
    """Return the trial whose labels each trial gets, (trials,); those that are not ``labelled`` (trials,) stay.

    'person': the trials of each person are put in a random order, each person's another. 'stimulus': the stimuli
    are, in the same one for all people, so that what people share in their labels of a stimulus stays shared; one
    who has not seen the next stimulus in that order takes the first after it that was seen. The same ``number``
    gives the same exchange on every machine.
    """
    rng = np.random.default_rng(number)
    following = rng.permutation(int(trials.stimulus.max()) + 1).tolist()
    order = np.arange(len(trials))
    for person in np.unique(trials.subject):
        mine = np.flatnonzero((trials.subject == person) & labelled)
        order[mine] = rng.permutation(mine) if among == "person" else _follow(following, trials.stimulus, mine)
    return order


def _follow(following: list[int], stimulus: NDArray[np.int32], mine: Numbers) -> Numbers:
    """Return for each of one person's trials, ``mine``, that of the stimulus that follows and was seen.

    Of a stimulus seen several times, the first viewing gets the label of the first of the other's, and so on.
    """
    seen = {number: mine[stimulus[mine] == number] for number in np.unique(stimulus[mine]).tolist()}
    given: dict[int, int] = {}
    for number, views in seen.items():
        other = following[number]
        while other not in seen:
            other = following[other]
        given |= zip(views.tolist(), np.resize(seen[other], len(views)).tolist(), strict=True)
    return np.array([given[trial] for trial in mine.tolist()], dtype=np.int64)
