"""What tells stress from rest in `benchmarks.stress`: the clock, drift, and the body by features made by hand.

Every way is fitted on training people alone, and scores a window by nothing that comes after it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

from memhacl.train.baselines.peripheral import body_features
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.corpus.store import Corpus

KNOTS = 20  # of the schedule: a task or rest of some minutes has two or three
SLOW = 600.0  # s: what remembers that long knows the drift of a session, and little of the window

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Session:
    """What is known of each labelled window; all arrays are (windows, ...), those of a person in order of time.

    ``body`` has the features of each modality; ``start`` is in s since the sensor was switched on.
    """

    body: Mapping[str, Floats]
    start: Floats
    person: NDArray[np.str_]
    trial: Numbers
    stress: Mask


Columns = Callable[[Session, Mask], Floats]  # of all windows, fitted on those of the mask


def session_of(corpus: Corpus, labels: Numbers, stress: int) -> Session:
    """Return what is known of the corpus's windows whose ``labels`` (rows,) are known; ``stress`` is one class."""
    rows = np.flatnonzero(labels != UNRATED)
    rows = rows[np.lexsort((corpus.index["start"][rows], corpus.index["subject"][rows]))]
    index = corpus.index[rows]
    spec, windows = corpus.spec, corpus.windows[rows].astype(np.float64)
    return Session(
        {m.modality: body_features(windows[:, spec.rows[m.modality]], m, spec.rate) for m in spec.modalities},
        index["start"],
        np.array(corpus.manifest.people)[index["subject"]],
        index["trial"].astype(np.int64),
        labels[rows] == stress,
    )


def schedule(session: Session, known: Mask) -> Floats:
    """Splines of the time: any course that the training people have in common."""
    spline = SplineTransformer(KNOTS, extrapolation="constant").fit(session.start[known, None])
    return np.asarray(spline.transform(session.start[:, None]))


def drift(session: Session, known: Mask) -> Floats:
    """The time and its square: a slow drift that all people share."""
    del known
    return np.asarray(PolynomialFeatures(2, include_bias=False).fit_transform(session.start[:, None] / 3600))


def body(session: Session, known: Mask) -> Floats:
    """The features of the window."""
    del known
    return np.concatenate(list(session.body.values()), axis=1)


def one_signal(modality: str, session: Session, known: Mask) -> Floats:
    """The features of one modality."""
    del known
    return session.body[modality]


def slow_body(session: Session, known: Mask) -> Floats:
    """The person's own features so far, forgotten over ten minutes: drift, with little of the window itself."""
    features = body(session, known)
    found = np.empty_like(features)
    for person in np.unique(session.person):
        rows = np.flatnonzero(session.person == person)
        kept = np.exp(-np.diff(session.start[rows], prepend=session.start[rows[0]]) / SLOW)
        mean, weight = np.zeros(features.shape[1]), 0.0
        for row, keep in zip(rows, kept, strict=True):
            weight = keep * weight + 1.0
            mean = mean + (features[row] - mean) / weight
            found[row] = mean
    return found


def without(course: Columns, session: Session, known: Mask) -> Floats:
    """The features less what ``course``, a function of the time, explains of them in the training people."""
    time, features = course(session, known), body(session, known)
    fitted = LinearRegression().fit(time[known], features[known])
    return np.asarray(features - fitted.predict(time))


def with_schedule(session: Session, known: Mask) -> Floats:
    """The features of the window beside the schedule."""
    return np.concatenate([body(session, known), schedule(session, known)], axis=1)


def logistic() -> Any:
    """Logistic regression on standardised columns."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def discriminant() -> Any:
    """Linear discriminant analysis with shrinkage."""
    return make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))


CLOCK = "elapsed time alone"
CONTROLS: Mapping[str, tuple[Columns, Callable[[], Any]]] = {
    CLOCK: (schedule, logistic),
    "slow drift of time alone (parabola)": (drift, logistic),
    "slow drift of the body alone (10-min average)": (slow_body, logistic),
}
READINGS: Mapping[str, tuple[Columns, Callable[[], Any]]] = {
    "logistic regression": (body, logistic),
    "LDA": (body, discriminant),
    "logistic regression, skin conductance": (partial(one_signal, "GSR"), logistic),
    "logistic regression, skin temperature": (partial(one_signal, "Temp"), logistic),
}
REGRESSED: Mapping[str, tuple[Columns, Callable[[], Any]]] = {
    "logistic regression, slow drift of time regressed out": (partial(without, drift), logistic),
    "logistic regression, elapsed time regressed out": (partial(without, schedule), logistic),
}
BOTH = "elapsed time and body"
ADDED: Mapping[str, tuple[Columns, Callable[[], Any]]] = {BOTH: (with_schedule, logistic)}


def leave_one_out(session: Session, way: tuple[Columns, Callable[[], Any]]) -> Floats:
    """Score (windows,) of each window by ``way`` fitted on all people but its own; higher: rather stress."""
    columns, learner = way
    scores = np.empty(len(session.start))
    for person in np.unique(session.person):
        known = session.person != person
        table = columns(session, known)
        scores[~known] = learner().fit(table[known], session.stress[known]).decision_function(table[~known])
    return scores


def permuted(session: Session, seed: int) -> Session:
    """The same with the labels of each person's trials exchanged at random, as often stress as before."""
    rng = np.random.default_rng(seed)
    stress = session.stress.copy()
    for person in np.unique(session.person):
        trials = np.unique(session.trial[session.person == person])
        was = [bool(session.stress[session.trial == trial][0]) for trial in trials]
        for trial, now in zip(trials, rng.permutation(was), strict=True):
            stress[session.trial == trial] = now
    return replace(session, stress=stress)
