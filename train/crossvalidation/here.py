"""Jobs on this machine: several processes at once, by joblib."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Sequence

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from memhacl.stream.errors import DataError
from memhacl.train.crossvalidation.trainings import Job
from memhacl.train.crossvalidation.work import Outcome, do

_WATCH = 0.2  # s between looks at whether the parent is still there


def at_once(jobs: Sequence[Job], count: int) -> Iterator[Outcome]:
    """Do ``jobs``, ``count`` at once, and yield how each ended when it does; a single one runs in this process.

    Raises
    ------
    DataError
        A process was killed.
    """
    if count == 1:
        yield from (do(job) for job in jobs)
        return
    parallel = Parallel(count, backend="loky", return_as="generator_unordered", batch_size=1)
    with warnings.catch_warnings():  # a process that has used much memory is replaced: no news to the user
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
        try:
            yield from parallel(delayed(_do)(job, os.getpid()) for job in jobs)
        except TerminatedWorkerError:
            raise DataError(
                "a process was killed, perhaps for want of memory; call again with fewer --jobs: what is done "
                "stays"
            ) from None


def _do(job: Job, parent: int) -> Outcome:
    """Do ``job`` in a process of its own: Ctrl-C is its parent's business, and without its parent it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not any(thread.name == _WATCHER for thread in threading.enumerate()):
        threading.Thread(target=_end_with, args=(parent,), name=_WATCHER, daemon=True).start()
    return do(job)


_WATCHER = "memhacl-parent"


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH)
    os._exit(1)
