"""One fine-tuning: a group of tasks learns from labels; validation rows say which epoch was best."""

import copy
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from memhacl.stream.errors import ConfigError
from memhacl.train.config import FinetuneConfig
from memhacl.train.corpus.labels import UNRATED
from memhacl.train.loops.checkpoint import State
from memhacl.train.loops.divergence import Fed
from memhacl.train.loops.judge import Classes, Features, Inputs, Logits, Network, Rows, logits_of, score_tasks
from memhacl.train.loops.losses import class_weights, disturbed, joint_loss
from memhacl.train.loops.networks import Group, new_group
from memhacl.train.loops.run_log import Line
from memhacl.train.loops.starts import Start
from memhacl.train.loops.work import Work, batch_count, batches


@dataclass
class Fit:
    """A group in training, and all that its next epoch depends on beside settings and data.

    ``best`` is the state of the group after ``best_epoch``, whose mean balanced accuracy over the tasks on
    validation rows is ``best_score``; where the number of epochs is ``fixed``, it is that after the last of them.
    """

    group: Group
    classes: Classes
    seed: int
    adam: torch.optim.Adam
    schedule: torch.optim.lr_scheduler.LRScheduler
    rows: Rows
    fixed: int = 0
    epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    best_score: float = -math.inf

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return float(self.adam.param_groups[0]["lr"])

    def state(self) -> State:
        """What ``load_state`` needs to go on here."""
        return {
            "group": self.group.state_dict(),
            "adam": self.adam.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score,
        }

    def load_state(self, state: State) -> None:
        """Go on where ``state`` was taken."""
        self.group.load_state_dict(state["group"])
        self.adam.load_state_dict(state["adam"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch, self.best = state["epoch"], state["best"]
        self.best_epoch, self.best_score = state["best_epoch"], state["best_score"]


def begin(work: Work, classes: Classes, start: Start, seed: int, fixed: int = 0) -> Fit:
    """Return a fit of the tasks of ``classes`` (rows,) before its first epoch; torch is seeded with ``seed``.

    It ends after ``fixed`` epochs, where given, and nothing is chosen; the learning rate's course does not change.
    Under ``finetune.mode`` 'probe' the encoder is frozen and in evaluation mode, so that neither its weights nor
    its running statistics move, and each task has one linear layer.
    """
    settings = work.config.finetune
    torch.manual_seed(seed)
    group = new_group(work.method, work.classes(classes), settings.mode)
    start.fill(group)
    group.to(work.feed.device)
    if settings.mode == "probe":
        group.encoder.requires_grad_(False)
    learning = [parameter for parameter in group.parameters() if parameter.requires_grad]
    adam = torch.optim.Adam(learning, lr=settings.lr, weight_decay=settings.weight_decay)
    rows = rated_rows(work.split.train, classes)
    return Fit(group, classes, seed, adam, _schedule(adam, settings, len(rows)), rows, fixed)


def epochs(work: Work, fit: Fit, report: Path) -> Iterator[Line]:
    """Train until ``finetune.epochs``, ``finetune.patience`` or the fixed epochs end; yield each epoch's log line.

    The order of rows depends on the seed and the epoch's number alone. A probe trains on features that were
    computed once: noise and gain, which disturb windows, do not apply to it.

    Raises
    ------
    ConfigError
        Loss or weights are no longer finite; the file ``report`` says what was fed.
    """
    settings, feed, group = work.config.finetune, work.feed, fit.group
    probes = settings.mode == "probe"
    validation = work.split.validation
    inputs: Inputs = Features(group.encoder, feed, np.concatenate([fit.rows, validation])) if probes else feed
    network: Network = group.classify if probes else group
    targets = {task: torch.from_numpy(values).to(feed.device) for task, values in fit.classes.items()}
    weights = {
        task: class_weights(fit.classes[task][fit.rows], count, settings.balance).to(feed.device)
        for task, count in work.classes(fit.classes).items()
    }
    while fit.epoch < (fit.fixed or settings.epochs) and not _given_up(fit, settings):
        fit.epoch += 1
        group.train()
        group.encoder.train(not probes)
        total, lr = 0.0, fit.lr
        order = np.random.default_rng([fit.seed, fit.epoch]).permutation(fit.rows)
        for step, batch in enumerate(batches(order, settings.batch), 1):
            given = inputs(batch) if probes else disturbed(inputs(batch), settings)
            where = torch.from_numpy(batch).to(feed.device)
            loss = joint_loss(network(given), {task: values[where] for task, values in targets.items()}, weights)
            if not torch.isfinite(loss):
                _stop(work, fit, (step, batch), f"the loss became {loss.item()}", report)
            fit.adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if settings.clip:
                torch.nn.utils.clip_grad_norm_(group.parameters(), settings.clip)
            fit.adam.step()
            fit.schedule.step()
            total += loss.item() * len(batch)
        if not _finite(group):
            _stop(work, fit, (step, batch), "weights are no longer finite", report)
        group.eval()
        judged = {} if fit.fixed else _judge(fit, logits_of(network, inputs, validation), validation)
        if fit.epoch == fit.fixed:
            _keep(fit)
        yield {"epoch": fit.epoch, "lr": lr, "loss": total / len(fit.rows), **judged}


def _judge(fit: Fit, logits: Logits, validation: Rows) -> Line:
    """Score what the group says of ``validation`` rows; keep it as it is now if it was never better."""
    scores = score_tasks(logits, validation, fit.classes)
    score = sum(scores.values()) / len(scores)
    if score > fit.best_score:
        fit.best_score = score
        _keep(fit)
    return {"validation": score, "tasks": scores}


def _keep(fit: Fit) -> None:
    fit.best, fit.best_epoch = copy.deepcopy(fit.group.state_dict()), fit.epoch


def end(fit: Fit) -> Group:
    """Return the group as it was after its best epoch, in evaluation mode."""
    fit.group.load_state_dict(fit.best)
    return fit.group.eval()


def rated_rows(rows: Rows, classes: Classes) -> Rows:
    """Those of ``rows`` that have a class for at least one task."""
    return rows[np.any([values[rows] != UNRATED for values in classes.values()], axis=0)]


def _finite(group: Group) -> bool:
    return bool(torch.stack([weight.isfinite().all() for weight in group.parameters()]).all())


def _stop(work: Work, fit: Fit, at: tuple[int, Rows], what: str, report: Path) -> NoReturn:
    """Write the report of a step, its number and rows, in which ``what`` happened, and raise."""
    step, rows = at
    fed = Fed(work, rows, "finetune")
    place = {"tasks": list(fit.classes), "epoch": fit.epoch, "step": step, "lr": fit.lr}
    blame = {"what": what, "blame": "data" if fed.bad else "optimisation"}
    simulated = {"simulated": work.corpus.manifest.simulated}
    report.write_text(json.dumps({**blame, **place, **simulated, **fed.tell()}, indent=1) + "\n", encoding="utf-8")
    raise ConfigError(f"finetune: {what} in epoch {fit.epoch}, step {step}; {fed.advice()}; see {report}")


def _given_up(fit: Fit, settings: FinetuneConfig) -> bool:
    return not fit.fixed and 0 < settings.patience <= fit.epoch - fit.best_epoch


def _schedule(adam: torch.optim.Adam, settings: FinetuneConfig, rows: int) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the course of the learning rate, to be stepped once a batch."""
    steps = settings.epochs * batch_count(rows, settings.batch)
    if settings.schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(adam, settings.lr, total_steps=steps + 1)
    if settings.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    return torch.optim.lr_scheduler.ConstantLR(adam, factor=1.0)
