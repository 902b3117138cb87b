"""Work on people one by one or, where that would take long, in several processes."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from logging.handlers import QueueHandler
from multiprocessing import active_children, get_context, parent_process
from typing import TypeVar

from memhacl.stream.errors import DataError, MemhaclError

T = TypeVar("T")

_WORTH = 8.0  # s of work left from which on it pays to start processes


def over_people(work: Callable[[str], T], people: Sequence[str], workers: int = 0) -> Iterator[tuple[str, T]]:
    """Yield (person, ``work(person)``) as they are done; several ``workers`` (0: one a core) do it at once.

    The first person is done in this process, and all others too where that is soon over. ``work`` must be one that
    can be pickled, and what it logs comes out here.

    Raises
    ------
    MemhaclError
        What ``work`` raised; the others are stopped.
    DataError
        A process was killed.
    """
    workers = min(workers or _cores(), len(people))
    for place, person in enumerate(people):
        began = time.monotonic()
        yield person, work(person)
        left = people[place + 1 :]
        if workers > 1 and len(left) > 1 and (time.monotonic() - began) * len(left) > _WORTH:
            yield from _at_once(work, left, workers)
            return


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _at_once(work: Callable[[str], T], people: Sequence[str], workers: int) -> Iterator[tuple[str, T]]:
    others = set(active_children())
    # spawned, not forked: torch and its threads are loaded here
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    done = False
    try:
        futures = {pool.submit(partial(_listened, work), person): person for person in people}
        for future in as_completed(futures):
            result, records, problem = future.result()
            for record in records:
                logging.getLogger(record.name).handle(record)
            if problem is not None:
                raise problem
            yield futures[future], result  # type: ignore[misc]  # no problem: a result
        done = True
    except BrokenProcessPool:
        raise DataError(
            "a process that read recordings could not start, or was killed, perhaps for want of memory; "
            "use --workers 1"
        ) from None
    finally:
        if not done:  # nobody waits for what is still being worked on
            for child in set(active_children()) - others:
                child.terminate()
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Prepare a process: Ctrl-C is its parent's business, and without its parent it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _listened(
    work: Callable[[str], T], person: str
) -> tuple[T | None, list[logging.LogRecord], MemhaclError | None]:
    """Do ``work`` and return with it what it logged, or the problem that it met."""
    handler = _Kept()
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    try:
        return work(person), handler.records, None
    except MemhaclError as problem:
        return None, handler.records, problem


class _Kept(QueueHandler):
    """Keeps records in a form that can go to another process."""

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []
        super().__init__(None)  # type: ignore[arg-type]  # no queue: a list

    def enqueue(self, record: logging.LogRecord) -> None:
        self.records.append(record)
