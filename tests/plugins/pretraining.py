"""Small pretrainings for tests, on simulated people."""

from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from memhacl.stream.sources.registry import open_source
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.loops.work import Work
from memhacl.train.settings import load_config, with_method
from memhacl.train.stages import Pipeline

PEOPLE = "subjects: 7\nstimuli: 6\nrest: 3\nseconds: 4\nseed: 1\n"


def pretraining(**settings: Any) -> Config:
    """A tiny network under the demo's config, dropout included; what ``settings`` name is the pretraining's."""
    method = {"width": 0.0625, "members": 1, "clips": 4, "dropout": 0.2}
    config = with_method(load_config("demo", "me-mhacl"), "me-mhacl", method, "test")
    return config.model_copy(
        update={
            "protocol": config.protocol.model_copy(update={"validation": 0.34, "test": 0.2}),
            "pretrain": config.pretrain.model_copy(update={"epochs": 2, "lr": 1e-3} | settings),
            "device": "cpu",
            "threads": 1,
        }
    )


def run(config: Config, folder: Path, *stages: str) -> str:
    """Run ``stages`` ('pretrain' alone, if none) in a run folder; return what was printed."""
    said = StringIO()
    source = open_source(str(folder.parent / "people.yaml")) if "prepare" in stages else None
    pipeline = Pipeline(config, RunFolder(folder), source, Console(file=said, width=300))
    for stage in stages or ("pretrain",):
        pipeline.execute(stage)
    return said.getvalue()


def work_of(config: Config, folder: Path) -> Work:
    """What the stages of the run in ``folder`` work on."""
    return Pipeline(config, RunFolder(folder), None, Console(quiet=True)).work


def prepare_and_split(folder: Path) -> None:
    """Make the run folder that pretraining begins from."""
    (folder.parent / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    run(pretraining(), folder, "prepare", "split")
