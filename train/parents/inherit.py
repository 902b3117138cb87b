"""The model that a run starts from, fitted to the run: what must be the same, and what may differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from memhacl.stream.errors import ConfigError
from memhacl.train.config import Config
from memhacl.train.methods.contract import Method
from memhacl.train.methods.registry import build_method, methods
from memhacl.train.parents.lineage import Inheritance, differences, load_inheritance
from memhacl.train.parents.parent import COUNTER, Branch, Network, Parent, open_parent
from memhacl.train.settings import load_config


@dataclass(frozen=True)
class Heritage:
    """A model with its ``branches`` as they fit a run: encoders for the run's signals, heads as they are."""

    parent: Parent
    branches: tuple[Branch, ...]
    record: Inheritance


def open_heritage(config: Config, run: Path) -> Heritage:
    """Open the model that ``config`` names and fit it to the config's signals; ``run`` is the folder that is made.

    Raises
    ------
    ConfigError
        It is no model, or settings or signals are not those that its weights are for.
    DataError
        A run folder is not complete.
    ModelError
        The card of a model file does not fit.
    """
    if Path(config.init).resolve() == run.resolve():
        raise ConfigError(f"init: {config.init}: expected another run than the one to make; give another --out")
    parent = open_parent(config.init)
    network = parent.network
    _check_settings(config, network)
    method = build_method(config.method.name, config.method.settings, config.spec)
    try:
        branches = tuple(Branch(_fitted(method, branch, network), branch.heads) for branch in network.branches)
    except ConfigError as problem:
        raise ConfigError(f"init: {config.init}: {problem}") from None
    record = Inheritance(
        key=network.key(),
        tasks=dict(network.tasks),
        groups=tuple(tuple(branch.heads) for branch in branches),
        lineage=parent.lineage,
        notes=differences(parent.own.name, network.spec, config.spec),
    )
    return Heritage(parent, branches, record)


def kept_key(config: Config, run: Path) -> str | None:
    """Return the key of what the run in folder ``run`` kept of the model in ``config.init``; None without it."""
    if not (run / "pretrain" / "init.json").is_file() or not (run / "config.yaml").is_file():
        return None
    return load_inheritance(run / "pretrain").key if load_config(str(run)).init == config.init else None


def _check_settings(config: Config, theirs: Network) -> None:
    ours = config.method
    bound = methods[theirs.method].bound
    wanted = {"method.name": theirs.method, "signals.rate": theirs.spec.rate}
    wanted |= {f"method.settings.{name}": theirs.settings[name] for name in bound}
    found = {"method.name": ours.name, "signals.rate": config.spec.rate}
    found |= {f"method.settings.{name}": ours.settings.get(name) for name in bound}
    other = [name for name, value in wanted.items() if found[name] != value]
    if other:
        raise ConfigError(
            f"init: {config.init}: expected the model's {other[0]} {wanted[other[0]]}, found {found[other[0]]}; "
            f"give {' '.join(f'--{name} {wanted[name]}' for name in other)}"
        )


def _fitted(method: Method, branch: Branch, theirs: Network) -> dict[str, Tensor]:
    with torch.random.fork_rng():
        fresh = method.encoder().state_dict()
    weights = method.inherit(branch.encoder, theirs.spec)
    if not same_shapes(fresh, weights):
        raise ConfigError(
            f"expected the weights of method '{method.name}' as this version has it, found others; train the "
            "model again, or use the version that trained it"
        )
    return weights


def same_shapes(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Tell whether two states have the same names and shapes; counters of batches do not count."""
    first, second = (
        {name: tensor.shape for name, tensor in state.items() if not name.endswith(COUNTER)}
        for state in (one, other)
    )
    return first == second
