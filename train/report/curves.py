"""Training curves of the page, from the lines of the logs; any method's losses and accuracies by their names."""

from collections.abc import Mapping, Sequence
from typing import Any

from memhacl.train.report.figures import course
from memhacl.train.report.pieces import Pieces
from memhacl.train.report.svg import Picture

Lines = Sequence[Mapping[str, Any]]


def pretraining(pieces: Pieces, after: str) -> list[Picture]:
    """Draw loss and contrastive accuracy of pretraining; ``after`` ends every title."""
    lines = pieces.logs["pretrain"]
    losses, accuracies = _keys(lines, "loss"), _keys(lines, "accuracy")
    chance = next((value for key in _keys(lines, "chance") for value in [lines[0].get(key)] if value), None)
    outcome = pieces.outcomes["pretrain"]
    chosen = (
        None if outcome.get("epoch") == outcome.get("epochs") else outcome.get("epoch")
    )  # not: simply the last
    pictures = []
    if losses:
        title = f"Pretraining: loss{after}"
        pictures.append(course("pretrain-loss", title, lines, losses, {"what": "loss"}))
    if accuracies:
        marks = {"what": "contrastive accuracy", "chance": chance, "chosen": chosen, "share": True}
        title = f"Pretraining: accuracy{after}"
        pictures.append(course("pretrain-accuracy", title, lines, accuracies, marks))
    return pictures


def finetuning(pieces: Pieces, after: str) -> list[Picture]:
    """Draw validation balanced accuracy of fine-tuning, a figure for each group of tasks."""
    lines, chosen = pieces.logs["finetune"], pieces.outcomes["finetune"].get("epochs") or {}
    pictures = []
    for place, group in enumerate(dict.fromkeys(str(line.get("group")) for line in lines)):
        mine = [line for line in lines if str(line.get("group")) == group]
        tasks = list(mine[0].get("tasks") or {})
        flat = [{**line, **{f"task {task}": line["tasks"].get(task) for task in tasks}} for line in mine]
        keys = {f"task {task}": task for task in tasks}
        keys |= {"validation": "mean of tasks"} if len(tasks) != 1 else {}
        marks = {"what": "validation balanced accuracy", "chosen": chosen.get(group), "share": True}
        title = f"Training on labels: {group}{after}"
        pictures.append(course(f"finetune-{place}", title, flat, keys, marks))
    return pictures


def _keys(lines: Lines, what: str) -> dict[str, str]:
    """Return the log's keys that end in ``what``, and how the legend calls them."""
    keys = dict.fromkeys(key for line in lines for key in line if key == what or key.endswith(f"_{what}"))
    return {key: key.removesuffix(what).strip("_").replace("_", ", ") or "training" for key in keys}
