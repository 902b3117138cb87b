"""Print both encoders side by side: what they cost, and what they tell with all sensors and with each one lost.

    python -m benchmarks.encoders [--seeds 3] [--out FOLDER]

Accuracy is measured on simulated people (each seed another world), balanced, a trial, mean of valence and arousal,
on people and stimuli that nothing before the measurement saw. A lost sensor's rows are NaN, as they are live.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.experiment import Notebook, changed, interval, trained
from benchmarks.full_model import full_spec, write_full_model
from benchmarks.learns import FIRST_SEED, PEOPLE, SECONDS, STIMULI, WAYS
from benchmarks.machine import console
from memhacl.runtime.session import Model
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource
from memhacl.train.config import Config
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.folder import RunFolder
from memhacl.train.loops.finetune import load_groups
from memhacl.train.measure.metrics import balanced_accuracy, mean_by
from memhacl.train.methods.registry import build_method
from memhacl.train.settings import load_config
from memhacl.train.stages import Pipeline

SIZES = (("resnet18-1d", 1.0), ("resnet18-1d", 0.0625), ("attention", 0.125))
HIDDEN = 0.2  # share of modalities that training hides
KINDS: Mapping[str, Mapping[str, Any]] = {
    "resnet18-1d": {"encoder": "resnet18-1d", "width": 0.0625, "dropout": 0.2},
    "attention": {"encoder": "attention", "width": 0.125, "dropout": 0.25},
}
RUNS = [
    *((kind, hidden, "shared") for kind in KINDS for hidden in (0.0, HIDDEN)),
    ("attention", 0.0, "separate"),
]


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="simulated worlds")
    parser.add_argument("--out", type=Path, default=Path("runs/encoders"), help="where figures are kept")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    screen = console()
    screen.print(costs())
    notebook = Notebook(asked.out / "figures.jsonl", lambda text: screen.print(text, soft_wrap=True))
    found: dict[tuple[str, float, str], list[Mapping[str, float]]] = {}
    for seed in range(asked.seeds):
        people = People(subjects=PEOPLE, stimuli=STIMULI, seconds=SECONDS, seed=FIRST_SEED + seed)
        folder = asked.out / f"seed{seed}"
        for run in RUNS:
            name = f"seed {seed}: {run[0]}, hidden {run[1]:g}, {run[2]}"
            figures = notebook.of(name, partial(measure, run, seed, folder, people))
            found.setdefault(run, []).append(figures)
        shutil.rmtree(folder, ignore_errors=True)
    screen.print(accuracies(found))
    screen.print("simulated people: none of this says that emotion was recognised")


def costs() -> Table:
    """Parameters, multiply-adds a window of 36 x 128, and the time of one window in ONNX Runtime."""
    table = Table(title="what one encoder with three heads costs")
    for column in ("encoder", "width", "parameters", "multiply-adds", "file", "one window"):
        table.add_column(column, justify="right")
    for kind, width in SIZES:
        encoder = build_method("supervised", {"encoder": kind, "width": width}, full_spec()).encoder().eval()
        parameters = sum(parameter.numel() for parameter in encoder.parameters())
        with FlopCounterMode(display=False) as counter:
            encoder(torch.zeros(1, *full_spec().shape))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            write_full_model(path, width, kind)
            size, seconds = path.stat().st_size, one_window(path)
        table.add_row(
            kind, f"{width:g}", f"{parameters:,}", f"{counter.get_total_flops() // 2:,}", f"{size / 1e6:.1f} MB",
            f"{1e3 * seconds:.2f} ms",
        )  # fmt: skip
    return table


def one_window(path: Path) -> float:
    """Median time in s of one window in ONNX Runtime, on one thread."""
    model = Model.load(path)
    window = np.random.default_rng(0).normal(size=(1, *full_spec().shape)).astype(np.float32)
    times = []
    for _ in range(60):
        began = time.perf_counter()
        model.predict(window)
        times.append(time.perf_counter() - began)
    return statistics.median(times[10:])


def config_for(run: tuple[str, float, str], seed: int) -> Config:
    """Return the settings of one training from scratch."""
    kind, hidden, sharing = run
    finetune = {
        "encoder": sharing, "epochs": 10, "lr": 2e-3, "schedule": "one-cycle", "batch": 64, "noise": 0.3,
        "gain": 0.1, "balance": True,
    }  # fmt: skip
    return changed(
        load_config("demo"),
        labels={"tasks": ["valence", "arousal"]},
        protocol={"validation": 0.12, "test": 0.3},
        method={**WAYS["from scratch"], **KINDS[kind], "modality_dropout": hidden},
        finetune=finetune,
        seed=seed,
        device="cpu",
    )


def measure(run: tuple[str, float, str], seed: int, folder: Path, people: People) -> dict[str, float]:
    """Balanced accuracy with all sensors and without each, by its name."""
    config = config_for(run, seed)
    trained(config, folder, SimulatedSource(people))
    work = Pipeline(config, RunFolder(folder), None, Console(quiet=True), 1).work
    groups, _ = load_groups(work, folder / "finetune")
    rows = work.split.test
    windows = work.feed(rows)
    lost: Mapping[str, Tensor] = {"none": windows} | {
        name: _without(windows, part) for name, part in work.corpus.spec.rows.items()
    }
    return {
        name: float(np.mean([_accuracy(group, seen, work, rows) for group in groups.values()]))
        for name, seen in lost.items()
    }


def _without(windows: Tensor, rows: slice) -> Tensor:
    silent = windows.clone()
    silent[:, rows] = torch.nan
    return silent


def _accuracy(group: Any, windows: Tensor, work: Any, rows: NDArray[np.int64]) -> float:
    """Balanced accuracy a trial, mean over the group's tasks."""
    trial = work.corpus.index["trial"][rows].astype(np.int64)
    first = np.unique(trial, return_index=True)[1]
    with torch.inference_mode():
        logits = group.eval()(windows)
    scores = []
    for task, values in logits.items():
        truth = work.targets[task].values[rows][first]
        means = mean_by(trial, torch.softmax(values, dim=1).double().numpy())
        rated = truth != UNRATED
        scores.append(balanced_accuracy(truth[rated], means[rated].argmax(axis=1)))
    return float(np.mean(scores))


def accuracies(found: Mapping[tuple[str, float, str], list[Mapping[str, float]]]) -> Table:
    """Accuracy with all sensors and without each."""
    table = Table(title="balanced accuracy a trial from scratch (SIMULATED), mean and 95 % interval over worlds")
    names = list(next(iter(found.values()))[0])
    for column in ("encoder", "hidden in training", "tasks", "all sensors", *(f"without {n}" for n in names[1:])):
        table.add_column(column)
    for (kind, hidden, sharing), figures in found.items():
        table.add_row(kind, f"{hidden:g}", sharing, *(interval([one[name] for one in figures]) for name in names))
    return table


if __name__ == "__main__":
    main()
