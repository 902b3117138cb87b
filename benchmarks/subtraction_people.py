"""How well the ratings of simulated people are told after each way of taking the level out."""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.experiment import Figures, Notebook, until
from benchmarks.networks import said_of_test
from benchmarks.subtraction_kinds import (
    EVERYTHING,
    KINDS,
    SLOW,
    TASKS,
    USUAL,
    Course,
    Kind,
    Told,
    config_of,
    people_of,
)
from memhacl.stream.spec import ModalitySpec
from memhacl.train.baselines.eeg import differential_entropy
from memhacl.train.baselines.peripheral import body_features
from memhacl.train.config import Config
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.loops.work import corpus_targets
from memhacl.train.measure.metrics import balanced_accuracy, mean_by
from memhacl.train.protocols import Split, make_split

SPLITS = 8  # random ones of people and stimuli, over which LDA is averaged
# Slow modalities carry arousal alone: what they add to EEG is told by arousal.
PLANTED = {"EEG": TASKS, "GSR": ("arousal",), "Resp": ("arousal",), "Temp": ("arousal",), "all": ("arousal",)}

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


class World:
    """One simulated world; its figures are found kind by kind in a folder that is used again."""

    def __init__(self, course: Course, seed: int, out: Path, notebook: Notebook) -> None:
        self.name, self._course, self._seed, self._notebook = f"{course}, world {seed}", course, seed, notebook
        self._folder = out / f"{course.layout}-{seed}"
        self._source: Told | None = None

    def _opened(self, kind: Kind) -> Told:
        if self._source is None:
            self._source = people_of(self._course, self._seed)
        self._source.once = kind.once
        return self._source

    def features(self, name: str) -> Figures:
        """Balanced accuracies of LDA by modality and level."""
        whole = KINDS[name].whole and self._course.layout == "raw"
        use = EVERYTHING if whole else SLOW

        def compute() -> dict[str, float]:
            config = config_of(KINDS[name], use)
            until("prepare", config, self._folder, self._opened(KINDS[name]))
            return told_by_features(load_corpus(self._folder / "corpus"), config)

        return self._notebook.of(f"{self.name}: {name}: LDA", compute)

    def network(self, name: str) -> Figures:
        """Balanced accuracies of the network, mean over the tasks, by level."""

        def compute() -> dict[str, float]:
            config = config_of(KINDS[name], EVERYTHING)
            work, said = said_of_test(config, self._folder, self._opened(KINDS[name]))
            trial, found = work.corpus.index["trial"][work.split.test], []
            for task in TASKS:
                found.append(levels(said[task], work.targets[task].values[work.split.test], trial))
            window, whole = np.mean(found, axis=0)
            return {"window": float(window), "trial": float(whole)}

        return self._notebook.of(f"{self.name}: {name}: network", compute)

    def close(self) -> None:
        """Remove what was prepared, and forget the people."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._source = None


def told_by_features(corpus: Corpus, config: Config) -> dict[str, float]:
    """Balanced accuracies of LDA by modality and level (window, trial): means over splits and planted tasks."""
    columns = {m.modality: _features(corpus, m) for m in corpus.spec.modalities}
    if "EEG" in columns:
        columns["all"] = np.concatenate(list(columns.values()), axis=1)
    targets = corpus_targets(corpus, config.labels)
    splits = [make_split(corpus, config_of(KINDS[USUAL], (), seed).protocol) for seed in range(SPLITS)]
    found = {}
    for name, table in columns.items():
        told = [_lda(corpus, split, table, targets[task].values) for split in splits for task in PLANTED[name]]
        found[f"{name}, window"], found[f"{name}, trial"] = np.mean(told, axis=0).tolist()
    return found


def _features(corpus: Corpus, m: ModalitySpec) -> Floats:
    windows, rate = corpus.windows[:, corpus.spec.rows[m.modality]].astype(np.float64), corpus.spec.rate
    return differential_entropy(windows, rate) if m.modality == "EEG" else body_features(windows, m, rate)


def _lda(corpus: Corpus, split: Split, table: Floats, classes: Numbers) -> tuple[float, float]:
    known = np.concatenate([split.train, split.validation])
    known = known[classes[known] != UNRATED]
    learner = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    said = learner.fit(table[known], classes[known]).predict_proba(table[split.test])
    return levels(said, classes[split.test], corpus.index["trial"][split.test])


def levels(said: Floats, truth: Numbers, trial: NDArray[np.int32]) -> tuple[float, float]:
    """Balanced accuracy a window and a trial of probabilities ``said`` (rows, classes)."""
    rated = truth != UNRATED
    said, truth, trial = said[rated], truth[rated], trial[rated]
    first = np.unique(trial, return_index=True)[1]
    whole = mean_by(trial.astype(np.int64), said).argmax(axis=1)
    return balanced_accuracy(truth, said.argmax(axis=1)), balanced_accuracy(truth[first], whole)
