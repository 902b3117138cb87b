"""Curves of a run as pictures: loss and accuracy by epoch, drawn from the lines of its log."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Lines = Sequence[Mapping[str, Any]]  # of a log.jsonl, one an epoch

_DECADE = 10.0  # a loss that falls by more than this is drawn on a logarithmic axis
_DPI = 120
# Key of the log → what stands in the legend; in the order in which they are drawn.
_LOSSES = {
    "loss": "training",
    "validation_meiosis_loss": "validation, meiosis",
    "validation_apart_loss": "validation, people apart",
}
_ACCURACIES = {
    "accuracy": "training",
    "validation_meiosis_accuracy": "validation, meiosis",
    "validation_apart_accuracy": "validation, people apart",
}
_CHANCES = ("validation_apart_chance", "chance")  # the first that the log has


def pretrain_curves(lines: Lines, path: Path, title: str, simulated: bool, chosen: int | None = None) -> None:
    """Draw loss and contrastive accuracy by epoch into the PNG ``path``; nothing where there are no ``lines``.

    ``chosen`` marks the epoch whose encoder was chosen.
    """
    if not lines:
        return
    figure = _figure(2, 1, f"Pretraining of {title}", simulated)
    loss, accuracy = figure.subplots(1, 2)
    _draw(loss, lines, _LOSSES)
    _finish(loss, "contrastive loss")
    _scale(loss, lines)
    _draw(accuracy, lines, _ACCURACIES)
    chance = next((line[key] for key in _CHANCES for line in lines if key in line), None)
    if chance is not None:
        accuracy.axhline(chance, color="0.4", linestyle=":", label=f"chance ({chance:.3f})")
    _mark(accuracy, chosen)
    _share(accuracy)
    _finish(accuracy, "contrastive accuracy")
    _save(figure, path)


def finetune_curves(lines: Lines, path: Path, title: str, simulated: bool, chosen: Mapping[str, int]) -> None:
    """Draw loss and validation balanced accuracy by epoch, a column for each group, into the PNG ``path``.

    A line has ``group``, ``epoch``, ``loss`` and, where validation rows are judged, ``validation`` and, by task,
    ``tasks``. ``chosen`` marks an epoch of each group.
    """
    groups = list(dict.fromkeys(line["group"] for line in lines))
    if not groups:
        return
    judged = "validation" in lines[0]
    figure = _figure(len(groups), 1 + judged, f"Fine-tuning of {title}", simulated)
    axes = figure.subplots(1 + judged, len(groups), squeeze=False, sharex="col", sharey="row")
    for column, group in enumerate(groups):
        mine = [line for line in lines if line["group"] == group]
        loss, *below = axes[:, column]
        loss.set_title(group)
        _draw(loss, mine, {"loss": "training"})
        _mark(loss, chosen.get(group))
        _finish(loss, "cross-entropy" if column == 0 else "")
        for validation in below:
            _draw_validation(validation, mine)
            _mark(validation, chosen.get(group))
            _share(validation)
            _finish(validation, "validation balanced accuracy" if column == 0 else "")
            loss.set_xlabel("")  # the axis below has it
    _save(figure, path)


def _draw_validation(axis: "Axes", lines: Lines) -> None:
    """Draw each task's score and, where there are several, their mean, which chooses the epoch."""
    tasks = list(lines[0].get("tasks", {}))
    if len(tasks) != 1:
        _draw(axis, lines, {"validation": "mean of tasks"}, linewidth=2.2)
    flat = [{"epoch": line["epoch"], **line.get("tasks", {})} for line in lines]
    _draw(axis, flat, {task: task for task in tasks}, linewidth=1.2)


def _figure(columns: int, rows: int, title: str, simulated: bool) -> "Figure":
    from matplotlib.figure import Figure  # takes half a second: only where curves are drawn

    figure = Figure(figsize=(max(6.0, 4.6 * columns), 0.7 + 3.1 * rows), layout="constrained")
    figure.suptitle(f"{title} (simulated people)" if simulated else title)
    return figure


def _save(figure: "Figure", path: Path) -> None:
    figure.savefig(path, dpi=_DPI, metadata={"Title": figure.get_suptitle()})


def _mark(axis: "Axes", chosen: int | None) -> None:
    if chosen is not None:
        axis.axvline(chosen, color="0.4", linestyle="--", label=f"chosen: epoch {chosen}")


def _draw(axis: "Axes", lines: Lines, keys: Mapping[str, str], linewidth: float = 1.5) -> None:
    """Draw each of ``keys`` that the log has; what is measured only now and then is dotted."""
    for key, label in keys.items():
        points = [(line["epoch"], line[key]) for line in lines if line.get(key) is not None]
        if points:
            epochs, values = zip(*points, strict=True)
            marker = "." if len(points) < min(len(lines), 60) or len(points) == 1 else ""
            axis.plot(epochs, values, marker=marker, linewidth=linewidth, label=label)


def _finish(axis: "Axes", what: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("epoch")
    axis.set_ylabel(what)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")


def _scale(axis: "Axes", lines: Lines) -> None:
    """Choose a logarithmic axis for a loss that falls a long way."""
    values = [value for key in _LOSSES for value in _of(lines, key)]
    if min(values) > 0 and max(values) > _DECADE * min(values):
        axis.set_yscale("log")


def _share(axis: "Axes") -> None:
    axis.set_ylim(0, 1.02)


def _of(lines: Lines, key: str) -> Iterable[float]:
    return (line[key] for line in lines if line.get(key) is not None)
