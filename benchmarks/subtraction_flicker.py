"""How well flicker is told from real EEG after each way of taking the level out; people are left out in turn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.experiment import Figures, Notebook, changed
from benchmarks.flicker import config_for
from benchmarks.flicker_floors import floors
from benchmarks.networks import said_of_test
from benchmarks.subtraction_kinds import USUAL
from benchmarks.subtraction_people import levels
from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config

KINDS: Mapping[str, str] = {
    USUAL: "rolling",
    "rolling-template, 3 s": "rolling-template",
    "none, but running mean and deviation": "none",
}
LEARNERS = ("log-PSD + LDA", "CCA + LDA", "attention network")


def settings(kind: str, fold: int) -> Config:
    """Return the settings of the network that never sees person ``fold``, with ``kind`` of subtraction."""
    config = config_for("attention, from scratch", fold)
    modalities: list[dict[str, Any]] = [
        {**m.model_dump(mode="json"), "baseline": KINDS[kind]} for m in config.signals.modalities
    ]
    return changed(config, signals={"modalities": modalities, "baseline_seconds": 3.0})


def flicker(kind: str, fold: int, source: Source, out: Path, notebook: Notebook) -> Figures:
    """Balanced accuracy a trial of each of ``LEARNERS`` on one person."""

    def compute() -> dict[str, float]:
        work, said = said_of_test(settings(kind, fold), out / "flicker" / KINDS[kind], source)
        labels, rows = work.targets["flicker"].values, work.split.test
        _, network = levels(said["flicker"], labels[rows], work.corpus.index["trial"][rows])
        return {"attention network": network} | floors(work.corpus, work.split, labels)

    return notebook.of(f"flicker, person {fold}: {kind}", compute)
