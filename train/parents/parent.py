"""The model that a run starts from: a run folder here, a file in ``parent_onnx``."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from memhacl.export.card import Ancestor
from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.spec import SignalSpec
from memhacl.train.config import Config
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.folder import RunFolder
from memhacl.train.keys import stage_keys
from memhacl.train.loops.networks import group_tasks, read_weights
from memhacl.train.loops.work import corpus_targets
from memhacl.train.methods.registry import methods
from memhacl.train.parents.lineage import load_inheritance
from memhacl.train.protocols import Split, load_split
from memhacl.train.settings import load_config

COUNTER = "num_batches_tracked"  # of batch norm: a state has it, a graph does not, and nothing depends on it

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Branch:
    """An encoder's weights by name, and by task those of the heads on it."""

    encoder: State
    heads: Mapping[str, State]


@dataclass(frozen=True)
class Network:
    """Weights and what they are worth nothing without: signals, method, its settings, classes of each task."""

    spec: SignalSpec
    method: str
    settings: Mapping[str, Any]
    tasks: Mapping[str, tuple[str, ...]]
    branches: tuple[Branch, ...]

    def key(self) -> str:
        """Return the sha256 (hex) of all of it."""
        tasks = [[task, list(classes)] for task, classes in self.tasks.items()]
        said = [self.spec.model_dump(mode="json"), self.method, dict(self.settings), tasks]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        for name, tensor in self._weights():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
        return digest.hexdigest()

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        for number, branch in enumerate(self.branches):
            for owner, state in {f"{number}": branch.encoder, **branch.heads}.items():
                yield from ((f"{owner} {name}", state[name]) for name in sorted(state))


@dataclass(frozen=True)
class Seen:
    """The windows of a run, and which of them trained it."""

    corpus: Corpus
    split: Split


@dataclass(frozen=True)
class Parent:
    """A model to start from: its network, its ``own`` entry in a lineage, and its ``ancestors``, oldest first.

    ``seen`` is known of a run folder only.
    """

    network: Network
    own: Ancestor
    ancestors: tuple[Ancestor, ...]
    seen: Seen | None = None

    @property
    def lineage(self) -> tuple[Ancestor, ...]:
        """Its ancestors and itself."""
        return (*self.ancestors, self.own)


def open_parent(where: str) -> Parent:
    """Open the run folder or model file ``where``.

    Raises
    ------
    ConfigError
        There is no such thing, or it cannot be started from.
    DataError
        A run folder is not complete.
    ModelError
        The card of a model file does not fit.
    """
    path = Path(where)
    if path.is_file():
        from memhacl.train.parents.parent_onnx import (
            read_model_file,  # needs a package that training can do without
        )

        return read_model_file(path)
    if not (path / "config.yaml").is_file() or not (path / "stages.json").is_file():
        found = "another folder" if path.is_dir() else "nothing"
        raise ConfigError(
            f"init: {where}: expected a run folder with config.yaml and stages.json, or a model file (.onnx), "
            f"found {found}"
        )
    return _open_run(path)


def complete(method: str, settings: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return ``settings`` of ``method`` with defaults, as a config has them.

    Raises
    ------
    ConfigError
        This version has no such method, or the settings are not those of it.
    """
    if method not in methods:
        raise ConfigError(
            f"init: {origin}: expected a model of one of {', '.join(sorted(methods))}, found method '{method}'"
        )
    chosen = methods[method].Settings
    return chosen.parse(dict(settings), f"init: {origin}: method.settings").model_dump(mode="json")


def weights_below(prefix: str, weights: State) -> dict[str, Tensor]:
    """Return what ``weights`` hold under ``prefix``, named without it; counters of batches are left out."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix) and not name.endswith(COUNTER)
    }


def start_key(run: Path, config: Config) -> str:
    """Return the key of what the run in folder ``run`` started from; "" where it started from nothing."""
    return load_inheritance(run / "pretrain").key if config.init else ""


def _open_run(path: Path) -> Parent:
    config, folder, corpus = load_config(str(path)), RunFolder(path), load_corpus(path / "corpus")
    keys = stage_keys(config, corpus.manifest.fingerprint, start_key(path, config))
    if not folder.has("finetune", keys["finetune"]):
        raise DataError(
            f"init: {path}: stage 'finetune' has not run under the settings in config.yaml; run "
            f"memhacl-train run {path} --out {path}"
        )
    if config.labels.permutation:
        raise ConfigError(f"init: {path}: expected a run on real labels, found one on permuted labels")
    targets = corpus_targets(corpus, config.labels)
    network = Network(
        spec=corpus.spec,
        method=config.method.name,
        settings=complete(config.method.name, config.method.settings, str(path)),
        tasks={task: targets[task].classes for task in config.labels.tasks},
        branches=tuple(
            _branch(read_weights(path / "finetune" / f"{name}.safetensors"), tasks)
            for name, tasks in group_tasks(config).items()
        ),
    )
    split = load_split(path / "split.json", corpus)
    created = folder.done()["finetune"].finished
    return Parent(
        network,
        ancestor_of(config, corpus, split, network.key(), created),
        load_inheritance(path / "pretrain").lineage if config.init else (),
        Seen(corpus, split),
    )


def ancestor_of(config: Config, corpus: Corpus, split: Split, sha256: str, created: str) -> Ancestor:
    """Return a run's entry in the lineage of those that start from it."""
    manifest, train = corpus.manifest, corpus.index[split.train]
    said = {
        "name": config.name,
        "sha256": sha256,
        "source": manifest.source,
        "simulated": manifest.simulated,
        "people": len(np.unique(train["subject"])),
        "stimuli": len(np.unique(train["stimulus"])),
        "method": config.method.name,
        "created": created,
        "fingerprint": manifest.fingerprint,
    }
    return Ancestor.parse(said, f"init: {config.name!r}", DataError)


def _branch(weights: State, tasks: tuple[str, ...]) -> Branch:
    heads = {task: weights_below(f"heads.task_{task}.", weights) for task in tasks}
    return Branch(weights_below("encoder.", weights), heads)
