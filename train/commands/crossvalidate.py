"""The command memhacl-train crossvalidate: every fold, all measured together, and a model refit on everybody."""

import json
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import tyro
from rich.console import Console

from memhacl.stream.errors import ConfigError
from memhacl.stream.sources.registry import open_source
from memhacl.train.commands.stages import StageArguments, read_asked
from memhacl.train.crossvalidation.cluster import Cluster
from memhacl.train.crossvalidation.course import Asked, crossvalidate
from memhacl.train.measure.table import print_report

_SAYS: Final = (
    "Train and test every fold of the protocol (protocol.folds) with each seed and in each way of "
    "'crossvalidate', measure all together, and refit the model on everybody in --out/final, which memhacl-export "
    "takes. Interrupted, or with folds that failed, it goes on where it was. Exit code 1: a training failed."
)


@dataclass(frozen=True)
class CrossvalidateArguments(StageArguments):
    """What a cross-validation is told beside the settings: how much runs at once, and where."""

    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on in a folder that was made under other settings or from other data: what they change is made again."""
    jobs: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Trainings at once; 0: as many as cores and memory have room for (on a cluster: all)."""
    cluster: Literal["none", "slurm", "local"] = "none"
    """'none': on this machine; 'slurm': a job for each training; 'local': such jobs here, to try them."""
    partition: str = ""
    """Partition of the cluster; none: its default."""
    hours: float = 24.0
    """Hours that a job on the cluster may take; one that takes longer is submitted again, and goes on."""
    memory: float = 0.0
    """GB of memory that each job on the cluster asks for; 0: the cluster's default."""
    gpus: int = 0
    """GPUs that each job on the cluster asks for."""


def crossvalidate_command(arguments: list[str]) -> int:
    """Run or go on with a cross-validation; print its numbers; return the exit code."""
    asked, out = read_asked(CrossvalidateArguments, "crossvalidate", _SAYS, arguments)
    for name in ("jobs", "memory", "gpus"):
        if getattr(asked, name) < 0:
            raise ConfigError(f"--{name} {getattr(asked, name)}: expected 0 or more")
    if asked.hours <= 0:
        raise ConfigError(f"--hours {asked.hours}: expected more than 0")
    source = None if asked.data is None else open_source(asked.data)
    wanted = Asked(out, asked.jobs, _cluster(asked), asked.workers, asked.force)
    failed = crossvalidate(asked.settings, source, wanted, Console(stderr=True))
    if failed:
        return 1
    report = json.loads((out / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    print_report(report, Console())
    return 0


def _cluster(asked: CrossvalidateArguments) -> Cluster | None:
    if asked.cluster == "none":
        return None
    threads = max(1, asked.settings.threads)
    return Cluster(asked.cluster, asked.partition, asked.hours, asked.memory, asked.gpus, threads)
