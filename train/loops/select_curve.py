"""The picture of the choice: mean validation score against the epochs of pretraining."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def select_curve(table: Mapping[str, Any], chosen: Mapping[str, str], path: Path, title: str) -> None:
    """Draw into the PNG ``path`` each group's mean score and deviation over the runs, by pretraining epoch.

    ``table`` is what stands in scores.json; ``chosen`` maps each group to the file of its encoder.
    """
    from matplotlib.figure import Figure  # takes half a second: only where it is drawn
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    people = " (simulated people)" if table["simulated"] else ""
    figure.suptitle(f"Choice of the encoder of {title}{people}")
    axis = figure.subplots()
    encoders = table["encoders"]
    for place, (group, name) in enumerate(chosen.items()):
        colour = f"C{place}"
        of_group = [(encoder["epoch"], encoder["groups"][group]) for encoder in encoders.values()]
        means = [summary["mean"] for _, summary in of_group]
        deviations = [summary["sd"] for _, summary in of_group]
        by = [epoch for epoch, _ in of_group]
        best = encoders[name]["epoch"]
        axis.errorbar(by, means, deviations, color=colour, marker=".", capsize=2, label=f"{group}: epoch {best}")
        axis.axvline(best, color=colour, linestyle=":", linewidth=0.8)
    axis.set_xlabel("epochs of pretraining")
    axis.set_ylabel(f"validation balanced accuracy, {len(table['seeds'])} runs")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")
    figure.savefig(path, dpi=120)
