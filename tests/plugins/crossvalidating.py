"""Tiny cross-validations, on six simulated people with five channels."""

from io import StringIO
from pathlib import Path
from typing import Any

from plugins.starting import signals
from rich.console import Console

from memhacl.stream.sources.registry import open_source
from memhacl.train.config import Config
from memhacl.train.crossvalidation.course import Asked, crossvalidate
from memhacl.train.settings import load_config, with_method

PEOPLE = "subjects: 6\nstimuli: 4\nrest: 3\nseconds: 2\nseed: 1\n"


def folded(method: str = "supervised", folds: int | str = 2, **crossvalidation: Any) -> Config:
    """A config of two epochs and one task, whose only baseline is the majority."""
    settings = {"width": 0.0625} | ({"members": 1, "clips": 4} if method == "me-mhacl" else {})
    config = with_method(load_config("demo", method), method, settings, "test")
    update = {
        "signals": signals(),
        "labels": config.labels.model_copy(update={"tasks": ("valence",)}),
        "protocol": config.protocol.model_copy(update={"name": "subject", "validation": 0.17, "folds": folds}),
        "pretrain": config.pretrain.model_copy(update={"epochs": 1}),
        "finetune": config.finetune.model_copy(update={"epochs": 3, "batch": 8}),
        "evaluate": config.evaluate.model_copy(update={"baselines": ("majority",), "resamples": 100}),
        "crossvalidate": config.crossvalidate.model_copy(update=crossvalidation),
        "device": "cpu",
        "threads": 1,
    }
    return config.model_copy(update=update)


def go(config: Config, folder: Path, data: Path | None = None, **asked: Any) -> tuple[int, str]:
    """Cross-validate in ``folder``; return how many trainings failed, and what was said."""
    said = StringIO()
    source = None if data is None else open_source(str(data))
    failed = crossvalidate(
        config, source, Asked(folder, **({"jobs": 1, "workers": 1} | asked)), Console(file=said, width=300)
    )
    return failed, said.getvalue()


def learnt(folder: Path) -> dict[str, bytes]:
    """What a cross-validation is worth and has learnt, byte by byte."""
    names = ("evaluate/predictions.npz", "evaluate/metrics.json", "final/finetune/valence.safetensors")
    return {name: (folder / name).read_bytes() for name in (*names, "final/finetune/outcome.json", "folds.json")}
