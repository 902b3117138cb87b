"""The page: everything that is known of a run or a cross-validation, in words, tables and figures, in one file."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from memhacl.train.config import Config
from memhacl.train.measure.cautions import PERMUTED
from memhacl.train.measure.predictions import MODEL
from memhacl.train.report import curves, figures, made, repeat, scores, words
from memhacl.train.report.pieces import Pieces, gather
from memhacl.train.report.scores import Task

NAME = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"


def write_report(folder: Path, evaluated: Path | None = None, config: Config | None = None) -> Path:
    """Write report.html beside the numbers of the run or cross-validation ``folder``; return its path.

    ``evaluated`` is the folder with the numbers while they have not yet their final place, ``config`` the settings
    that are not yet stored.

    Raises
    ------
    DataError
        Nothing was evaluated here, or a file is damaged.
    """
    pieces = gather(folder, evaluated, config)
    path = (evaluated or folder / "evaluate") / NAME
    path.write_bytes(render(pieces).encode("utf-8", "xmlcharrefreplace"))  # a name may hold half a character
    return path


def render(pieces: Pieces) -> str:
    """Return the page; whatever comes from the data is text in it, never markup."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["signed"] = _signed
    environment.filters["chance"] = _chance
    environment.filters["listed"] = words.listed
    return environment.get_template("page.html").render(_context(pieces))


def _number(value: float | None) -> str:
    """Say a share to two places; what was not measured is a dash."""
    return scores.DASH if value is None or np.isnan(value) else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return scores.DASH if value is None else f"{value:+.2f}"


def _chance(value: float | None) -> str:
    return scores.DASH if value is None else "below 0.001" if value < 0.001 else f"{value:.3f}"


def _context(pieces: Pieces) -> dict[str, Any]:
    after = words.after(pieces.metrics)
    classes = {task: said.classes for task, said in pieces.predictions.items()}
    tasks = scores.tasks_of(pieces.metrics, classes)
    comparisons = scores.comparison_rows(pieces.metrics)
    return {
        "pieces": pieces,
        "metrics": pieces.metrics,
        "after": after,
        "warnings": words.warnings(pieces.metrics),
        "intervals": words.intervals(pieces.metrics),
        "tasks": [_task(place, task, pieces, after, comparisons) for place, task in enumerate(tasks)],
        "predictors": {who: words.predictor(who) for task in tasks for who in task.order()},
        "unavailable": pieces.metrics.get("unavailable") or {},
        "measures": scores.MEASURES,
        "protocol": words.protocol(pieces.metrics),
        "split_rows": words.split_rows(pieces),
        "data_rows": made.data_rows(pieces),
        "method_rows": made.method_rows(pieces),
        "curves": [*curves.pretraining(pieces, after), *curves.finetuning(pieces, after)],
        "clouds": [_cloud(place, name, pieces, after) for place, name in enumerate(pieces.clouds)],
        "comparisons": comparisons,
        "permutation": scores.permutation_rows(pieces.metrics),
        "permuted": PERMUTED.get(str((pieces.metrics.get("permutation") or {}).get("how")), "at random"),
        "seed_rows": words.seed_rows(pieces),
        "command": repeat.command(pieces),
        "repeat_rows": repeat.rows(pieces),
        "settings": yaml.safe_dump(pieces.config.model_dump(mode="json"), sort_keys=False, width=100),
    }


def _task(place: int, task: Task, pieces: Pieces, after: str, comparisons: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all that the page shows of one task."""
    people, bins = scores.person_rows(task), scores.bins_of(task)
    title, rival = f"{task.name}{after}", task.rival or "no baseline"
    return {
        "name": task.name,
        "chance": task.chance,
        "classes": task.classes,
        "levels": {level: _level(task, level) for level in scores.LEVELS if task.levels.get(level)},
        "model": task.level[MODEL],
        "interval": scores.interval(task.level[MODEL]),
        "verdict": scores.verdict(task, comparisons),
        "rival": task.rival,
        "headline": figures.dots(f"headline-{place}", title, scores.dot_rows(task), task.chance),
        "people": people,
        "people_figure": figures.people(f"people-{place}", title, people, rival, task.chance) if people else None,
        "reliability": figures.reliability(f"reliability-{place}", title, bins) if bins else None,
        "errors": [task.levels.get(level, {}).get(MODEL, {}).get("ece") for level in scores.LEVELS],
        "temperatures": scores.temperatures(task.name, pieces.predictions, pieces.outcomes["finetune"]),
    }


def _level(task: Task, level: str) -> dict[str, Any]:
    found, order = task.levels[level], task.order(level)
    shown = [key for key in scores.MEASURES if any(found[who].get(key) is not None for who in order)]
    rows = [
        {"who": who, "cells": [(found[who].get(key), scores.interval(found[who], key)) for key in shown]}
        for who in order
    ]
    return {"measures": shown, "rows": rows, "confusion": scores.confusion_rows(found[MODEL])}


def _cloud(place: int, name: str, pieces: Pieces, after: str) -> dict[str, Any]:
    """Return the figures of one encoder, and its attention by head."""
    cloud = pieces.clouds[name]
    marks = [("class" if task == name else f"class of {task}", values) for task, values in cloud.classes.items()]
    marks += [("person", cloud.subject), ("stimulus", cloud.stimulus)]
    order = [kind for said in pieces.predictions.values() for kind in said.classes]
    pictures = [
        figures.cloud(f"cloud-{place}-{number}", f"{name}: by {what}{after}", cloud.points, labels, order)
        for number, (what, labels) in enumerate(marks)
    ]
    heads = cloud.attention.tolist()
    mean = cloud.attention.mean(axis=0).tolist() if heads else []
    return {"name": name, "pictures": pictures, "modalities": cloud.modalities, "heads": heads, "mean": mean}
