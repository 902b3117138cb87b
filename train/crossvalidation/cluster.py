"""Jobs on a Slurm cluster, by submitit; its own 'local' executor does the same without a cluster, to try it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.crossvalidation.trainings import Job
from memhacl.train.crossvalidation.work import Outcome, do

if TYPE_CHECKING:
    import submitit

_LOOK = {"local": 0.2, "slurm": 5.0}  # s between looks at jobs


@dataclass(frozen=True)
class Cluster:
    """Where jobs are submitted, and what each asks for; ``memory`` in GB, 0: the cluster's default."""

    kind: Literal["slurm", "local"]
    partition: str
    hours: float
    memory: float
    gpus: int
    threads: int


def submit(jobs: Sequence[Job], count: int, cluster: Cluster, folder: Path) -> Iterator[Outcome]:
    """Submit ``jobs``, at most ``count`` at once, and yield how each ended when it does; logs go to ``folder``.

    Interrupted, it cancels those that were submitted. One whose time is up is submitted anew, and goes on.

    Raises
    ------
    ConfigError
        submitit is not installed.
    DataError
        There is no such cluster here, or it refuses.
    """
    executor, waiting = _executor(cluster, folder), list(jobs)
    running: dict[Any, Job] = {}
    try:
        while waiting or running:
            while waiting and len(running) < count:
                job = waiting.pop(0)
                running[_submitted(executor, job)] = job
            ended = [one for one in running if one.done()]
            for one in ended:
                yield _outcome(one, running.pop(one))
            if not ended:
                time.sleep(_LOOK[cluster.kind])
    finally:
        for one in running:
            one.cancel()


class Resumed:
    """A job that submitit submits again when its time is up or its node is needed: its stages go on."""

    def __call__(self, job: Job) -> Outcome:
        """Do ``job``."""
        return do(job)

    def checkpoint(self, job: Job) -> "submitit.helpers.DelayedSubmission":
        """Say that the same is to be submitted again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, job)


def _executor(cluster: Cluster, folder: Path) -> "submitit.AutoExecutor":
    try:
        import submitit
    except ImportError:
        raise ConfigError(
            "--cluster needs the package submitit, which is not installed: pip install 'memhacl[slurm]'"
        ) from None
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster.kind)
    except RuntimeError as problem:  # there is no srun
        raise DataError(f"--cluster {cluster.kind}: {problem}; call this where jobs can be submitted") from None
    asked: dict[str, Any] = {
        "name": "memhacl",
        "timeout_min": max(1, round(60 * cluster.hours)),
        "cpus_per_task": cluster.threads,
        "gpus_per_node": cluster.gpus,
        "mem_gb": cluster.memory or None,
        "slurm_partition": cluster.partition or None,
    }
    executor.update_parameters(**{name: value for name, value in asked.items() if value is not None})
    return executor


def _submitted(executor: "submitit.AutoExecutor", job: Job) -> Any:
    from submitit.core.utils import FailedJobError

    try:
        return executor.submit(Resumed(), job)
    except (FailedJobError, OSError) as problem:
        raise DataError(f"the cluster refuses {job.name}: {' '.join(str(problem).split())}") from None


def _outcome(submitted: Any, job: Job) -> Outcome:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        result: Outcome = submitted.result()
    except (FailedJobError, UncompletedJobError):
        return Outcome(
            job.name, f"its job ended without a result ({submitted.state}); see {submitted.paths.stderr}"
        )
    return result
