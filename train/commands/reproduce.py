"""The command memhacl-train reproduce: an experiment of the paper, our numbers beside the paper's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import tyro
from rich.console import Console

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.registry import Source, open_source
from memhacl.stream.sources.simulated.source import NAME as SIMULATED
from memhacl.train.commands.arguments import parse
from memhacl.train.config import Config, ProtocolName
from memhacl.train.settings import load_config, unknown
from memhacl.train.tables.cells import cells_of
from memhacl.train.tables.changes import check_free, defaults
from memhacl.train.tables.course import Asked, train_all
from memhacl.train.tables.experiments import CONFIGS, DEAP, EXPERIMENTS, Experiment, find
from memhacl.train.tables.listing import print_list
from memhacl.train.tables.pictures import draw
from memhacl.train.tables.result import Result, complete
from memhacl.train.tables.written import show, write

_PROG: Final = "memhacl-train reproduce"
_SAYS: Final = (
    "Train what a table or figure of the paper shows, under the paper's protocol, which leaks, and under one that "
    "does not; print our numbers beside the paper's. What stands is not trained again. --list says what there is. "
    "Exit code 1: a training failed."
)


@dataclass(frozen=True)
class ReproduceArguments:
    """Which table, on which data, and settings over those of the config."""

    table: tyro.conf.Positional[str]
    """Which experiment, as --list has them. Comes first."""
    settings: Annotated[Config, tyro.conf.arg(name="")]
    data: Annotated[str | None, tyro.conf.arg(metavar="DATA", help_behavior_hint="(required)")] = None
    """The data set's folder; simulated people in DEAP's layout will do, to try it."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("reproduced")
    """Folder for trainings, tables and figures; several tables share trainings there."""
    config: Annotated[str, tyro.conf.arg(metavar="CONFIG")] = ""
    """Another config than that of the paper's numbers: a YAML file or the name of a packaged one."""
    protocols: Annotated[tuple[ProtocolName, ...], tyro.conf.arg(metavar="NAMES")] = ("paper", "subject+stimulus")
    """Protocols, one beside the other; 'paper' leaks, and is there to be compared with the paper."""
    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Few epochs, a narrow network and no folds, to see that it runs; the table says so."""
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on in folders that were made under other settings or from other data: these are made again."""
    jobs: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Trainings at once; 0: as many as cores and memory have room for."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Processes that read recordings at once; 0: as many as there are cores."""
    list: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Say what each table is, which data it needs and how long it takes; do nothing else."""


def reproduce(arguments: list[str]) -> int:
    """Train an experiment of the paper and print our numbers beside the paper's; return the exit code."""
    if "--list" in arguments:
        print_list(Console())
        return 0
    asked, experiment, kind, source = _read(arguments)
    cells = cells_of(experiment, asked.settings, asked.protocols, asked.out)
    place = asked.out / asked.settings.name
    wanted = Asked(asked.jobs, asked.workers, asked.force)
    failed = train_all(cells, source, place / "corpora", wanted, Console(stderr=True))
    result = Result(
        experiment=experiment,
        kind=kind,
        source=source.name,
        simulated=is_simulated(source),
        quick=asked.quick,
        config=asked.settings,
        protocols=asked.protocols,
        measured=complete(cells, failed),
        failed=tuple(failed),
    )
    folder = place / "tables" / experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    figures = draw(result, folder)
    write(result, figures, folder)
    show(result, figures, Console())
    return 1 if failed else 0


def _read(arguments: list[str]) -> tuple[ReproduceArguments, Experiment, str, Source]:
    """Read the table, then the data, which tells the config, then everything else over that config."""
    wants_help = any(argument in ("-h", "--help") for argument in arguments)
    named = bool(arguments) and not arguments[0].startswith("-")
    if not named and not wants_help:
        raise ConfigError(f"TABLE is missing: it comes first; expected one of {', '.join(EXPERIMENTS)}")
    experiment = find(arguments[0] if named else next(iter(EXPERIMENTS)))
    data = _given(arguments, "--data")
    if data is None and not wants_help:
        raise ConfigError(f"--data is missing: give the folder of {' or '.join(experiment.data)}")
    source = None if data is None or wants_help else open_source(data)
    kind = next(iter(experiment.data)) if source is None else kind_of(experiment, source)
    where = _given(arguments, "--config") or _packaged(kind, source)
    before = defaults(load_config(where), "--quick" in arguments)
    says = f"{_SAYS} Defaults below are those of '{where}'."
    start = ReproduceArguments(experiment.name, before)
    asked = parse(
        ReproduceArguments, start, arguments, _PROG, lambda name: unknown(name, before.method.name), Config, says
    )
    check(asked, before, experiment)
    assert source is not None  # --help has ended by now
    return asked, experiment, kind, source


def check(asked: ReproduceArguments, before: Config, experiment: Experiment) -> None:
    """Refuse what cannot be trained.

    Raises
    ------
    ConfigError
        A number is negative, a protocol is named twice, or a setting is the experiment's own.
    """
    for name in ("jobs", "workers"):
        if getattr(asked, name) < 0:
            raise ConfigError(f"--{name} {getattr(asked, name)}: expected 0 or more")
    if not asked.protocols or len(set(asked.protocols)) < len(asked.protocols):
        raise ConfigError(f"--protocols: expected one or more, each once, found '{' '.join(asked.protocols)}'")
    check_free(asked.settings, before, experiment.study, experiment.name)


def kind_of(experiment: Experiment, source: Source) -> str:
    """Return which of the experiment's data sets ``source`` is, or stands for where people are simulated.

    Raises
    ------
    DataError
        It is another one.
    """
    for kind in experiment.data:
        if source.name.partition(",")[0] in (kind, f"{kind} original"):
            return kind
    if is_simulated(source):
        return next(iter(experiment.data))
    raise DataError(
        f"'{experiment.name}' is about {' or '.join(experiment.data)}, found {source.name}; give that data set, "
        "or simulated people in DEAP's layout"
    )


def is_simulated(source: Source) -> bool:
    """Whether the people of ``source`` are simulated."""
    return source.name.startswith(SIMULATED)


def _packaged(kind: str, source: Source | None) -> str:
    """Return the config with the paper's numbers; simulated people have DEAP's signals, for every table."""
    if source is not None and is_simulated(source):
        return CONFIGS[DEAP]
    original = source is not None and source.name.partition(",")[0] == "DEAP original"
    return "deap-original" if original else CONFIGS[kind]


def _given(arguments: Sequence[str], name: str) -> str | None:
    """The value of an option that decides which defaults the others have."""
    for place, argument in enumerate(arguments):
        if argument == name and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
    return None
