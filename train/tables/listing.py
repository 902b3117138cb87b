"""What each experiment is, which data it needs, and roughly how long the paper's schedule takes."""

from typing import Final

from rich.console import Console
from rich.table import Table

from memhacl.train.measure.table import plainly
from memhacl.train.tables.changes import FOLDS
from memhacl.train.tables.experiments import DEAP, EXPERIMENTS, HCI, Experiment

# One pretraining on the paper's schedule: hours on an H100 in float32, days on two cores of a CPU. DEAP's from
# benchmarks/pretrain_gpu.py and pretrain_cpu.py (840,000 steps); MAHNOB-HCI's by its windows and their length
# (39,900 steps of twice as many and twice as long).
_HOURS: Final = {DEAP: 3.4, HCI: 0.7}
_DAYS: Final = {DEAP: 4.2, HCI: 0.8}


def print_list(console: Console) -> None:
    """Print all experiments."""
    table = Table("TABLE", "what it is", "pretrainings, at")
    for experiment in EXPERIMENTS.values():
        kind = next(iter(experiment.data))
        cost = f"{pretrainings(experiment)} x {_HOURS[kind]} h, or {_DAYS[kind]} days"
        table.add_row(experiment.name, f"{experiment.what} [{' or '.join(experiment.data)}]", cost)
    console.print(table)
    for line in (
        f"Pretrainings: one under the paper's split and {FOLDS} folds under subject+stimulus, for each variant. "
        "--protocol.folds 0 makes one split of the folds, --protocols paper leaves them away.",
        "table4, fig6 and supervised read the same trainings, and so do table5 and fig7, fig9 and fig10, fig11 "
        "and fig12: with the same --out they are trained once.",
        "Times are rough, for one pretraining on the paper's schedule: hours on an H100, days on two cores of a "
        "CPU; of two data sets the first. --pretrain.precision bfloat16 --compile takes a third of it on a GPU. "
        "--quick takes minutes and says nothing about the method.",
        "Simulated people in DEAP's layout do for every table; their numbers are marked SIMULATED.",
    ):
        plainly(line, console)


def pretrainings(experiment: Experiment) -> int:
    """Return how many encoders are pretrained by default."""
    return len(experiment.study.variants) * (1 + FOLDS)
