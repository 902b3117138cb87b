"""The table of `benchmarks.stress`, and what its numbers allow to be said."""

from collections.abc import Mapping

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student

from benchmarks.experiment import interval
from benchmarks.stress_ways import ADDED, BOTH, CLOCK, CONTROLS, READINGS, REGRESSED, Floats

LOST = 0.05  # uS: at or below it the sensor has lost the skin
OFTEN = 0.01  # of the time, from which on a person is named
PLAIN, PERMUTED = "logistic regression", "logistic regression, labels permuted"
NETWORKS = {
    "network of the config, from scratch": "supervised",
    "network of the config, pretrained (ME-MHACL)": "me-mhacl",
}
Found = Mapping[str, Mapping[str, tuple[float, float]]]  # way -> person -> AUROC, AUROC over pairs


def table_of(found: Found, chance: Floats) -> Table:
    """A row for each way: both AUROCs and, person by person, what the pairs gain over the elapsed time."""
    people = list(found[CLOCK])
    clock = near(found[CLOCK], people)
    table = Table(
        title=f"stress or rest, leave one person out, {len(people)} people; mean and 95 % interval over people"
    )
    for column in ("", "AUROC, pairs <= 5 min apart", "pairs: above elapsed time", "AUROC, all windows"):
        table.add_column(column)
    for part in (CONTROLS, READINGS, REGRESSED, ADDED, NETWORKS):
        for name in (name for name in part if name in found):
            values = near(found[name], people)
            gain = "" if name == CLOCK else interval(values - clock)
            table.add_row(name, interval(values), gain, interval([found[name][person][0] for person in people]))
        table.add_section()
    if len(chance):
        low, high = np.quantile(chance, (0.025, 0.975), axis=0)
        spread = [f"{low[k]:.3f} to {high[k]:.3f}" for k in (1, 0)]
        table.add_row(f"{PERMUTED} (95 % of {len(chance)})", spread[0], "", spread[1])
    return table


def near(figures: Mapping[str, tuple[float, float]], people: list[str]) -> Floats:
    """AUROC over pairs (people,)."""
    return np.array([figures[person][1] for person in people])


def clearly_above(values: Floats, others: Floats) -> bool:
    """Whether the 95 % interval of the mean difference, person by person, lies above 0."""
    gain = values - others
    half = student.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
    return bool(gain.mean() > half)


def tell(screen: Console, found: Found, chance: Floats, lost: list[str]) -> None:
    """Print whose sensor lost the skin, and what follows from the numbers."""
    people = list(found[CLOCK])
    kept = [person for person in people if person not in lost]
    values = interval(near(found[PLAIN], kept))
    screen.print(
        f"conductance at or below {LOST} uS for {OFTEN:.0%} of the time or more: {', '.join(lost) or 'nobody'}; "
        f"{PLAIN} over pairs of the other {len(kept)}: {values}",
        soft_wrap=True,
    )
    screen.print(verdict(found, chance), soft_wrap=True)


def verdict(found: Found, chance: Floats) -> str:
    """Say what the numbers allow to be said: stress counts as recognised only above every control."""
    people = list(found[CLOCK])
    readings = {name: near(found[name], people) for name in (*READINGS, *NETWORKS) if name in found}
    best = max(readings, key=lambda name: float(readings[name].mean()))
    beaten = {name: clearly_above(readings[best], near(found[name], people)) for name in CONTROLS}
    p = (1 + int((chance[:, 1] >= near(found[PLAIN], people).mean()).sum())) / (1 + len(chance))
    both, clock = near(found[BOTH], people), near(found[CLOCK], people)
    gains = "adds to it" if clearly_above(both, clock) else "adds nothing that can be told from none"
    words = [
        f"best of the body: {best}, {interval(readings[best])} over pairs; p {p:.3f} against permuted labels",
        *(f"{'above' if clear else 'NOT clearly above'} {name}" for name, clear in beaten.items()),
        f"beside the elapsed time the body {gains} ({interval(both - clock)})",
    ]
    claim = all(beaten.values()) and p < 0.05
    end = "stress is told from rest" if claim else "no claim that stress was recognised"
    return f"{'; '.join(words)}. Conclusion: {end}."
