"""Loops in processes of their own that take turns, a few steps each: a busy machine is busy for all alike."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

Loop = Callable[["Pace", int], None]  # given a pace and a number of threads, calls the pace before every step


class Over(Exception):
    """The loop has been timed often enough."""


class Pace:
    """What a loop calls before every step: every ``steps`` steps it tells how long they took, and waits."""

    def __init__(self, connection: Connection, steps: int):
        self._connection = connection
        self._steps = steps
        self._done = 0
        self._began = 0.0

    def __call__(self) -> None:
        """Go on at once, or wait for the next turn.

        Raises
        ------
        Over
            There is none.
        """
        if self._done % self._steps == 0:
            if self._done:
                self._connection.send((time.perf_counter() - self._began) / self._steps)
            if not self._connection.recv():
                raise Over
            self._began = time.perf_counter()
        self._done += 1


@contextmanager
def turns(loop: Loop, steps: int, threads: int) -> Iterator[Callable[[], float]]:
    """Start ``loop`` in a process of its own; what is yielded lets it take ``steps`` and returns s a step."""
    fresh = multiprocessing.get_context("spawn")
    here, there = fresh.Pipe()
    process = fresh.Process(target=_work, args=(loop, there, steps, threads), daemon=True)
    process.start()
    there.close()  # so that the end of the process is seen here

    def turn() -> float:
        here.send(True)
        took: float = here.recv()
        return took

    try:
        yield turn
    finally:
        here.send(False)
        process.join()


def _work(loop: Loop, connection: Connection, steps: int, threads: int) -> None:
    try:
        loop(Pace(connection, steps), threads)
    except Over:
        pass
