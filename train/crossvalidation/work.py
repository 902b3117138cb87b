"""What a process does with a job: all stages of one run, quietly, and one line about how it ended."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from threadpoolctl import threadpool_limits

from memhacl.stream.errors import MemhaclError
from memhacl.train.crossvalidation.trainings import Job
from memhacl.train.folder import RunFolder
from memhacl.train.keys import STAGES
from memhacl.train.stages import Pipeline


@dataclass(frozen=True)
class Outcome:
    """How a job ended: the ``problem`` in one line, or "", and the warnings that were ``said``."""

    name: str
    problem: str = ""
    said: tuple[str, ...] = ()


def do(job: Job) -> Outcome:
    """Run all stages of ``job``; those that stand are skipped, an interrupted one goes on."""
    trace = job.path.with_name(f"{job.path.name}.error.txt")
    with _listening() as said, threadpool_limits(job.config.threads or None):
        try:
            _run(job)
        except MemhaclError as problem:
            return Outcome(job.name, str(problem), tuple(said))
        except Exception as problem:  # a fold that fails must not stop the others
            return Outcome(job.name, f"{_one_line(problem)}; {_kept(trace)}", tuple(said))
    trace.unlink(missing_ok=True)
    return Outcome(job.name, "", tuple(said))


def _run(job: Job) -> None:
    folder, owner = RunFolder(job.path), RunFolder(job.lent["prepare"])
    folder.borrow("prepare", owner.done()["prepare"].key, owner, job.config)
    pipeline = Pipeline(job.config, folder, None, Console(quiet=True))
    for stage in STAGES:
        if stage in job.lent:
            folder.borrow(stage, pipeline.keys[stage], RunFolder(job.lent[stage]), job.config)
        else:
            pipeline.execute(stage)


def _one_line(problem: Exception) -> str:
    lines = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {lines[0]}" if lines else type(problem).__name__


def _kept(trace: Path) -> str:
    """Write where the exception at hand came from; say where that is."""
    try:
        trace.parent.mkdir(parents=True, exist_ok=True)
        trace.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:  # a full disk may be what it is about
        return "nothing more could be written"
    return f"see {trace}"


class _Listener(logging.Handler):
    """Keeps what is warned of, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.said[record.getMessage()] = None


@contextmanager
def _listening() -> Iterator[dict[str, None]]:
    """Collect warnings in place of showing them: many folds say the same."""
    root, listener = logging.getLogger(), _Listener()
    before, root.handlers = root.handlers, [listener]
    try:
        yield listener.said
    finally:
        root.handlers = before
