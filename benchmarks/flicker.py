"""Print how well each way of training tells flicker, on real EEG, of people never seen: leave one subject out.

    python -m benchmarks.flicker --data FOLDER [--folds 12] [--paper] [--out FOLDER]

FOLDER is the open data set kalunga-ssvep: three flickering lights or rest, 12 people, 8 electrodes. It is flicker,
not emotion. What a stimulus is, is here also the class: pretraining on groups who saw the same one is supervised
contrastive learning, on the labels of the training people; groups by person are its control. With --paper also the
paper's encoder (slow). Interrupted, it goes on where it was.
"""

import argparse
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.experiment import Notebook, changed, interval, mean_over_tasks, trained
from benchmarks.flicker_floors import floors
from benchmarks.machine import console
from memhacl.stream.sources.registry import open_source
from memhacl.train.config import Config
from memhacl.train.corpus.store import load_corpus
from memhacl.train.loops.work import corpus_targets
from memhacl.train.protocols import load_split
from memhacl.train.settings import load_config

PEOPLE = 12
CONTRAST = {"name": "me-mhacl", "clips": 4, "meiosis": False}
WAYS: Mapping[str, Mapping[str, Any]] = {
    "attention, from scratch": {},
    "attention, pretrained on stimuli": CONTRAST | {"groups": "stimulus"},
    "attention, pretrained with meiosis": CONTRAST | {"groups": "stimulus", "meiosis": True},
    "attention, pretrained on people": CONTRAST | {"groups": "person"},
}
PAPER: Mapping[str, Mapping[str, Any]] = {
    "resnet18-1d, width 0.25, from scratch": {"encoder": "resnet18-1d", "width": 0.25}
}
FLOORS = ("log-PSD + LDA", "CCA + LDA")


def config_for(way: str, fold: int) -> Config:
    """Return the settings of one training that never sees person ``fold``."""
    method = (WAYS | PAPER)[way]
    steps = 4 if method.get("groups") == "person" else 1  # an epoch; as many steps for both
    return changed(
        load_config("kalunga-ssvep"),
        protocol={"folds": PEOPLE, "fold": fold},
        method=method,
        pretrain={"epochs": 600 // steps, "lr": 1e-3, "schedule": "cosine"},
        device="cpu",
        threads=1,
    )


def main(arguments: Iterable[str] | None = None) -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the folder of kalunga-ssvep")
    parser.add_argument("--folds", type=int, default=PEOPLE, help="how many people are left out in turn")
    parser.add_argument("--paper", action="store_true", help="also the paper's encoder")
    parser.add_argument("--out", type=Path, default=Path("runs/flicker"), help="where figures are kept")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    screen = console()
    notebook = Notebook(asked.out / "figures.jsonl", lambda text: screen.print(text, soft_wrap=True))
    ways = [*WAYS, *(PAPER if asked.paper else ())]
    found: dict[str, list[float]] = {}
    for fold in range(asked.folds):
        for way in ways:
            figures = notebook.of(f"person {fold}: {way}", partial(measure, way, fold, asked))
            for name in (way, *(FLOORS if way == ways[0] else ())):
                found.setdefault(name, []).append(figures["model" if name == way else name])
    screen.print(table_of(found))
    screen.print("real EEG; flicker, not emotion")


def measure(way: str, fold: int, asked: argparse.Namespace) -> dict[str, float]:
    """Balanced accuracy a trial of the model and of the floors on one person."""
    folder = asked.out / "run"
    config = config_for(way, fold)
    report = trained(config, folder, open_source(asked.data))
    corpus = load_corpus(folder / "corpus")
    labels = corpus_targets(corpus, config.labels)["flicker"].values
    return {"model": mean_over_tasks(report)} | floors(corpus, load_split(folder / "split.json", corpus), labels)


def table_of(found: Mapping[str, list[float]]) -> Table:
    """A row for each way: mean over people with its interval, and the lowest and highest person."""
    table = Table(title="balanced accuracy over 5-s trials, four classes, person left out")
    for column in ("way", "mean and 95 % interval", "lowest", "highest", "above log-PSD + LDA"):
        table.add_column(column)
    for name, values in found.items():
        gain = interval(np.subtract(values, found[FLOORS[0]]))
        table.add_row(name, interval(values), f"{min(values):.3f}", f"{max(values):.3f}", gain)
    return table


if __name__ == "__main__":
    main()
