"""Stage 'finetune': encoder and heads learn from labels; validation rows choose the epoch and the temperature."""

import copy
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import FinetuneConfig
from memhacl.train.labels import UNRATED
from memhacl.train.metrics import balanced_accuracy, fit_temperature
from memhacl.train.networks import Group, group_tasks, load_weights, new_group, save_weights
from memhacl.train.progress import Bar
from memhacl.train.protocols import Split
from memhacl.train.work import Feed, Work, batch_count, batches, diverged

Labels = Mapping[str, NDArray[np.int64]]  # task → class of every row of the corpus, -1 where unrated

_EVAL_BATCH = 512


def finetune(work: Work, pretrained: Path | None, folder: Path, bar: Bar) -> None:
    """Train a network for each task from ``pretrained`` encoder weights (None: from scratch).

    Writes <group>.safetensors, log.jsonl and outcome.json (chosen epochs, temperatures) to ``folder``.

    Raises
    ------
    DataError
        The split leaks, or a part of it does not hold every class that a task needs.
    ConfigError
        The loss is no longer finite.
    """
    work.split.check(work.corpus)
    labels = {task: target.values for task, target in work.targets.items()}
    _check_classes(labels, work.split)
    groups = group_tasks(work.config)
    epochs: dict[str, int] = {}
    found: dict[str, float] = {}
    bar.start(work.config.finetune.epochs * len(groups))
    with (folder / "log.jsonl").open("w", encoding="utf-8") as log:
        for name, tasks in groups.items():
            torch.manual_seed(work.config.seed)
            group = new_group(work.method, work.classes(tasks))
            if pretrained is not None:
                load_weights(group.encoder, pretrained)
            group.to(work.feed.device)
            mine = {task: labels[task] for task in tasks}
            epochs[name] = _fit(work, group, mine, name, log, bar)
            found |= _temperatures(group, work.feed, work.split.validation, mine)
            save_weights(group, folder / f"{name}.safetensors")
    outcome = {"epochs": epochs, "temperatures": found}
    (folder / "outcome.json").write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    chosen = ", ".join(f"{name} {epoch}" for name, epoch in epochs.items())
    bar.finish(f"{work.config.finetune.epochs} epochs; best on validation: {chosen}")


def _fit(work: Work, group: Group, labels: Labels, name: str, log: TextIO, bar: Bar) -> int:
    """Train ``group`` and leave it at its best epoch on validation, whose number is returned."""
    settings, feed = work.config.finetune, work.feed
    rng = np.random.default_rng(work.config.seed)
    classes = {task: torch.from_numpy(values).to(feed.device) for task, values in labels.items()}
    rows = _rated(work.split.train, labels)
    weights = {
        task: class_weights(labels[task][rows], count, settings.balance).to(feed.device)
        for task, count in work.classes(labels).items()
    }
    adam = torch.optim.Adam(group.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    schedule = _schedule(adam, settings, len(rows))
    best, best_epoch, best_score = copy.deepcopy(group.state_dict()), 0, -math.inf
    for epoch in range(1, settings.epochs + 1):
        group.train()
        total = 0.0
        for batch in batches(rng.permutation(rows), settings.batch):
            logits = group(_disturbed(feed(batch), settings))
            where = torch.from_numpy(batch).to(feed.device)
            losses = [_loss(logits[task], classes[task][where], weights[task]) for task in labels]
            loss = torch.stack(losses).mean()
            if not torch.isfinite(loss):
                raise ConfigError(diverged("finetune", epoch, loss.item(), settings.lr))
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            schedule.step()
            total += loss.item() * len(batch)
        scores = _validate(group, feed, work.split.validation, labels)
        score = sum(scores.values()) / len(scores)
        if score > best_score:
            best, best_epoch, best_score = copy.deepcopy(group.state_dict()), epoch, score
        line = {"group": name, "epoch": epoch, "loss": total / len(rows), "validation": score, "tasks": scores}
        log.write(json.dumps(line) + "\n")
        log.flush()
        bar.step(f"{name}: loss {total / len(rows):.3f}, validation {score:.3f}")
    group.load_state_dict(best)
    return best_epoch


def _schedule(adam: torch.optim.Adam, settings: FinetuneConfig, rows: int) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the course of the learning rate, to be stepped once a batch."""
    steps = settings.epochs * batch_count(rows, settings.batch)
    if settings.schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(adam, settings.lr, total_steps=steps + 1)
    return torch.optim.lr_scheduler.ConstantLR(adam, factor=1.0)


def _disturbed(windows: torch.Tensor, settings: FinetuneConfig) -> torch.Tensor:
    """Windows (batch, channels, samples) with other gains and more noise, as other electrodes would give."""
    if settings.gain:
        windows = windows * torch.exp(settings.gain * torch.randn(*windows.shape[:2], 1, device=windows.device))
    if settings.noise:
        windows = windows + settings.noise * torch.randn_like(windows)
    return windows


def class_weights(classes: NDArray[np.int64], count: int, balance: bool) -> torch.Tensor:
    """Weight of each of ``count`` classes in the loss, (count,): ones, or such that all weigh the same in all."""
    if not balance:
        return torch.ones(count)
    counts = np.bincount(classes[classes != UNRATED], minlength=count)
    return torch.from_numpy(counts.sum() / (count * np.maximum(counts, 1))).float()


def _loss(logits: torch.Tensor, classes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the rated rows of a batch; 0 where there are none, not NaN."""
    rated = int((classes != UNRATED).sum())
    total = cross_entropy(logits, classes, weight=weights, ignore_index=UNRATED, reduction="sum")
    return total / max(rated, 1)


def predict_logits(group: Group, feed: Feed, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Logits (rows, classes) of ``group`` for each of its tasks, in evaluation mode."""
    group.eval()
    parts: dict[str, list[NDArray[np.float64]]] = {task: [] for task in group.tasks}
    with torch.inference_mode():
        for batch in batches(rows, _EVAL_BATCH):
            for task, logits in group(feed(batch)).items():
                parts[task].append(logits.double().cpu().numpy())
    return {task: np.concatenate(blocks) for task, blocks in parts.items()}


def _validate(group: Group, feed: Feed, rows: NDArray[np.int64], labels: Labels) -> dict[str, float]:
    logits = predict_logits(group, feed, rows)
    scores = {}
    for task, values in labels.items():
        rated = values[rows] != UNRATED
        scores[task] = balanced_accuracy(values[rows][rated], logits[task][rated].argmax(axis=1))
    return scores


def _temperatures(group: Group, feed: Feed, rows: NDArray[np.int64], labels: Labels) -> dict[str, float]:
    logits = predict_logits(group, feed, rows)
    fitted = {}
    for task, values in labels.items():
        rated = values[rows] != UNRATED
        fitted[task] = fit_temperature(logits[task][rated], values[rows][rated])
    return fitted


def _rated(rows: NDArray[np.int64], labels: Labels) -> NDArray[np.int64]:
    """Rows that have a label for at least one task."""
    any_label = np.any([values[rows] != UNRATED for values in labels.values()], axis=0)
    return rows[any_label]


def _check_classes(labels: Labels, split: Split) -> None:
    for task, values in labels.items():
        for part, least in (("train", 2), ("validation", 1)):
            rows = values[getattr(split, part)]
            present = len(np.unique(rows[rows != UNRATED]))
            if present < least:
                raise DataError(
                    f"task '{task}': expected at least {least} classes in '{part}', found {present}; use more "
                    "data, another --protocol.seed or other label thresholds"
                )


def load_groups(work: Work, folder: Path) -> tuple[dict[str, Group], dict[str, float]]:
    """Read the fine-tuned groups on the feed's device, in evaluation mode, and the temperatures by task."""
    groups = {}
    for name, tasks in group_tasks(work.config).items():
        group = new_group(work.method, work.classes(tasks))
        load_weights(group, folder / f"{name}.safetensors")
        groups[name] = group.to(work.feed.device).eval()
    try:
        outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        return groups, {task: float(outcome["temperatures"][task]) for task in work.config.labels.tasks}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{folder}: holds no outcome ({problem!r}); run the stage 'finetune' with --force"
        ) from None
