"""Tiny runs of two laboratories, one of which starts from the other's model."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from memhacl.stream.sources.registry import open_source
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.keys import STAGES
from memhacl.train.settings import load_config, with_method
from memhacl.train.stages import Pipeline

EEG = ("Fz", "Cz", "Pz", "Oz")
TASKS = ("valence", "arousal")


def signals(eeg: tuple[str, ...] = EEG, skin: bool = True, **changes: Any) -> SignalSpec:
    """EEG as DEAP's, and skin conductance or not; ``changes`` are the EEG's."""
    made = {"unit": "uV", "conditioning": Conditioning(band=(4, 45), reference="average")} | changes
    modalities = [ModalitySpec(modality="EEG", channels=eeg, **made)]
    if skin:
        modalities.append(ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none"))
    return SignalSpec(modalities=tuple(modalities))


def starting(
    spec: SignalSpec,
    init: Path | None = None,
    name: str = "ours",
    network: str = "attention",
    tasks: tuple[str, ...] = TASKS,
    **tuning: Any,
) -> Config:
    """A config without pretraining, of one epoch; ``tuning`` are settings of `finetune`."""
    config = with_method(
        load_config("demo", "supervised"), "supervised", {"width": 0.0625, "encoder": network}, "test"
    )
    update = {
        "name": name,
        "signals": spec,
        "labels": config.labels.model_copy(update={"tasks": tasks}),
        "protocol": config.protocol.model_copy(update={"validation": 0.2, "test": 0.3}),
        "finetune": config.finetune.model_copy(update={"epochs": 1, "batch": 16} | tuning),
        "init": "" if init is None else str(init),
        "device": "cpu",
    }
    return config.model_copy(update=update)


def go(config: Config, data: Path | None, run: Path, stages: tuple[str, ...] = STAGES) -> str:
    """Run ``stages``; return what was printed."""
    said = StringIO()
    source = None if data is None else open_source(str(data))
    pipeline = Pipeline(config, RunFolder(run), source, Console(file=said, width=300))
    for stage in stages:
        pipeline.execute(stage)
    return said.getvalue()


@pytest.fixture(scope="session")
def their_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six simulated people of one laboratory."""
    return _people(tmp_path_factory, "theirs", 1)


@pytest.fixture(scope="session")
def my_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six others, of another."""
    return _people(tmp_path_factory, "mine", 2)


def _people(factory: pytest.TempPathFactory, name: str, seed: int) -> Path:
    path = factory.mktemp("people") / f"{name}.yaml"
    path.write_text(f"subjects: 6\nstimuli: 6\nrest: 3\nseconds: 2\nseed: {seed}\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def their_run(their_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of their model: attention over EEG and GSR, an encoder for each of two tasks."""
    run = tmp_path_factory.mktemp("models") / "theirs"
    go(starting(signals(), name="theirs"), their_people, run)
    return run
