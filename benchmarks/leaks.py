"""Print where a learner that is made to exploit leaks beats chance, under each protocol; on simulated people.

    python -m benchmarks.leaks [--worlds 12] [--out FOLDER] [--figure docs/leaks.png]

The simulator's parts are switched on one by one. A cell is the balanced accuracy, a trial, of the leak detector
against the ratings, with its 99 % interval over simulated worlds; chance is 0.5. Interrupted, it goes on where
it was.
"""

import argparse
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Table
from scipy.stats import t as student

from benchmarks.experiment import Notebook
from benchmarks.leak_detector import PARTS
from benchmarks.leak_worlds import ABOVE, PROTOCOLS, ROWS, Size, ceiling, world
from benchmarks.machine import console

FIRST_SEED = 500  # the detector was made on other worlds
CONFIDENCE = 0.99
MARGIN = 0.05  # around 0.5: within it lies the interval of what is at chance
DETECTOR = "detector"

Worlds = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Cell:
    """Balanced accuracy of the detector in one row under one protocol: mean and interval over worlds."""

    row: str
    protocol: str
    mean: float
    low: float
    high: float

    @property
    def at_chance(self) -> bool:
        """Whether the interval lies within the margin around 0.5."""
        return self.low > 0.5 - MARGIN and self.high < 0.5 + MARGIN

    @property
    def as_expected(self) -> bool:
        """Whether it is above chance where a leak, or emotion, must show, and at chance elsewhere."""
        return self.low > 0.5 if self.protocol in ABOVE[self.row] else self.at_chance

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.high - self.mean:.3f}{'' if self.as_expected else ' ?'}"


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure what is missing, print the tables and draw the figure."""
    from benchmarks.leak_figure import draw  # matplotlib takes a second, and the tests need none

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=Size.worlds, help="simulated worlds")
    parser.add_argument("--out", type=Path, default=Path("runs/leaks"), help="where figures are kept")
    parser.add_argument("--figure", type=Path, default=Path("docs/leaks.png"), help="where the figure is written")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    screen, size = console(), Size(worlds=asked.worlds)
    notebook = Notebook(asked.out / "figures.jsonl", lambda text: screen.print(text.split(":")[0]))
    found: dict[str, list[Mapping[str, float]]] = {row: [] for row in ROWS}
    for seed in range(FIRST_SEED, FIRST_SEED + size.worlds):
        folder = asked.out / f"world{seed}"
        for row in ROWS:
            found[row].append(notebook.of(f"{row}, world {seed}", partial(figures, row, seed, size, folder)))
        shutil.rmtree(folder, ignore_errors=True)
    table = cells(found)
    screen.print(detector_table(table))
    screen.print(parts_table(found))
    screen.print(
        f"{size.worlds} simulated worlds of {size.people} people and {size.stimuli} stimuli of {size.seconds} s, "
        f"{size.folds} folds; ?: not as expected. None of this says that emotion was recognised"
    )
    draw(table, asked.figure)
    screen.print(f"figure: {asked.figure}")


def figures(row: str, seed: int, size: Size, folder: Path) -> dict[str, float]:
    """Balanced accuracy of the detector and each part of it under each protocol, as 'protocol/part'."""
    found = world(row, seed, size, folder)
    return {f"{protocol}/{part}": value for protocol, parts in found.items() for part, value in parts.items()}


def cells(found: Mapping[str, Worlds]) -> list[Cell]:
    """One cell a row and protocol, from each row's figures a world."""
    return [_cell(row, protocol, worlds) for row, worlds in found.items() for protocol in PROTOCOLS]


def _cell(row: str, protocol: str, worlds: Worlds) -> Cell:
    values = np.array([one[f"{protocol}/{DETECTOR}"] for one in worlds])
    half = float(student.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    mean = float(values.mean())
    return Cell(row, protocol, mean, mean - half, mean + half)


def detector_table(table: Sequence[Cell]) -> Table:
    """The detector's balanced accuracy, and the best that is possible by what can be known under the protocol."""
    shown = _table("leak detector (SIMULATED), balanced accuracy a trial ± 99 % interval; below: best possible")
    for row in ROWS:
        line = [cell for cell in table if cell.row == row]
        shown.add_row(row, *(f"{cell}\n{ceiling(row, cell.protocol):.2f}" for cell in line))
    return shown


def parts_table(found: Mapping[str, Worlds]) -> Table:
    """What each part of the detector reaches alone, mean over worlds."""
    shown = _table(f"its parts alone (SIMULATED): {', '.join(PARTS)}")
    for row, worlds in found.items():
        means = [[np.mean([one[f"{name}/{part}"] for one in worlds]) for part in PARTS] for name in PROTOCOLS]
        shown.add_row(row, *(" ".join(f"{mean:.2f}"[1:] for mean in parts) for parts in means))
    return shown


def _table(title: str) -> Table:
    shown = Table(title=title)
    for column in ("switched on", *PROTOCOLS):
        shown.add_column(column)
    return shown


if __name__ == "__main__":
    main()
