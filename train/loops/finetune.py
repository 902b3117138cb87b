"""Stage 'finetune': encoder and heads learn from labels; validation rows choose the epoch and the temperature.

In a refit on everybody there are none: the folds have chosen.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from memhacl.stream.errors import DataError
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.loops.checkpoint import Checkpoint, State
from memhacl.train.loops.curves import Lines, finetune_curves
from memhacl.train.loops.fit import Fit, begin, end, epochs
from memhacl.train.loops.judge import Classes, Logits, Rows, fit_temperatures, logits_of
from memhacl.train.loops.label_share import Labels, labels_of, said_of
from memhacl.train.loops.networks import Group, group_tasks, load_weights, new_group, save_state
from memhacl.train.loops.reproduce import deterministic, random_state, set_random_state
from memhacl.train.loops.run_log import RunLog
from memhacl.train.loops.starts import Start
from memhacl.train.loops.work import Feed, Work
from memhacl.train.progress import Bar


class Tuning:
    """The groups of the stage: weights, epoch and temperatures of those ``done``, and the one in training."""

    def __init__(self, work: Work, classes: Classes, starts: Mapping[str, Start], log: RunLog):
        self.groups = group_tasks(work.config)
        self.done: dict[str, dict[str, Any]] = {}
        self.fit: Fit | None = None
        self._work, self._classes, self._starts, self._log = work, classes, starts, log

    def begin(self, name: str) -> Fit:
        """Return the fit of group ``name``: the one that was interrupted, or a new one."""
        if self.fit is None:
            mine = {task: self._classes[task] for task in self.groups[name]}
            fixed = self._work.config.refit.epochs.get(name, 0)
            self.fit = begin(self._work, mine, self._starts[name], self._work.config.seed, fixed)
        return self.fit

    def finish(self, name: str) -> None:
        """Take the best epoch of group ``name``, and its temperatures from validation rows or from the folds."""
        assert self.fit is not None
        self.done[name] = {
            "epoch": self.fit.best_epoch,
            "temperatures": self._temperatures(self.fit),
            "weights": self.fit.best,
        }
        self.fit = None

    def _temperatures(self, fit: Fit) -> dict[str, float]:
        config, validation = self._work.config, self._work.split.validation
        if config.refits:
            return {task: config.refit.temperatures[task] for task in fit.classes}
        return fit_temperatures(predict_logits(end(fit), self._work.feed, validation), validation, fit.classes)

    def place(self) -> str:
        """Say which group is next, and how much of it is done."""
        name = next((name for name in self.groups if name not in self.done), "nothing")
        return f"{name}, after {self.fit.epoch if self.fit else 0} epochs"

    def left(self) -> int:
        """Epochs to come, at most."""
        config = self._work.config
        most = [
            config.refit.epochs.get(name, config.finetune.epochs) for name in self.groups if name not in self.done
        ]
        return sum(most) - (0 if self.fit is None else self.fit.epoch)

    def state(self) -> State:
        """What ``load_state`` needs to go on here."""
        return {
            "done": self.done,
            "fit": None if self.fit is None else self.fit.state(),
            "log": self._log.size,
            "random": random_state(self._work.feed.device),
        }

    def load_state(self, state: State) -> None:
        """Go on where ``state`` was taken."""
        self._log.begin(state["log"])
        self.done = state["done"]
        if state["fit"] is not None:
            self.begin(next(name for name in self.groups if name not in self.done)).load_state(state["fit"])
        set_random_state(state["random"], self._work.feed.device)


def finetune(work: Work, starts: Mapping[str, Start], folder: Path, bar: Bar) -> None:
    """Train the network of each group of tasks from where ``starts`` says.

    Writes <group>.safetensors, log.jsonl, curves.png and outcome.json (chosen epochs, temperatures, trials whose
    labels were used) to ``folder``, checkpoint.pt beside it, and what is said of a divergence, and to TensorBoard,
    to the run's folder. Interrupted at any moment, it goes on from the last checkpoint, to the same numbers.

    Raises
    ------
    DataError
        The split leaks, or a part of it does not hold every class that a task needs.
    ConfigError
        The loss is no longer finite.
    """
    config, run = work.config, folder.parent.parent
    work.split.check(work.corpus)
    check_classes(work)
    labels = labels_of(work)
    board = run / "tensorboard" / "finetune" if config.tensorboard else None
    checkpoint = Checkpoint(folder.parent / "checkpoint.pt", config.checkpoint)
    report = run / "finetune.diverged.json"
    with deterministic(config.deterministic), RunLog(folder / "log.jsonl", board) as log:
        tuning, resumed = checkpoint.resume(lambda: Tuning(work, labels.classes, starts, log))
        if not resumed:
            log.begin()
        again = f"; went on with {tuning.place()}" if resumed else ""
        bar.start(tuning.left())
        for name in [name for name in tuning.groups if name not in tuning.done]:
            for line in epochs(work, tuning.begin(name), report):
                log.write({"group": name, **line})
                judged = f", validation {line['validation']:.3f}" if "validation" in line else ""
                bar.step(f"{name}: loss {line['loss']:.3f}{judged}")
                if checkpoint.due():
                    checkpoint.save(tuning.state())
            tuning.finish(name)
            checkpoint.save(tuning.state())
        _write(work, tuning, labels, log.lines(), folder)
    report.unlink(missing_ok=True)  # of an earlier attempt
    chosen = ", ".join(f"{name} {done['epoch']}" for name, done in tuning.done.items())
    most = "up to " if config.finetune.patience else ""
    told = f"{most}{config.finetune.epochs} epochs; best on validation: {chosen}"
    if config.refits:
        told = f"on everybody, epochs as the folds chose: {chosen}"
    bar.finish(f"{told}; {said_of(labels)}{again}")


def _write(work: Work, tuning: Tuning, labels: Labels, lines: Lines, folder: Path) -> None:
    for name, done in tuning.done.items():
        save_state(done["weights"], folder / f"{name}.safetensors")
    outcome = {
        "epochs": {name: done["epoch"] for name, done in tuning.done.items()},
        "temperatures": {task: t for done in tuning.done.values() for task, t in done["temperatures"].items()},
        "labelled_trials": labels.labelled,
        "used_trials": labels.used,
    }
    (folder / "outcome.json").write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    simulated = work.corpus.manifest.simulated
    finetune_curves(lines, folder / "curves.png", work.config.name, simulated, outcome["epochs"])


def check_classes(work: Work) -> None:
    """Refuse a split of which a part does not hold the classes that a task needs.

    Raises
    ------
    DataError
        There are fewer than two in the training rows, or none in the validation rows, where these are to choose.
    """
    needed = {"train": 2} if work.config.refits else {"train": 2, "validation": 1}
    for task, target in work.targets.items():
        for part, least in needed.items():
            rows = target.values[getattr(work.split, part)]
            present = len(np.unique(rows[rows != UNRATED]))
            if present < least:
                raise DataError(
                    f"task '{task}': expected at least {least} classes in '{part}', found {present}; use more "
                    "data, another --protocol.seed or other label thresholds"
                )


def predict_logits(group: Group, feed: Feed, rows: Rows) -> Logits:
    """Logits (rows, classes) of ``group`` for each of its tasks, in evaluation mode."""
    return logits_of(group.eval(), feed, rows)


def load_groups(work: Work, folder: Path) -> tuple[dict[str, Group], dict[str, float]]:
    """Read the fine-tuned groups on the feed's device, in evaluation mode, and the temperatures by task."""
    groups = {}
    for name, tasks in group_tasks(work.config).items():
        group = new_group(work.method, work.classes(tasks), work.config.finetune.mode)
        load_weights(group, folder / f"{name}.safetensors")
        groups[name] = group.to(work.feed.device).eval()
    try:
        outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        return groups, {task: float(outcome["temperatures"][task]) for task in work.config.labels.tasks}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{folder}: holds no outcome ({problem!r}); run the stage 'finetune' with --force"
        ) from None
