"""The command memhacl-train compare: whether one of two runs is better, person by person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Table

from memhacl.stream.arguments import parse_arguments
from memhacl.stream.errors import ConfigError
from memhacl.train.measure.table import number, p_value, plainly, title, with_interval
from memhacl.train.measure.versus import Measured, Versus, against, open_measured

_WIDTH = 110
_WORDS = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
}


@dataclass(frozen=True)
class CompareArguments:
    """Compare the models of two runs, or cross-validations, that were tested on the same windows: the mean over
    people of what the first has more than the second, with a 95 % interval over people and stimuli, and p of two
    paired tests over people (Wilcoxon's signed ranks; random signs of the differences).
    """  # noqa: D205

    first: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of an evaluated run or cross-validation."""
    second: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """The one that it is compared with."""
    measure: Literal["balanced_accuracy", "accuracy", "macro_f1", "auroc"] = "balanced_accuracy"
    """What is compared in each person."""
    per: Literal["trial", "window"] = "trial"
    """Predictions of trials (mean of their windows' probabilities) or of single windows."""
    resamples: int = 2000
    """Bootstrap samples of people and stimuli from which the interval is taken."""


def compare(arguments: list[str]) -> int:
    """Print how two runs compare; return the exit code."""
    asked = parse_arguments(CompareArguments, arguments, "memhacl-train compare")
    if asked.resamples < 100:
        raise ConfigError(f"--resamples {asked.resamples}: expected 100 or more")
    runs = (open_measured(asked.first), open_measured(asked.second))
    found = against(*runs, asked.per, asked.measure, asked.resamples)
    console = Console()
    if not console.is_terminal:  # what is piped into a file would be broken at 80
        console.width = max(console.width, _WIDTH)
    for letter, run in zip("AB", runs, strict=True):
        plainly(f"{letter}: {run.path}: {title(run.report)}", console)
    console.print(_table(found, f"{_WORDS[asked.measure]} per {asked.per}, mean over people"))
    for line in _notes(runs, found):
        plainly(line, console)
    return 0


def _table(found: Sequence[Versus], caption: str) -> Table:
    table = Table("task", title=caption)
    for column in ("A", "B", "A - B", "A better in", "Wilcoxon p", "signs p"):
        table.add_column(column, justify="right")
    for one in found:
        better = sum(gap > 0 for gap in one.by_person.values())
        table.add_row(
            one.task,
            *(number(mean) for mean in one.means),
            with_interval(one.tests["mean"], one.interval, "+.3f"),
            f"{better} of {len(one.by_person)}",
            p_value(one.tests["wilcoxon_p"]),
            p_value(one.tests["sign_flip_p"]),
        )
    return table


def _notes(runs: Sequence[Measured], found: Sequence[Versus]) -> list[str]:
    """What both were measured on, and what must be known of either."""
    notes = ["In brackets: 95 % interval over people and stimuli. Both p are two-sided, over people."]
    if any(len(one.by_person) < 6 for one in found):
        notes.append("With fewer than 6 people neither test can reach p = 0.05.")
    seeds = [len(run.seeds) for run in runs]
    if max(seeds) > 1:
        notes.append(f"Seeds were averaged in each person: {seeds[0]} of A, {seeds[1]} of B.")
    return notes + list(dict.fromkeys(sentence for run in runs for sentence in run.report["warnings"]))
