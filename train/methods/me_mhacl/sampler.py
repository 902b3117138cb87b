"""The group sampler: P clips and, for each, the windows of 2Q people who saw it."""

import logging
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import ConfigError
from memhacl.train.methods.contract import Clips

log = logging.getLogger(__name__)


class GroupSampler:
    """Minibatches of row numbers (P, 2Q): row i holds windows of clip i from 2Q different people.

    Every clip that at least 2Q people saw comes once an epoch, in random order. The epoch is cut into
    minibatches as equal as can be, of ``clips`` or fewer and never of one, for a loss without negatives teaches
    nothing. The people are the same for all clips of a minibatch wherever 2Q of them saw all its clips. How many
    clips too few people saw is logged, unless ``quiet``.

    Raises
    ------
    ConfigError
        Fewer than two clips were seen by 2Q people.
    """

    def __init__(self, known: Clips, clips: int, members: int, seed: int, quiet: bool = False):
        self._people = 2 * members
        self._seed = seed
        numbers, clip = np.unique(known.clip, return_inverse=True)
        names, subject = np.unique(known.subject, return_inverse=True)
        cell = clip * len(names) + subject  # (rows,) a clip as one person saw it
        counts = np.bincount(cell, minlength=len(numbers) * len(names))
        self._rows = np.argsort(cell, kind="stable").astype(np.int64)  # rows of a cell lie together
        self._first = (counts.cumsum() - counts).reshape(len(numbers), len(names))  # place of a cell's first row
        self._count = counts.reshape(len(numbers), len(names))
        self._clips = self._usable(members, quiet)
        self.batches_per_epoch = min(-(-len(self._clips) // clips), len(self._clips) // 2)

    def _usable(self, members: int, quiet: bool) -> NDArray[np.intp]:
        """Numbers of the clips that enough people saw."""
        saw = (self._count > 0).sum(axis=1)  # (clips,)
        usable = np.flatnonzero(saw >= self._people)
        if len(usable) < 2:
            raise ConfigError(
                f"method.settings.members: {members} needs two clips or more that {self._people} people saw, "
                f"found {len(usable)} (most people for one clip: {saw.max(initial=0)}); lower it or add people"
            )
        if len(usable) < len(saw) and not quiet:
            few = len(saw) - len(usable)
            log.warning("%d of %d clips were seen by fewer than %d people: left out", few, len(saw), self._people)
        return usable

    def epoch(self, number: int) -> Iterator[NDArray[np.int64]]:
        """Yield the row numbers (P, 2Q) of each minibatch of epoch ``number``: the same for the same seed."""
        rng = np.random.default_rng([self._seed, number])
        for clips in np.array_split(rng.permutation(self._clips), self.batches_per_epoch):
            people = choose_people(self._count[clips] > 0, self._people, rng)  # (P, 2Q)
            chosen = clips[:, None], people
            # A person may have watched a clip twice: one of the two windows is drawn.
            which = (rng.random(people.shape) * self._count[chosen]).astype(np.int64)
            yield self._rows[self._first[chosen] + which]


def choose_people(saw: NDArray[np.bool_], people: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose ``people`` different people for each clip, (P, people), where ``saw`` (P, S) says who saw what.

    Who saw most of the minibatch's clips comes first, and among equals a draw that all clips share decides. So
    2Q people who saw everything serve every clip, as in the paper; where fewer did, the clips still share as many
    as they can: people who differ between clips would let the network tell clips apart by person.
    """
    priority = saw.sum(axis=0) + rng.random(saw.shape[1])  # (S,)
    ranked = np.argsort(np.where(saw, -priority, np.inf), axis=1)  # (P, S)
    return ranked[:, :people]
