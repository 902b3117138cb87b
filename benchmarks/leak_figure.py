"""The leak detector's table as a figure that is readable in black and white."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.leak_worlds import PROTOCOLS, ROWS, ceiling

if TYPE_CHECKING:
    from benchmarks.leaks import Cell

_ROWS = {
    "F": "F\ntrial fingerprint alone",
    "F + B": "F + B\nand the person's bias",
    "S + V": "S + V\nstimulus-locked part and\nstimulus's mean rating",
    "all but E": "all but E\nevery leak, no emotion",
    "all": "all\nevery leak, and emotion",
}
_COLUMNS = {
    "paper": "paper\n(leaky)",
    "trial": "trial\n(trials unseen)",
    "subject": "subject\n(people unseen)",
    "stimulus": "stimulus\n(stimuli unseen)",
    "subject+stimulus": "subject+stimulus\n(both unseen)",
}
_TITLE = "SIMULATED people: what a learner reaches that exploits every leak"
_UNDER = (
    "Balanced accuracy a trial, against ratings; chance is 0.5. In brackets: 99 % interval over simulated worlds. "
    "White: at chance (interval within 0.45 to 0.55).\nbest: accuracy of somebody who knows exactly what can be "
    "recognised under the protocol."
)


def draw(table: Sequence["Cell"], path: Path) -> None:
    """Write the figure of ``table`` to ``path``: a row for each setting, a column for each protocol."""
    figure = Figure(figsize=(10.5, 6.4), layout="constrained")
    axes = figure.subplots()
    for cell in table:
        _draw_cell(axes, cell)
    axes.set_xlim(0, len(PROTOCOLS))
    axes.set_ylim(len(ROWS), 0)
    axes.set_xticks([place + 0.5 for place in range(len(PROTOCOLS))], [_COLUMNS[name] for name in PROTOCOLS])
    axes.set_yticks([place + 0.5 for place in range(len(ROWS))], [_ROWS[name] for name in ROWS])
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    figure.suptitle(_TITLE, fontweight="bold")
    figure.supxlabel(_UNDER, fontsize=9, x=0.01, ha="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Title": _TITLE})


def _draw_cell(axes: Axes, cell: "Cell") -> None:
    column, row = PROTOCOLS.index(cell.protocol), list(ROWS).index(cell.row)
    grey = 1.0 if cell.at_chance else 0.95 - (cell.mean - 0.5)  # the darker, the further above chance
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=str(grey), edgecolor="black", linewidth=0.8))
    words = "chance" if cell.at_chance else f"best {ceiling(cell.row, cell.protocol):.2f}"
    for height, text, size in (
        (0.3, f"{cell.mean:.2f}", 16),
        (0.58, f"({cell.low:.2f} to {cell.high:.2f})", 9),
        (0.8, words, 9),
    ):
        axes.text(column + 0.5, row + height, text, ha="center", va="center", fontsize=size)
