"""The course of a pretraining: all that changes as it goes, which a checkpoint keeps and gives back."""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memhacl.stream.errors import ConfigError
from memhacl.train.config import PretrainConfig
from memhacl.train.loops.batch_norm import synchronised
from memhacl.train.loops.checkpoint import State
from memhacl.train.loops.distributed import of_all, world
from memhacl.train.loops.held_out import clips_of
from memhacl.train.loops.reproduce import random_state, set_random_state
from memhacl.train.loops.run_log import Line, RunLog
from memhacl.train.loops.work import Work
from memhacl.train.methods.contract import Method, Outcome, Sampler

log = logging.getLogger(__name__)

Weights = dict[str, Tensor]


class Learner(nn.Module):
    """Views (..., C, T) → the method's ``Outcome``: encoder and objective as one module, which can be compiled."""

    def __init__(self, method: Method, encoder: nn.Module, objective: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.objective = objective
        self._method = method

    def forward(self, views: Tensor) -> Outcome:
        """Loss and metrics of views (..., C, T)."""
        return self._method.pretrain_step(self.encoder, self.objective, views)


class Course:
    """Weights, optimiser, rate, random numbers, log and place of one pretraining, at the beginning of it.

    ``epoch`` counts from 1; ``step`` is how many minibatches of it are done, the last at rate ``lr``. ``best`` is
    the encoder after ``best_epoch``, whose score on validation people, ``best_score``, was the highest until the
    epoch ``measured``.

    Raises
    ------
    ConfigError
        The method has no sampler.
    """

    def __init__(self, work: Work, log: RunLog):
        config, method = work.config, work.method
        self._work = work
        self._device = work.feed.device
        self.log = log
        self.sampler = _sampler(work)
        torch.manual_seed(config.seed)
        self.views = torch.Generator().manual_seed(config.seed)
        encoder = method.encoder()
        objective = method.objective(int(encoder.features))  # type: ignore[arg-type]
        self.learner = synchronised(Learner(method, encoder, objective)).to(self._device).train()
        if world().rank:  # the same weights everywhere, and dropout of its own
            torch.manual_seed(config.seed + world().rank)
        self.adam = torch.optim.Adam(
            self.learner.parameters(),
            lr=config.pretrain.lr,
            weight_decay=config.pretrain.weight_decay,
            fused=True,  # one pass over the weights: measured 5 to 8 times faster, on a CPU too
        )
        self.rate = _rate(self.adam, config.pretrain, self.sampler.batches_per_epoch)
        self.epoch, self.lr = 1, config.pretrain.lr
        self.measured, self.best_epoch, self.best_score = 0, 0, -math.inf
        self.best: Weights = {}
        self._start()

    def _start(self, step: int = 0, seconds: float = 0.0) -> None:
        """Begin the epoch, or go on after ``step`` of its minibatches, which took ``seconds``."""
        self.step = step
        self._names: list[str] = []
        self._totals = torch.zeros(0, dtype=torch.float64)
        self._began = time.perf_counter() - seconds

    def rows_of(self, epoch: int, step: int = 0) -> Iterator[NDArray[np.int64]]:
        """Yield rows of the corpus, shaped as the sampler's: ``epoch``'s minibatches after the first ``step``."""
        train = self._work.split.train
        for rows in islice(self.sampler.epoch(epoch), step, None):
            yield train[rows]

    def advance(self, figures: Mapping[str, Tensor]) -> None:
        """Take a step along the gradient; the step's ``figures`` go into the epoch's means, on the device."""
        self.lr = float(self.adam.param_groups[0]["lr"])
        self.adam.step()
        self.rate.step()
        values = torch.stack([value.detach() for value in figures.values()]).double()
        self._totals = self._totals + values if self.step else values
        self._names = list(figures)
        self.step += 1

    def line(self) -> Line:
        """Return what the log says of the epoch: means over its steps so far, seconds without interruptions."""
        means = (self._totals / max(1, self.step)).tolist()
        place = {"epoch": self.epoch, "steps": self.step, "seconds": round(self._seconds(), 3), "lr": self.lr}
        return place | dict(zip(self._names, means, strict=True))

    def _seconds(self) -> float:
        return time.perf_counter() - self._began

    def next_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self._start()

    def note_score(self, score: float) -> None:
        """Keep the encoder where ``score``, measured after this epoch, is the best so far."""
        self.measured = self.epoch
        if score > self.best_score:
            weights = self.learner.encoder.state_dict()
            self.best = {name: tensor.cpu().clone() for name, tensor in weights.items()}
            self.best_epoch, self.best_score = self.epoch, score

    def given_up(self) -> bool:
        """Whether ``pretrain.patience`` epochs have passed without a better score."""
        return 0 < self._work.config.pretrain.patience <= self.measured - self.best_epoch

    def state(self) -> State:
        """Everything that ``load_state`` needs to go on from here."""
        return {
            "learner": self.learner.state_dict(),
            "adam": self.adam.state_dict(),
            "rate": self.rate.state_dict(),
            "random": of_all(random_state(self._device)),  # by process
            "views": self.views.get_state(),
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self._seconds(),
            "names": self._names,
            "totals": self._totals,
            "lr": self.lr,
            "log": self.log.size,
            "measured": self.measured,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score,
        }

    def load_state(self, state: State) -> None:
        """Go back to where ``state`` was taken; lines that the log has since got go."""
        self.learner.load_state_dict(state["learner"])
        self.adam.load_state_dict(state["adam"])
        self.rate.load_state_dict(state["rate"])
        self.views.set_state(state["views"])
        self.epoch, self.lr, self.measured = state["epoch"], state["lr"], state["measured"]
        self._start(state["step"], state["seconds"])
        self._names, self._totals = state["names"], state["totals"].to(self._device)
        self.best, self.best_epoch, self.best_score = state["best"], state["best_epoch"], state["best_score"]
        self.log.begin(state["log"])
        self._go_on_with(state["random"])

    def _go_on_with(self, randoms: list[dict[str, Tensor]]) -> None:
        """Take this process's random numbers up where ``randoms``, those of all processes, left them."""
        here = world()
        if here.rank < len(randoms):  # a process that was not there before has fresh ones
            set_random_state(randoms[here.rank], self._device)
        if here.first and here.count != len(randoms):
            log.warning(
                "pretrain: the checkpoint is of %d processes, and %d go on: with other random numbers for dropout",
                len(randoms),
                here.count,
            )


def _sampler(work: Work) -> Sampler:
    sampler = work.method.sampler(clips_of(work.corpus, work.split.train), work.config.seed)
    if sampler is None:
        raise ConfigError(f"method '{work.method.name}': has no sampler, so it cannot pretrain")
    return sampler


def _rate(adam: torch.optim.Adam, settings: PretrainConfig, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """Return the course of the learning rate over epochs of ``steps``, to be stepped after each minibatch."""
    total = max(1, settings.epochs * steps)
    if settings.schedule == "cosine":
        return torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / total))
    return torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1.0)
