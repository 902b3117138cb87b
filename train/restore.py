"""A trained and evaluated run, opened for export."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from memhacl.stream.errors import DataError
from memhacl.stream.spec import SignalSpec
from memhacl.train.corpus.store import load_corpus
from memhacl.train.folder import FINAL, FOLDS, RunFolder
from memhacl.train.keys import STAGES, config_hash, stage_keys
from memhacl.train.loops.finetune import load_groups
from memhacl.train.loops.networks import TaskNetwork
from memhacl.train.loops.work import Work
from memhacl.train.parents.lineage import Inheritance, lineage_warnings, load_inheritance
from memhacl.train.settings import load_config
from memhacl.train.stages import Pipeline

_EXAMPLES = 64


@dataclass(frozen=True)
class TrainedRun:
    """What an export needs of a run.

    ``mean`` and ``std`` (channels,) are in the windows' units; ``networks`` map standardised windows (batch,
    channels, samples) to logits and share their encoder object where tasks were trained jointly; ``windows``
    are (n, channels, samples) raw examples. ``training`` holds source, simulated, people,
    stimuli, method, its settings, protocol, config_hash, created, metrics, warnings, the data's hash and the
    lineage. ``absent_ok`` are the modalities that the networks have learnt to do without.
    """

    name: str
    spec: SignalSpec
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    tasks: dict[str, tuple[str, ...]]
    networks: dict[str, TaskNetwork]
    temperatures: dict[str, float]
    training: dict[str, Any]
    windows: NDArray[np.float32]
    absent_ok: tuple[str, ...]


def load_run(run: Path) -> TrainedRun:
    """Open the run folder ``run`` as its stages left it, on the CPU; of a cross-validation, that of its refit.

    Raises
    ------
    DataError
        It is no run folder, a stage has not run under the settings in its config.yaml, or labels were permuted.
    """
    again = f"memhacl-train run {run} --out {run}"
    if (run / FOLDS).is_file():
        run, again = run / FINAL, f"memhacl-train crossvalidate {run} --out {run}"
        if not run.is_dir():
            raise DataError(f"{run}: the model has not been refit on everybody; run {again}")
    if not (run / "config.yaml").is_file() or not (run / "stages.json").is_file():
        raise DataError(
            f"{run}: expected a run folder with config.yaml and stages.json; make one: memhacl-train run"
        )
    config = load_config(str(run)).model_copy(update={"device": "cpu"})
    if config.labels.permutation:
        raise DataError(
            f"{run}: was trained on permuted labels, to see what chance gives; expected a run without "
            "labels.permutation"
        )
    folder = RunFolder(run)
    started = load_inheritance(run / "pretrain") if config.init else None
    data = load_corpus(run / "corpus").manifest.fingerprint
    keys = stage_keys(config, data, "" if started is None else started.key)
    for stage in STAGES:
        if not folder.has(stage, keys[stage]):
            raise DataError(f"{run}: stage '{stage}' has not run under the settings in config.yaml; run {again}")
    work = Pipeline(config, folder, None, Console(quiet=True)).work
    groups, temperatures = load_groups(work, run / "finetune")
    networks = {task: network for group in groups.values() for task, network in group.networks().items()}
    chosen = np.linspace(0, len(work.corpus.windows) - 1, _EXAMPLES).astype(int)
    return TrainedRun(
        name=config.name,
        spec=work.corpus.spec,
        mean=work.scale.mean,
        std=work.scale.std,
        tasks={task: work.targets[task].classes for task in networks},
        networks={task: network.eval() for task, network in networks.items()},
        temperatures=temperatures,
        training=_training(work, folder, started),
        windows=np.array(work.corpus.windows[np.unique(chosen)]),
        absent_ok=absent_ok(work),
    )


def absent_ok(work: Work) -> tuple[str, ...]:
    """Return the modalities that the encoders of ``work`` have learnt to do without: those that training hid.

    A probe of a model to start from trains no encoder; whether that model has learnt it stands elsewhere.
    """
    names, config = tuple(work.corpus.spec.rows), work.config
    learns = config.finetune.mode == "full" or (work.method.pretrains and not config.init)
    hides = getattr(work.method.settings, "modality_dropout", 0.0) > 0
    return names if len(names) > 1 and hides and learns else ()


def _training(work: Work, folder: RunFolder, started: Inheritance | None) -> dict[str, Any]:
    report = json.loads((folder.path / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    manifest, train = work.corpus.manifest, work.corpus.index[work.split.train]
    return {
        "source": manifest.source,
        "simulated": manifest.simulated,
        "people": len(np.unique(train["subject"])),
        "stimuli": len(np.unique(train["stimulus"])),
        "method": work.method.name,
        "protocol": _measured(work, report),
        "config_hash": config_hash(work.config),
        "created": folder.done()["finetune"].finished,
        "metrics": _flat(report["tasks"]),
        "warnings": (*_warnings(work), *_inherited(started)),
        "rest_within": work.config.trials.rest_within,
        "network": work.method.settings.model_dump(mode="json"),
        "lineage": () if started is None else started.lineage,
        "fingerprint": manifest.fingerprint,
    }


def _measured(work: Work, report: dict[str, Any]) -> str:
    """Say under which protocol the numbers were measured, and of a refit that they are not its own."""
    if not work.config.refits:
        return work.split.meaning
    seeds = f", {len(report['seeds'])} seeds" if len(report["seeds"]) > 1 else ""
    people = len(np.unique(work.corpus.index["subject"]))
    return (
        f"estimated by {report['folds']}-fold cross-validation{seeds}: {report['protocol_means']}; this model is "
        f"refit on all {people} people"
    )


def _inherited(started: Inheritance | None) -> tuple[str, ...]:
    return () if started is None else (*lineage_warnings(started.lineage), *started.notes)


def _flat(tasks: dict[str, Any]) -> dict[str, float]:
    """Numbers by dotted name, such as valence.trial.model.balanced_accuracy; lists and tables stay behind.

    The ends of an interval are that name with .low and .high.
    """
    flat: dict[str, float] = {}
    for task, levels in tasks.items():
        for level, guessers in levels.items():
            for who, measures in guessers.items():
                name = f"{task}.{level}.{who}"
                flat |= {
                    f"{name}.{key}": value for key, value in measures.items() if isinstance(value, float | int)
                }
                for key, interval in measures["intervals"].items():
                    if interval is not None:
                        flat[f"{name}.{key}.low"], flat[f"{name}.{key}.high"] = interval
    return flat


def _warnings(work: Work) -> tuple[str, ...]:
    """What every user must read; what the data's owners had done stands in the spec and is said per stream."""
    found = []
    if work.corpus.manifest.simulated:
        found.append("trained on simulated people: its predictions say nothing about real emotion")
    if work.split.leaky:
        found.append(f"measured under a leaky protocol: {work.split.meaning}")
    rest = work.config.trials.rest_within
    if rest and any("rest" in (modality.baseline, modality.adapt) for modality in work.corpus.spec.modalities):
        found.append(
            f"the first {rest:g} s of each stimulus are its rest: live, memhacl:rest_start and memhacl:rest_end "
            "must stand around them"
        )
    return tuple(found)
