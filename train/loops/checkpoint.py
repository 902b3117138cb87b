"""Checkpoints: the state of an interrupted loop on disk, whole or not at all, from which it goes on."""

import logging
import os
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

log = logging.getLogger(__name__)

State = dict[str, Any]  # of tensors, numbers, words, None, and lists, tuples and dicts of these

_RARELY = 20.0  # times what writing one takes passes before the next: they cost a twentieth of the time at most
# What torch, pickle and zip raise for a file that is cut short, altered or not a checkpoint at all.
_DAMAGED = (RuntimeError, ValueError, KeyError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile)
# What a loop raises for a state that is not its own: other names, shapes, kinds.
_MISFIT = (RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, OSError)


class Resumable(Protocol):
    """A loop's state that a checkpoint can be loaded into."""

    def load_state(self, state: State) -> None:
        """Go back to where ``state`` was saved; one that does not fit raises."""
        ...


T = TypeVar("T", bound=Resumable)


class Checkpoint:
    """The file ``path``, written no more often than ``every`` seconds of ``clock``.

    It is written beside its name, flushed to the disk and renamed, so that a kill at any moment leaves the last
    one whole. Loading it runs no code that somebody may have put into it.
    """

    def __init__(self, path: Path, every: float, clock: Callable[[], float] = time.monotonic):
        self.path = path
        self._every = every
        self._clock = clock
        self._next = clock() + every

    def due(self) -> bool:
        """Whether it is time for the next ``save``."""
        return self._clock() >= self._next

    def save(self, state: State) -> None:
        """Write ``state``; it must be complete, for what was there before goes.

        Raises
        ------
        OSError
            The disk is full, or the folder cannot be written.
        """
        began = self._clock()
        temporary = self.path.with_name(self.path.name + ".partial")
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)
        ended = self._clock()
        self._next = ended + max(self._every, _RARELY * (ended - began))

    def load(self) -> State | None:
        """Return what was saved, its tensors on the CPU; None, and a warning, where the file is damaged."""
        if not self.path.exists():
            return None
        try:
            with zipfile.ZipFile(self.path) as file:
                bad = file.testzip()  # torch compares no check sums
            if bad is not None:
                raise ValueError(f"the check sum of {bad} is wrong")
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            if not isinstance(state, dict):
                raise ValueError(f"expected a dict, found {type(state).__name__}")
            return state
        except _DAMAGED as problem:
            self._refuse("is damaged", problem)
            return None

    def resume(self, begin: Callable[[], T]) -> tuple[T, bool]:
        """Return what ``begin`` gives, and whether what was saved could be loaded into it.

        What does not fit is left aside with a warning, and what it was loaded into is begun once more.
        """
        fresh = begin()
        state = self.load()
        if state is None:
            return fresh, False
        try:
            fresh.load_state(state)
            return fresh, True
        except _MISFIT as problem:
            self._refuse("is of another network or version", problem)
            return begin(), False

    def _refuse(self, what: str, problem: Exception) -> None:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        log.warning("%s: %s (%s); the stage begins anew", self.path, what, reason)
