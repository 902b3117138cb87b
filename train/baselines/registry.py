"""All baselines by the name that a config gives them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from memhacl.train.baselines.counting import majority, person, stimulus
from memhacl.train.baselines.elapsed import time
from memhacl.train.baselines.linear import classify, discriminant, logistic, machine
from memhacl.train.baselines.situation import Said, Situation, Unavailable


@dataclass(frozen=True)
class Baseline:
    """A baseline: ``what`` it is, in the words that stand beside its numbers, and how it ``predicts``."""

    what: str
    predicts: Callable[[Situation], Said]


def _lda(situation: Situation) -> Said:
    table = situation.features
    return classify(situation, table.of(*table.modalities), discriminant, costs=(0.0,))


def _svm(situation: Situation) -> Said:
    table = situation.features
    return classify(situation, table.of(*table.modalities), machine)


def _peripheral(situation: Situation) -> Said:
    others = [name for name in situation.features.modalities if name != "EEG"]
    if not others:
        return Unavailable("the montage has no signal but EEG")
    return classify(situation, situation.features.of(*others), logistic)


BASELINES: Mapping[str, Baseline] = {
    "majority": Baseline("training's most frequent class", majority),
    "person": Baseline("the most frequent class of the person's own training trials", person),
    "stimulus": Baseline("what other people in training mostly said of the stimulus", stimulus),
    "time": Baseline("elapsed time alone: seconds in the session and in the stimulus", time),
    "lda": Baseline("differential entropy of EEG and simple features of other signals, with shrinkage LDA", _lda),
    "svm": Baseline("the same features with a linear support vector machine", _svm),
    "peripheral": Baseline("simple features of all signals but EEG, with logistic regression", _peripheral),
}


def predict(name: str, situation: Situation) -> Said:
    """Probabilities (test rows, classes) that the baseline ``name`` gives, or why it has none."""
    if not len(situation.known):
        return Unavailable("no training row has a label")
    with threadpool_limits(1):  # small problems: threads that wait for each other cost ten times what they give
        return BASELINES[name].predicts(situation)
