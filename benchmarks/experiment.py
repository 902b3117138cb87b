"""Trainings that make up a table: each is done once, its figures are kept, and the next call goes on there."""

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console
from scipy.stats import t as student

from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.keys import STAGES
from memhacl.train.settings import with_method
from memhacl.train.stages import Pipeline

Figures = Mapping[str, float]


class Notebook:
    """Figures by name in a file of JSON lines; what is in it is not computed again."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path, self._say = path, say
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._known: dict[str, dict[str, float]] = {}
        for line in lines:
            with contextlib.suppress(ValueError):  # the last one, cut short
                entry = json.loads(line)
                self._known[entry["name"]] = entry["figures"]

    def of(self, name: str, compute: Callable[[], Figures]) -> Figures:
        """Return the figures of ``name``, computed and written down where they are not known."""
        if name not in self._known:
            self._known[name] = dict(compute())
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name, "figures": self._known[name]}) + "\n")
            shown = ", ".join(f"{key} {value:.3f}" for key, value in self._known[name].items())
            self._say(f"{name}: {shown}")
        return self._known[name]


def changed(config: Config, **sections: Mapping[str, Any] | Any) -> Config:
    """Return ``config`` with other values; of a section only the settings named change, checked like a file's."""
    method = dict(sections.pop("method", {}))
    values = config.model_dump(mode="json")
    for section, given in sections.items():
        values[section] = {**values[section], **given} if isinstance(given, Mapping) else given
    parsed = Config.parse(values, "benchmark")
    name = method.pop("name", parsed.method.name)
    settings = {**parsed.method.settings, **method}
    if name == "supervised":
        settings = {key: value for key, value in settings.items() if key in _NETWORK}
    return with_method(parsed, name, settings, "benchmark")


_NETWORK = ("encoder", "width", "dropout", "modality_dropout", "last_kernel", "block6_kernel")


def until(stage: str, config: Config, folder: Path, source: Source | None) -> Pipeline:
    """Run the stages of ``config`` up to ``stage`` in ``folder``, those that are needed."""
    pipeline = Pipeline(config, RunFolder(folder), source, Console(quiet=True), workers=1)
    for name in STAGES[: STAGES.index(stage) + 1]:
        pipeline.execute(name)
    return pipeline


def trained(config: Config, folder: Path, source: Source | None) -> dict[str, Any]:
    """Run all stages of ``config`` in ``folder``, those that are needed; return metrics.json."""
    until("evaluate", config, folder, source)
    report: dict[str, Any] = json.loads((folder / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    return report


def mean_over_tasks(report: Mapping[str, Any], who: str = "model", measure: str = "balanced_accuracy") -> float:
    """Mean over the tasks of ``measure`` a trial of predictor ``who``."""
    return float(np.mean([levels["trial"][who][measure] for levels in report["tasks"].values()]))


def interval(values: ArrayLike) -> str:
    """Mean of ``values`` and the half width of its 95 % interval by Student's t."""
    found = np.asarray(values, dtype=float)
    if len(found) < 2:
        return f"{found.mean():.3f}"
    half = student.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return f"{found.mean():.3f} ± {half:.3f}"
