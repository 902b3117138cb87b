"""Print how well stress is told from rest by a wristband, in people never seen, beside what knows only the time.

    python -m benchmarks.stress --data FOLDER [--permutations 100] [--quick] [--out FOLDER]

FOLDER is the open data set stress-predict: skin conductance and skin temperature of 34 people in three stressful
tasks with rest between. Everybody did the tasks in the same order, so a clock alone tells stress. The headline is
therefore the AUROC over pairs of a stress and a rest window of one person at most 5 minutes apart, and stands
beside that of the elapsed time. With --quick no networks. Interrupted, it goes on where it was.
"""

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.experiment import Notebook, changed, until
from benchmarks.machine import console
from benchmarks.networks import said_of_test
from benchmarks.stress_table import LOST, NETWORKS, OFTEN, PLAIN, table_of, tell
from benchmarks.stress_ways import (
    ADDED,
    CONTROLS,
    READINGS,
    REGRESSED,
    Floats,
    Session,
    leave_one_out,
    permuted,
    session_of,
)
from memhacl.stream.errors import DataError
from memhacl.stream.sources.registry import Source, open_source
from memhacl.train.config import Config
from memhacl.train.corpus.store import load_corpus
from memhacl.train.loops.work import corpus_targets
from memhacl.train.measure.pairs import pair_auroc, pair_auroc_by_person
from memhacl.train.protocols import make_split
from memhacl.train.settings import load_config

WITHIN = 300.0  # s between the windows of a pair


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the folder of stress-predict")
    parser.add_argument("--permutations", type=int, default=100, help="fits on permuted labels")
    parser.add_argument("--quick", action="store_true", help="no networks")
    parser.add_argument("--out", type=Path, default=Path("runs/stress"), help="where figures are kept")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    screen, source = console(), open_source(asked.data)
    session = prepared(asked.out / "run", source)
    people = np.unique(session.person)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name, way in {**CONTROLS, **READINGS, **REGRESSED, **ADDED}.items():
        found[name] = by_person(session, leave_one_out(session, way))
    chance = shuffled(session, asked.permutations, Notebook(asked.out / "permuted.jsonl", lambda _: None))
    notebook = Notebook(asked.out / "figures.jsonl", lambda text: screen.print(text, soft_wrap=True))
    for name in () if asked.quick else NETWORKS:
        figures = {
            person: notebook.of(f"{name}: {person}", partial(network, config, source, asked.out))
            for person, config in folds_of(name, asked.out / "run", len(people)).items()
        }
        found[name] = {person: (one["auroc"], one["pairs"]) for person, one in figures.items()}
    screen.print(table_of(found, chance))
    windows = f"{len(session.start)} windows of 30 s, {session.stress.mean():.0%} stress"
    screen.print(f"{len(people)} of {len(source.people)} people have labels; {windows}")
    tell(screen, found, chance, off_skin(source, people))


def prepared(folder: Path, source: Source) -> Session:
    """Cut the windows of everybody; return what is known of them."""
    config = changed(load_config("stress-predict"), device="cpu", threads=1)
    until("prepare", config, folder, source)
    corpus = load_corpus(folder / "corpus")
    target = corpus_targets(corpus, config.labels)["stress"]
    return session_of(corpus, target.values, target.classes.index("stress"))


def folds_of(name: str, folder: Path, count: int) -> dict[str, Config]:
    """Return the settings of the trainings of one network, by the person whom each never sees.

    Training stops after three epochs without a better validation; the epoch that is kept is the best, as always.
    """
    corpus, found = load_corpus(folder / "corpus"), {}
    for fold in range(count):
        config = changed(
            load_config("stress-predict"),
            protocol={"folds": count, "fold": fold},
            method={"name": NETWORKS[name]},
            pretrain={"epochs": 10, "lr": 1e-3},
            finetune={"patience": 3},
            device="cpu",
            threads=1,
        )
        (person,) = make_split(corpus, config.protocol).units["subject"]["test"]
        found[person] = config
    return found


def network(config: Config, source: Source, out: Path) -> dict[str, float]:
    """Train one network; return both AUROCs on the person whom it never saw."""
    work, said = said_of_test(config, out / "run", source)
    rows, target = work.split.test, work.targets["stress"]
    place = target.classes.index("stress")
    scores, stress, index = said["stress"][:, place], target.values[rows] == place, work.corpus.index[rows]
    pairs = pair_auroc(scores, stress, index["start"], WITHIN)
    if pairs is None:
        raise DataError("stress-predict: expected rest and stress within 5 minutes of each other in everybody")
    return {"auroc": float(roc_auc_score(stress, scores)), "pairs": pairs}


def by_person(session: Session, scores: Floats) -> dict[str, tuple[float, float]]:
    """AUROC over all windows and over close pairs of each person."""
    pairs = pair_auroc_by_person(scores, session.stress, session.start, session.person, WITHIN)
    found = {}
    for person, value in pairs.items():
        rows = session.person == person
        found[person] = (float(roc_auc_score(session.stress[rows], scores[rows])), value)
    return found


def shuffled(session: Session, count: int, notebook: Notebook) -> Floats:
    """Both AUROCs (``count``, 2), means over people, of logistic regression where the labels mean nothing."""

    def once(seed: int) -> dict[str, float]:
        other = permuted(session, seed)
        plain, pairs = np.mean(list(by_person(other, leave_one_out(other, READINGS[PLAIN])).values()), axis=0)
        return {"auroc": float(plain), "pairs": float(pairs)}

    figures = [notebook.of(f"seed {seed}", partial(once, seed)) for seed in range(count)]
    return np.array([[one["auroc"], one["pairs"]] for one in figures]).reshape(-1, 2)


def off_skin(source: Source, people: Iterable[str]) -> list[str]:
    """People whose skin conductance was at or below ``LOST`` for ``OFTEN`` of the recording or more."""
    found = []
    for person in people:
        segment = source.open(person).segments[0]
        skin = next(signal.data for signal in segment.signals if signal.format.modality == "GSR")
        if np.mean(skin <= LOST) >= OFTEN:
            found.append(person)
    return found


if __name__ == "__main__":
    main()
