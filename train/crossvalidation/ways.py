"""The ways in which every fold is trained: the model's own, and those that it is compared with."""

from memhacl.stream.errors import ConfigError
from memhacl.train.config import Config
from memhacl.train.fold_settings import RefitConfig
from memhacl.train.measure.predictions import MODEL
from memhacl.train.methods.registry import methods
from memhacl.train.settings import with_method

PROBE = "probe"  # a linear layer on the model's own encoder, frozen


def check_config(config: Config) -> None:
    """Refuse settings that cannot be cross-validated, or that would count for nothing.

    Raises
    ------
    ConfigError
        A way is unknown or the model's own, or a setting of a single run is given.
    """
    if config.refits:
        raise ConfigError("refit: this is the config of a refit; give that of its cross-validation, one folder up")
    if not config.protocol.folds:
        raise ConfigError(
            "protocol.folds: expected 2 or more, or 'each', found 0: nothing is cut into folds; give, for one, "
            "--protocol.folds 5"
        )
    if config.protocol.fold:
        raise ConfigError(
            "protocol.fold: one fold is for 'memhacl-train run'; leave it away: all are trained here"
        )
    seeds = config.crossvalidate.seeds
    if config.seed and config.seed not in seeds:
        raise ConfigError(
            f"seed: expected one of crossvalidate.seeds ({', '.join(map(str, seeds))}), found {config.seed}; give "
            f"--crossvalidate.seeds {config.seed}"
        )
    _all_different("seeds", seeds)
    _all_different("compare", config.crossvalidate.compare)
    for way in config.crossvalidate.compare:
        _check_way(config, way)


def _all_different(name: str, values: tuple[object, ...]) -> None:
    if len(set(values)) != len(values):
        raise ConfigError(f"crossvalidate.{name}: expected each once, found {', '.join(map(str, values))}")


def _check_way(config: Config, way: str) -> None:
    own = config.method.name
    if way == PROBE and not (methods[own].pretrains or config.init):
        raise ConfigError(
            f"crossvalidate.compare: 'probe' reads a pretrained encoder, and method '{own}' does not pretrain; "
            "leave it away"
        )
    others = [PROBE, *(name for name in sorted(methods) if name != own)]
    if way not in others:
        what = f"'{way}', which is the model's own method" if way == own else f"'{way}'"
        raise ConfigError(f"crossvalidate.compare: expected some of {', '.join(others)}, found {what}")


def way_config(config: Config, way: str, seed: int, fold: int, permutation: int = 0) -> Config:
    """Return the settings of the run that trains ``fold`` with ``seed`` in one of the ways.

    A run on labels of a ``permutation`` is measured for its balanced accuracy alone: beside it stand no baselines.
    """
    finetune, labels, evaluate = config.finetune, config.labels, config.evaluate
    if way == PROBE:
        finetune = finetune.model_copy(update={"mode": "probe"})
    if permutation:
        labels = labels.model_copy(update={"permutation": permutation})
        evaluate = evaluate.model_copy(update={"baselines": ()})
    made = config.model_copy(
        update={
            "protocol": config.protocol.model_copy(update={"fold": fold}),
            "labels": labels,
            "finetune": finetune,
            "evaluate": evaluate,
            "refit": RefitConfig(),
            "seed": seed,
        }
    )
    return made if way in (MODEL, PROBE) else _by_method(made, way)


def _by_method(config: Config, name: str) -> Config:
    """Return the settings for another method, from scratch; one with the same networks keeps their settings."""
    ours, theirs = methods[config.method.name], methods[name]
    same = ours.bound == theirs.bound
    settings = {
        key: value for key, value in config.method.settings.items() if same and key in theirs.Settings.model_fields
    }
    finetune = config.finetune.model_copy(update={"mode": "full"})
    return with_method(
        config.model_copy(update={"init": "", "finetune": finetune}), name, settings, "crossvalidate"
    )
