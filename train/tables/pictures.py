"""The pictures of an experiment, as PNG: scores, confusion matrices, t-SNE and heat maps of attention."""

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final

import numpy as np

from memhacl.train.measure.predictions import MODEL
from memhacl.train.protocols import LEAKY
from memhacl.train.report.embedding import Cloud
from memhacl.train.tables.paper import ACCURACY, SUPERVISED
from memhacl.train.tables.result import Result
from memhacl.train.tables.rows import WAYS, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 120
_COLOURS = ("tab:red", "tab:blue", "tab:green", "tab:purple", "tab:orange")  # the leaky one is a warning
_NARROWEST, _LETTERS = 6.0, 12  # inches, and letters of a title in each


def draw(result: Result, folder: Path) -> list[Path]:
    """Draw the experiment's picture into ``folder``, a file a task; return those that there was something for."""
    paint = _PAINT[result.experiment.picture]
    found = []
    for task in result.experiment.tasks:
        figure = paint(result, task)
        if figure is not None:
            path = folder / f"{result.experiment.picture}-{task}.png"
            figure.savefig(path, dpi=_DPI, metadata={"Title": figure.get_suptitle()})
            found.append(path)
    return found


def _figure(result: Result, task: str, what: str, size: tuple[float, float]) -> "Figure":
    from matplotlib.figure import Figure  # takes half a second: only where something is drawn

    width = max(_NARROWEST, size[0])
    figure = Figure(figsize=(width, size[1]), layout="constrained")
    lines = [f"{result.experiment.name}: {what}, {task}", f"{result.source}{result.marks}"]
    figure.suptitle("\n".join(fill(line, round(_LETTERS * width)) for line in lines), fontsize=10)
    return figure


def _under(protocol: str) -> str:
    return f"{protocol} (LEAKY)" if protocol in LEAKY else protocol


def _dots(result: Result, task: str) -> "Figure | None":
    """Accuracy: the paper's as a bar, ours as dots with their intervals."""
    rows = [row for row in result.rows if row.task == task and row.measure == ACCURACY and (row.paper or row.ours)]
    if not rows:
        return None
    figure = _figure(result, task, "accuracy per window", (8.0, 1.6 + 0.34 * len(rows)))
    axis = figure.subplots()
    papers = [(row.paper, place) for place, row in enumerate(rows) if row.paper is not None]
    if papers:
        axis.plot(
            *zip(*papers, strict=True), "|", color="black", markersize=14, markeredgewidth=2.5, label="paper"
        )
    for number, protocol in enumerate(result.protocols):
        _series(axis, rows, protocol, number)
    axis.set_yticks(range(len(rows)), [row.what for row in rows])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.02)
    axis.set_xlabel("accuracy per window, 95 % interval over people and stimuli")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=1 + len(result.protocols))
    return figure


def _series(axis: "Axes", rows: Sequence[Row], protocol: str, number: int) -> None:
    colour, shift = _COLOURS[number % len(_COLOURS)], 0.16 * (number - 0.5)
    places = [(row.ours[protocol], place + shift) for place, row in enumerate(rows) if protocol in row.ours]
    for value, place in places:
        if value.interval is not None:
            axis.plot(value.interval, (place, place), color=colour, linewidth=1.6)
    axis.plot(
        [value.number for value, _ in places],
        [place for _, place in places],
        "x" if protocol in LEAKY else "o",
        color=colour,
        label=f"ours, {_under(protocol)}",
    )


def _confusion(result: Result, task: str) -> "Figure | None":
    """Shares of each true class (rows) by the class named, for each training and protocol."""
    ways = [MODEL, *(way for way in result.experiment.compare if way == SUPERVISED)]
    shown = [(one, way) for way in ways for one in result.measured]
    if not shown:
        return None
    columns = len(result.measured)
    figure = _figure(result, task, "confusion per window", (4.2 * columns, 0.8 + 3.7 * len(ways)))
    for axis, (one, way) in zip(figure.subplots(len(ways), columns, squeeze=False).ravel(), shown, strict=True):
        counts = np.array(one.confusion(task, way), dtype=float)
        totals = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
        _heat(axis, shares, one.classes[task], one.classes[task], 1.0)
        axis.set_title(f"{WAYS[way]}\n{_under(one.cell.protocol)}", fontsize=9)
        axis.set_xlabel("predicted")
        axis.set_ylabel("true")
    return figure


def _cloud(result: Result, task: str) -> "Figure | None":
    """Test windows in two dimensions, coloured by class: a row a protocol, a column a variant."""
    variants = list(result.experiment.study.variants)
    shown = [(one, one.cloud(task)) for one in result.measured]
    if not any(cloud is not None for _, cloud in shown):
        return None
    size = (4.4 * len(variants), 0.9 + 3.9 * len(result.protocols))
    figure = _figure(result, task, "t-SNE of the pretrained encoder's features of test windows", size)
    axes = figure.subplots(len(result.protocols), len(variants), squeeze=False)
    for axis in axes.ravel():
        axis.set_xticks([])
        axis.set_yticks([])
    for one, cloud in shown:
        axis = axes[result.protocols.index(one.cell.protocol), variants.index(one.cell.variant)]
        axis.set_title(f"{one.cell.variant}\n{_under(one.cell.protocol)}", fontsize=9)
        if cloud is None:
            axis.text(0.5, 0.5, "too few test windows", ha="center", transform=axis.transAxes)
        else:
            _points(axis, cloud, task, one.classes[task])
    pairs = [axis.get_legend_handles_labels() for axis in axes.ravel()]
    handles = {name: mark for marks, names in pairs for mark, name in zip(marks, names, strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=max(1, len(handles)))
    return figure


def _points(axis: "Axes", cloud: Cloud, task: str, classes: Sequence[str]) -> None:
    """Draw points; a class has the same colour and mark in every panel."""
    for place, kind in enumerate(classes):
        mine = cloud.points[cloud.classes[task] == kind]
        if len(mine):
            axis.plot(*mine.T, "os^D"[place % 4], color=f"C{place}", markersize=4, alpha=0.7, label=kind)


def _attention(result: Result, task: str) -> "Figure | None":
    """Mean weight of each modality (columns) in each head (rows), over test windows."""
    shown = [
        (one, cloud) for one in result.measured if (cloud := one.cloud(task)) is not None and cloud.modalities
    ]
    if not shown:
        return None
    figure = _figure(result, task, "attention to each modality", (4.6 * len(shown), 4.2))
    for axis, (one, cloud) in zip(figure.subplots(1, len(shown), squeeze=False).ravel(), shown, strict=True):
        rows = [*cloud.attention, cloud.attention.mean(axis=0)]
        names = [*(f"head {number + 1}" for number in range(len(rows) - 1)), "mean"]
        _heat(axis, np.array(rows), names, cloud.modalities, None)
        axis.set_title(_under(one.cell.protocol), fontsize=9)
    return figure


def _heat(
    axis: "Axes", values: np.ndarray, rows: Sequence[str], columns: Sequence[str], most: float | None
) -> None:
    image = axis.imshow(values, cmap="Blues", vmin=0, vmax=most, aspect="auto")
    axis.set_xticks(range(len(columns)), columns, rotation=30, ha="right", fontsize=8)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    top = float(image.get_clim()[1]) or 1.0
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > 0.6 * top else "black"
        text = "-" if np.isnan(value) else f"{value:.2f}"
        axis.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


_PAINT: Final[dict[str, Callable[[Result, str], "Figure | None"]]] = {
    "dots": _dots,
    "confusion": _confusion,
    "cloud": _cloud,
    "attention": _attention,
}
