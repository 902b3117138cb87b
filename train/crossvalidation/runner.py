"""Runs jobs here or on a cluster, shows one bar over them, and says which failed and why."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from memhacl.stream.errors import MemhaclError
from memhacl.train.config import Config
from memhacl.train.corpus.store import Corpus
from memhacl.train.crossvalidation.cluster import Cluster, submit
from memhacl.train.crossvalidation.here import at_once
from memhacl.train.crossvalidation.share import Share, share
from memhacl.train.crossvalidation.trainings import Job
from memhacl.train.crossvalidation.work import Outcome
from memhacl.train.folder import RunFolder
from memhacl.train.keys import STAGES
from memhacl.train.progress import stage_bar, stage_line
from memhacl.train.stages import Pipeline

_log = logging.getLogger(__name__)


class Runner:
    """Runs jobs of the cross-validation in ``folder``, ``asked`` (0: as many as there is room for) at once."""

    def __init__(
        self, config: Config, corpus: Corpus, folder: Path, asked: int, cluster: Cluster | None, console: Console
    ):
        self._config, self._corpus, self._folder = config, corpus, folder
        self._asked, self._cluster, self._console = asked, cluster, console
        self._said: set[str] = set()

    def run(self, stage: str, *waves: Sequence[Job]) -> int:
        """Do what of each wave of jobs is not done, one wave after the other; return how many failed."""
        todo = [[job for job in wave if not stands(job)] for wave in waves]
        count, there = sum(map(len, todo)), sum(map(len, waves))
        if not count:
            self._say(stage, f"skipped: all of {there} trainings stand under these settings")
            return 0
        how = self._share(count)
        self._say(stage, f"{count} of {there} trainings to do, {how.why}")
        failed = 0
        with stage_bar(stage, self._console) as bar:
            left = [job.name for wave in todo for job in wave]
            bar.start(count, _running(left, how))
            for outcome in (outcome for wave in todo for outcome in self._outcomes(wave, how)):
                left.remove(outcome.name)
                self._warn(outcome.said)
                if outcome.problem:
                    failed += 1
                    self._say(stage, f"{outcome.name} FAILED: {outcome.problem}")
                bar.step(_running(left, how))
            bar.finish(f"{count - failed} trainings done" + (f", {failed} failed" if failed else ""))
        return failed

    def _outcomes(self, wave: Sequence[Job], how: Share) -> Iterator[Outcome]:
        jobs = [replace(job, config=job.config.model_copy(update={"threads": how.threads})) for job in wave]
        if self._cluster is None:
            return at_once(jobs, how.jobs)
        return submit(jobs, how.jobs, self._cluster, self._folder / "cluster")

    def _share(self, count: int) -> Share:
        if self._cluster is None:
            return share(self._config, self._corpus, self._asked, count)
        jobs, threads = min(self._asked or count, count), self._cluster.threads
        return Share(jobs, threads, f"{jobs} submitted at once, {threads} thread{'s' * (threads > 1)} each")

    def _warn(self, said: Sequence[str]) -> None:
        """Log what jobs warned of, each once: many folds say the same."""
        for text in said:
            if text not in self._said:
                _log.warning("%s", text)
                self._said.add(text)

    def _say(self, stage: str, text: str) -> None:
        self._console.print(stage_line(stage, text), soft_wrap=True)


def stands(job: Job) -> bool:
    """Whether all stages of ``job`` have run under its settings, and what they left is there."""
    try:
        folder = RunFolder(job.path)
        if "evaluate" not in folder.done():
            return False
        keys = Pipeline(job.config, folder, None, Console(quiet=True)).keys
        return all(folder.has(stage, keys[stage]) for stage in STAGES)
    except MemhaclError:  # whatever is wrong, doing the job tells
        return False


def _running(left: Sequence[str], how: Share) -> str:
    """Say what runs: the first ones of those that have not ended."""
    return "; ".join(left[: how.jobs])
