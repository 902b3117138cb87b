"""How well what pretraining asks for is answered on people that it does not learn from."""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memhacl.stream.errors import ConfigError
from memhacl.train.corpus.store import Corpus
from memhacl.train.loops.distributed import from_first, world
from memhacl.train.loops.work import Work
from memhacl.train.methods.contract import Clips

log = logging.getLogger(__name__)

# Of the ways to measure, the one that chooses epochs: different people in the two groups and no meiosis, which by
# itself makes halves of one recording that are easy to match.
SCORE = "validation_apart_accuracy"
_TIMES = 100  # that a pretraining is measured


class HeldOut:
    """The method's objective on validation rows: always on the same minibatches, with the same random numbers.

    Raises
    ------
    ConfigError
        ``pretrain.patience`` asks for what cannot be measured.
    """

    def __init__(self, work: Work):
        rows, settings = work.split.validation, work.config.pretrain
        sampler = work.method.held_out_sampler(clips_of(work.corpus, rows), work.config.seed)
        self._work = work
        self._batches = [] if sampler is None else [rows[batch] for batch in sampler.epoch(0)]
        self._every = max(1, settings.epochs // _TIMES)
        if not self._batches and settings.epochs:
            self._without(settings.patience)

    def _without(self, patience: int) -> None:
        why = "too few validation people saw the same clips to measure contrastive accuracy on"
        if patience:
            raise ConfigError(
                f"pretrain.patience: {why}; set it to 0, raise --protocol.validation or use more people"
            )
        log.warning("pretrain: %s; it is logged on training people alone", why)

    def due(self, epoch: int) -> bool:
        """Whether to measure after ``epoch``: about a hundred times in all, and after the last."""
        return bool(self._batches) and (epoch % self._every == 0 or epoch == self._work.config.pretrain.epochs)

    def measure(self, learner: nn.Module) -> dict[str, float]:
        """Mean loss and metrics over the minibatches by name, such as ``SCORE``; training is left as it was."""
        work, here = self._work, world()
        device, half = work.feed.device, work.config.pretrain.precision == "bfloat16"
        generator = torch.Generator().manual_seed(work.config.seed)
        seen: dict[str, list[Tensor]] = {}
        learner.eval()
        with (
            torch.no_grad(),
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            torch.autocast(device.type, torch.bfloat16, enabled=half),
        ):
            for rows in self._batches:
                for name, views in work.method.held_out_views(work.feed(rows), generator).items():
                    outcome = learner(work.method.part(views, here.rank, here.count))
                    for metric, value in {"loss": outcome.loss, **outcome.metrics}.items():
                        seen.setdefault(f"validation_{name}_{metric}", []).append(value)
        learner.train()
        means = {key: torch.stack(values).double().mean().item() for key, values in seen.items()}
        return from_first(means)  # they decide when to stop: the same everywhere, to the last bit


def clips_of(corpus: Corpus, rows: NDArray[np.int64]) -> Clips:
    """Subject and clip of ``rows``, for a sampler."""
    index = corpus.index[rows]
    return Clips(index["subject"].astype(np.int64), corpus.clips[rows], index["stimulus"].astype(np.int64))
