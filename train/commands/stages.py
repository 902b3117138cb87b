"""The subcommands of memhacl-train."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, TypeVar

import tyro
from rich.console import Console

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.registry import open_source
from memhacl.train.commands.arguments import parse
from memhacl.train.commands.assist import assist, dismiss, said_once
from memhacl.train.config import Config
from memhacl.train.folder import FOLDS, RunFolder
from memhacl.train.keys import STAGES
from memhacl.train.loops.distributed import joined
from memhacl.train.loops.networks import pick_device
from memhacl.train.measure.table import print_report
from memhacl.train.settings import load_config, unknown, with_method
from memhacl.train.stages import Pipeline

_EXAMPLE: Final = "demo"  # whose values --help shows where no CONFIG is given


@dataclass(frozen=True)
class StageArguments:
    """What a stage is told: where the data is, where the run lies, and the settings."""

    config: tyro.conf.Positional[str]
    """A YAML file, a run folder, or the name of a config that comes with the package. Comes first."""
    settings: Annotated[Config, tyro.conf.arg(name="")]
    out: Annotated[Path | None, tyro.conf.arg(metavar="RUN", help_behavior_hint="(required)")] = None
    """Folder of the run; made where it does not exist, continued where it does."""
    data: Annotated[str | None, tyro.conf.arg(metavar="DATA", help_behavior_hint="(needed to prepare)")] = None
    """A data set's folder or one of its files, XDF files, a YAML file that describes data or simulated people, or
    'simulated'; memhacl-train inspect says what is there."""
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Redo the stage even where nothing has changed."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes that read recordings at once; 0: as many as there are cores."""


_SAYS: Final = {
    "run": "All stages: prepare, split, pretrain, select, finetune, evaluate. Unchanged ones are skipped.",
    "prepare": "Cut recordings into windows, by the same code as live, and write the corpus.",
    "split": "Choose the windows that train, select and test, and measure the scaling on those that train.",
    "pretrain": "Train the encoder without labels.",
    "select": "Fine-tune each encoder that pretraining kept (pretrain.keep) several times; validation chooses.",
    "finetune": "Train encoder and classifiers on labels; validation chooses epoch and temperature.",
    "evaluate": "Measure the test windows, beside evaluate.baselines and, where planted, the oracle.",
}


def run_stages(command: str, arguments: list[str]) -> int:
    """Run one stage, or all of them for ``run``; print the numbers after the last.

    Of the processes that torchrun started the first does this, and the others pretrain with it.
    """
    with said_once():
        asked, out = read_asked(StageArguments, command, _SAYS[command], arguments)
    with joined(asked.settings.device) as here:
        if not here.first:
            return assist(asked.settings, out)
        _lead(command, asked, out)
        dismiss()
    return 0


def _lead(command: str, asked: StageArguments, out: Path) -> None:
    if (out / FOLDS).is_file():
        raise DataError(
            f"{out}: holds a cross-validation; give another --out, or call memhacl-train crossvalidate"
        )
    pick_device(asked.settings)  # a GPU that is not there is said before anything is done
    source = None if asked.data is None else open_source(asked.data)
    pipeline = Pipeline(asked.settings, RunFolder(out), source, Console(stderr=True), asked.workers)
    for stage in STAGES if command == "run" else (command,):
        pipeline.execute(stage, asked.force)
        if command == "run" and stage == "split":  # before hours of pretraining, for labels that are not there
            pipeline.say_classes()
    if command in ("run", "evaluate"):
        report = json.loads((out / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
        print_report(report, Console())


T = TypeVar("T", bound=StageArguments)


def read_asked(kind: type[T], command: str, says: str, arguments: list[str]) -> tuple[T, Path]:
    """Load the config that comes first, then read everything else over it; return it and the folder in --out.

    Raises
    ------
    ConfigError
        The config or --out is missing, or an argument is unknown or out of range.
    """
    wants_help = any(argument in ("-h", "--help") for argument in arguments)
    named = bool(arguments) and not arguments[0].startswith("-")
    if not named and not wants_help:
        raise ConfigError(f"CONFIG is missing: it comes first, as in memhacl-train {command} {_EXAMPLE} --out RUN")
    where = arguments[0] if named else _EXAMPLE
    config = load_config(where, _method_asked(arguments))
    asked = parse(
        kind,
        kind(where, config),
        arguments,
        f"memhacl-train {command}",
        lambda name: unknown(name, config.method.name),
        Config,
        f"{says} Defaults below are those of '{where}'.",
    )
    if asked.out is None:
        raise ConfigError(
            f"--out is missing: give the folder of the run, as in memhacl-train {command} CONFIG --out RUN"
        )
    if asked.workers < 0:
        raise ConfigError(f"--workers {asked.workers}: expected 0 or more")
    method = asked.settings.method
    settings = with_method(asked.settings, method.name, method.settings, "command line")
    return replace(asked, settings=settings), asked.out


def _method_asked(arguments: list[str]) -> str | None:
    """The value of --method.name: its settings decide which other arguments exist."""
    for place, argument in enumerate(arguments):
        if argument == "--method.name" and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith("--method.name="):
            return argument.partition("=")[2]
    return None
