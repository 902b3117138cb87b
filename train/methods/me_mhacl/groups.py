"""What the members of a group have in common: the clip, as in the paper, or for a control something else."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memhacl.stream.errors import ConfigError
from memhacl.train.methods.contract import Clips, Sampler
from memhacl.train.methods.me_mhacl.sampler import GroupSampler
from memhacl.train.methods.me_mhacl.settings import MeMhaclSettings

_SHUFFLE = 1  # keeps the draw of the relabelling apart from those of the epochs


def new_sampler(settings: MeMhaclSettings, known: Clips, seed: int, quiet: bool = False) -> Sampler:
    """Return the sampler of row numbers (P, 2Q) whose groups are what ``settings.groups`` says.

    Raises
    ------
    ConfigError
        Too few clips were seen by enough people, or too few people have enough windows.
    """
    known = _by_stimulus(known) if settings.groups == "stimulus" else known
    if settings.groups == "shuffled":
        known = shuffled(known, seed)
    by_clip = GroupSampler(known, settings.clips, settings.members, seed, quiet)
    if settings.groups == "person":
        return PersonSampler(known, settings.clips, settings.members, seed, by_clip.batches_per_epoch)
    return by_clip


def held_out(settings: MeMhaclSettings, known: Clips) -> MeMhaclSettings | None:
    """Return the settings with as many members as validation rows allow; None where there are no groups in them.

    So many people must share the P clips of a minibatch, or all clips that two people share where these are
    fewer; P people must have so many windows where people are grouped.
    """
    known = _by_stimulus(known) if settings.groups == "stimulus" else known
    pairs = np.unique(np.stack([known.clip, known.subject]), axis=1)  # (2, pairs)
    members = _members(np.unique(pairs[0], return_counts=True)[1], settings)
    if settings.groups == "person":
        members = min(members, _members(np.unique(known.subject, return_counts=True)[1], settings))
    return settings.model_copy(update={"members": members}) if members else None


def _members(counts: NDArray[np.intp], settings: MeMhaclSettings) -> int:
    """Return the members for which P groups have twice as many to draw from, ``counts`` (groups,); 0: none."""
    able = np.sort(counts[counts >= 2])[::-1]
    if len(able) < 2:
        return 0
    return min(settings.members, int(able[min(settings.clips, len(able)) - 1]) // 2)


def _by_stimulus(known: Clips) -> Clips:
    """Give all seconds of a stimulus one clip number: for stimuli that do not unfold in time, such as flicker."""
    return known if known.stimulus is None else Clips(known.subject, known.stimulus, known.stimulus)


def shuffled(known: Clips, seed: int) -> Clips:
    """Give each person's rows that person's clip numbers (rows,) in random order, for good.

    Who saw how many clips, and so every number of people, clips and minibatches, stays as it was; but what
    different people have under one clip number, no stimulus has evoked in all of them.
    """
    rng = np.random.default_rng([seed, 0, _SHUFFLE])
    clip = known.clip.copy()
    for person in np.unique(known.subject):
        own = np.flatnonzero(known.subject == person)
        clip[own] = rng.permutation(clip[own])
    return Clips(subject=known.subject, clip=clip)


def apart(groups: Tensor, order: Tensor) -> Tensor:
    """Split groups (P, 2Q, C, T) into two of different members, (2, P, Q, C, T), by ``order`` (P, 2Q)."""
    rows = torch.arange(len(order), device=order.device)[:, None]  # (P, 1)
    first, second = groups[rows, order].chunk(2, dim=1)  # (P, 2Q, C, T) -> 2 x (P, Q, C, T)
    return torch.stack([first, second])  # (2, P, Q, C, T)


class PersonSampler:
    """Minibatches of row numbers (P, 2Q): row i holds 2Q different windows of person i, of whatever stimulus.

    People are drawn anew for each of the ``batches`` of an epoch, so they come repeatedly. With fewer than P
    people every minibatch holds all of them.

    Raises
    ------
    ConfigError
        Fewer than two people have 2Q windows.
    """

    def __init__(self, known: Clips, people: int, members: int, seed: int, batches: int):
        self._windows = 2 * members
        self._seed = seed
        self.batches_per_epoch = batches
        together = np.argsort(known.subject, kind="stable").astype(np.int64)  # rows of a person, then the next's
        ends = np.unique(known.subject, return_counts=True)[1].cumsum()
        self._rows = [rows for rows in np.split(together, ends[:-1]) if len(rows) >= self._windows]
        if len(self._rows) < 2:
            raise ConfigError(
                f"method.settings.groups: 'person' needs two people or more with {self._windows} windows, found "
                f"{len(self._rows)}; lower method.settings.members or add people"
            )
        self._people = min(people, len(self._rows))

    def epoch(self, number: int) -> Iterator[NDArray[np.int64]]:
        """Yield the row numbers (P, 2Q) of each minibatch of epoch ``number``: the same for the same seed."""
        rng = np.random.default_rng([self._seed, number])
        for _ in range(self.batches_per_epoch):
            people = rng.choice(len(self._rows), self._people, replace=False)
            yield np.stack([rng.choice(self._rows[person], self._windows, replace=False) for person in people])
