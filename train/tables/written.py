"""A table on the console, as Markdown and as JSON."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from memhacl.train.measure.table import plainly
from memhacl.train.protocols import LEAKY, MEANING
from memhacl.train.tables.measured import Value
from memhacl.train.tables.paper import ACCURACY
from memhacl.train.tables.result import Result
from memhacl.train.tables.rows import NOT_GIVEN, Row

FORMAT = "memhacl.table/1"


def show(result: Result, figures: Sequence[Path], console: Console) -> None:
    """Print a table for each task, what must be known to read them, and where the ``figures`` lie."""
    plainly(result.title, console)
    names, *lines = _grid(result)
    for task in result.experiment.tasks:
        table = Table(f"{task}: accuracy of")
        for name in names[2:]:
            table.add_column(name, justify="right")
        for line in (line for line in lines if line[0] == task):
            table.add_row(*line[1:])
        console.print(table)
    for note in result.notes:
        plainly(note, console)
    for figure in figures:
        plainly(f"Figure: {figure}", console)


def write(result: Result, figures: Sequence[Path], folder: Path) -> None:
    """Write table.json and table.md to ``folder``."""
    text = json.dumps(_as_json(result, figures, folder), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "table.json").write_text(text + "\n", encoding="utf-8")
    names, *lines = _grid(result)
    rows = [names, ["---"] * 2 + ["---:"] * (len(names) - 2), *lines]
    parts = [f"# {result.title}", "\n".join(f"| {' | '.join(row)} |" for row in rows)]
    parts += ["\n".join(f"- {note}" for note in result.notes)]
    parts += [f"![{result.experiment.what}{result.marks}]({figure.name})" for figure in figures]
    (folder / "table.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _grid(result: Result) -> list[list[str]]:
    """Heads and cells: accuracy under every protocol, balanced accuracy a trial under those that do not leak."""
    ours = [f"ours, {name}{' (LEAKY)' if name in LEAKY else ''}" for name in result.protocols]
    honest = [name for name in result.protocols if name not in LEAKY]
    heads = ["task", "accuracy of", "paper", *ours, *(f"{name}: balanced, a trial" for name in honest)]
    return [heads, *(_line(row, result.protocols, honest) for row in result.rows)]


def _line(row: Row, protocols: Sequence[str], honest: Sequence[str]) -> list[str]:
    what = row.what if row.measure == ACCURACY else f"{row.what}: {row.measure}"
    paper = f"{row.paper:.4f}" if row.paper is not None else NOT_GIVEN if row.asked else "-"
    ours = [_said(row.ours.get(name)) for name in protocols]
    return [row.task, what, paper, *ours, *(_said(row.honest.get(name)) for name in honest)]


def _said(value: Value | None) -> str:
    if value is None:
        return "-"
    low_high = "" if value.interval is None else " [{:.2f},\N{NO-BREAK SPACE}{:.2f}]".format(*value.interval)
    return f"{value.number:.3f}{low_high}{f' ({value.who})' if value.who else ''}"


def _as_json(result: Result, figures: Sequence[Path], folder: Path) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "table": result.experiment.name,
        "what": result.experiment.what,
        "data": result.kind,
        "source": result.source,
        "simulated": result.simulated,
        "quick": result.quick,
        "config": result.config.name,
        "measure": f"{ACCURACY} a window beside the paper's; balanced accuracy a trial as 'honest'",
        "protocols": {name: {"means": MEANING[name], "leaky": name in LEAKY} for name in result.protocols},
        "rows": [asdict(row) for row in result.rows],
        "notes": result.notes,
        "trainings": [
            {
                "variant": one.cell.variant,
                "protocol": one.cell.protocol,
                "folder": os.path.relpath(one.cell.path, folder),
                "warnings": one.metrics["warnings"],
                "unavailable": one.metrics["unavailable"],
            }
            for one in result.measured
        ],
        "failed": [cell.name for cell in result.failed],
        "figures": [figure.name for figure in figures],
    }
