"""Linear classifiers on features: fitted on training rows, chosen and calibrated on validation rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from memhacl.train.baselines.situation import Floats, Numbers, Said, Situation, Unavailable
from memhacl.train.measure.calibration import calibrated, fit_temperature
from memhacl.train.measure.metrics import balanced_accuracy

COSTS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # what is tried for C; of equals the smallest is taken
_NEVER = -1e3  # logit of a class that training does not hold

Features = NDArray[np.float32] | Floats
Make = Callable[[float, "Known"], Any]  # cost → an unfitted classifier


@dataclass(frozen=True)
class Known:
    """Training features (rows, columns) and classes (rows,), and whether every class weighs the same."""

    features: Floats
    classes: Numbers
    balance: bool

    @property
    def weights(self) -> str | None:
        """What scikit-learn calls it."""
        return "balanced" if self.balance else None


def discriminant(cost: float, known: Known) -> LinearDiscriminantAnalysis:
    """Return a linear discriminant analysis with a covariance shrunk as Ledoit and Wolf do; it has no cost."""
    count = len(np.unique(known.classes))
    priors = np.full(count, 1 / count) if known.balance else None
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=priors)


def machine(cost: float, known: Known) -> LinearSVC:
    """Return a linear support vector machine, one class against the rest where there are several."""
    return LinearSVC(C=cost, dual=False, tol=1e-3, class_weight=known.weights)


def logistic(cost: float, known: Known) -> LogisticRegression:
    """Return a logistic regression."""
    return LogisticRegression(C=cost, max_iter=1000, class_weight=known.weights)


def classify(situation: Situation, features: Features, make: Make, costs: tuple[float, ...] = COSTS) -> Said:
    """Probabilities (asked, classes) by a linear classifier on ``features`` (rows of the corpus, columns).

    It is fitted on the training rows, scaling included. As for a model, validation rows choose (here the cost) by
    balanced accuracy, and fit the temperature of the probabilities.
    """
    classes = situation.classes
    known = Known(features[situation.known].astype(np.float64), classes[situation.known], situation.balance)
    if len(np.unique(known.classes)) < 2:
        return Unavailable("the labelled training rows hold one class only")
    fitted = [Fitted(_fit(make(cost, known), known), situation.count, known.features) for cost in costs]
    rows = situation.chosen_on
    rows = rows[np.isin(classes[rows], known.classes)]
    best, temperature = fitted[0], 1.0
    if len(rows):
        said = [model.logits(features[rows]) for model in fitted]
        scores = [balanced_accuracy(classes[rows], logits.argmax(axis=1)) for logits in said]
        place = int(np.argmax(scores))
        best, temperature = fitted[place], fit_temperature(said[place], classes[rows])
    return calibrated(best.logits(features[situation.asked]), temperature)


def _fit(classifier: Any, known: Known) -> Pipeline:
    return make_pipeline(StandardScaler(), classifier).fit(known.features, known.classes)


class Fitted:
    """A fitted classifier of ``count`` classes, whose scores are told in deviations of those of ``known`` rows.

    A margin's width is arbitrary; told so, any classifier's is within reach of a temperature.
    """

    def __init__(self, model: Pipeline, count: int, known: Floats):
        self._model, self._count = model, count
        self._deviation = float(self._scores(known).std()) or 1.0

    def logits(self, features: Features) -> Floats:
        """Scores (rows, classes) of features (rows, columns); of a class that training lacks, next to never."""
        logits = np.full((len(features), self._count), _NEVER)
        logits[:, self._model.classes_] = self._scores(features.astype(np.float64)) / self._deviation
        return logits

    def _scores(self, features: Floats) -> Floats:
        scores = np.asarray(self._model.decision_function(features))
        if scores.ndim == 1:  # two classes have one boundary
            scores = np.stack([-scores, scores], axis=1)  # (rows, 2)
        return scores
