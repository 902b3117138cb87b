"""Settings changed by dotted names, checked as those of a file are, and the differences between two configs."""

from typing import Final

from memhacl.stream.errors import ConfigError
from memhacl.train.config import Config
from memhacl.train.settings import flat, with_method
from memhacl.train.tables.studies import Changes, Study

FOLDS: Final = 5
QUICK: Final[Changes] = {
    "method.settings.width": 0.0625,
    "pretrain.epochs": 3,
    "pretrain.lr": 1e-3,
    "finetune.epochs": 5,
    "finetune.lr": 5e-3,
    "finetune.schedule": "one-cycle",
    "finetune.batch": 64,
    "protocol.folds": 0,
}
_SCHEDULE = ("method", "pretrain", "finetune", "trials")  # sections in which the paper gives numbers


def changed(config: Config, changes: Changes, origin: str) -> Config:
    """Return ``config`` with other values at the dotted names in ``changes``.

    Raises
    ------
    ConfigError
        A value does not fit, such as a modality that the config does not list; ``origin`` stands before it.
    """
    values = config.model_dump(mode="json")
    for name, value in changes.items():
        *sections, last = name.split(".")
        inside = values
        for section in sections:
            inside = inside[section]
        inside[last] = value
    made = Config.parse(values, origin)
    return with_method(made, made.method.name, made.method.settings, origin)


def defaults(config: Config, quick: bool) -> Config:
    """Return the settings that the command line overrides: those of ``config``, in folds unless ``quick``."""
    if quick:
        made = changed(config, QUICK, "--quick")
        return made.model_copy(update={"name": f"{config.name}-quick"})
    return config if config.protocol.folds else changed(config, {"protocol.folds": FOLDS}, config.name)


def check_free(asked: Config, before: Config, study: Study, table: str) -> None:
    """Refuse what was ``asked`` on the command line where the trainings of ``table`` set it themselves.

    Raises
    ------
    ConfigError
        A setting is theirs.
    """
    mine, theirs = flat(asked), flat(before)
    for name in (*study.names, "crossvalidate.compare"):
        if mine.get(name) != theirs.get(name):
            raise ConfigError(f"--{name}: the trainings of '{table}' set it themselves; leave it away")
    if mine["protocol.name"] != theirs["protocol.name"]:
        raise ConfigError(
            f"--protocol.name: expected --protocols {asked.protocol.name}, which may also be several"
        )
    if asked.method.name != "me-mhacl":
        raise ConfigError(
            f"method.name: the paper's method is 'me-mhacl', found '{asked.method.name}'; 'memhacl-train "
            "crossvalidate' trains others"
        )


def differences(config: Config, papers: Config) -> list[str]:
    """Say in which of the numbers that the paper gives ``config`` differs from ``papers``."""
    mine, theirs = flat(config), flat(papers)
    names = [name for name in theirs if name.partition(".")[0] in _SCHEDULE and mine.get(name) != theirs[name]]
    return [f"{name} {mine.get(name)} (paper: {theirs[name]})" for name in names]
