"""How many trainings run at once on this machine, with how many threads each."""

import os
from dataclasses import dataclass

from memhacl.train.config import Config
from memhacl.train.corpus.store import Corpus
from memhacl.train.loops.networks import pick_device

_MEMORY = 0.5  # share of the free memory that the windows of all jobs may take


@dataclass(frozen=True)
class Share:
    """``jobs`` at once, each with so many ``threads``; ``why`` says it in one line."""

    jobs: int
    threads: int
    why: str


def share(config: Config, corpus: Corpus, asked: int, count: int) -> Share:
    """Return how ``count`` jobs share this machine; ``asked`` jobs at once, or (0) as many as it has room for.

    Jobs x threads are no more than there are cores, unless more are asked for; every job may hold the corpus in
    memory; on a GPU one runs at a time.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = asked or _room(config, corpus, cores)
    jobs = max(1, min(jobs, count))
    threads = config.threads or max(1, cores // jobs)
    why = f"{jobs} at once, {threads} thread{'s' * (threads > 1)} each, on {cores} core{'s' * (cores > 1)}"
    return Share(jobs, threads, why if jobs * threads <= cores else f"{why}: more than there are")


def _room(config: Config, corpus: Corpus, cores: int) -> int:
    if pick_device(config).type == "cuda":
        return 1
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return max(1, min(cores // max(1, config.threads), int(_MEMORY * free / max(1, corpus.windows.nbytes))))
