"""The command memhacl-train simulate: simulated people as a folder in DEAP's layout."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import tyro
from rich.console import Console

from memhacl.stream.errors import ConfigError
from memhacl.stream.sources.simulated.deap_files import write_deap
from memhacl.stream.sources.simulated.people import People
from memhacl.train.commands.arguments import parse
from memhacl.train.progress import stage_bar

_DEFAULT: Final = People()


@dataclass(frozen=True)
class SimulateArguments:
    """Simulated people, stimuli and how strongly each part of their signals and ratings shows."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="(required)")] = None
    """Folder to write s01.dat, s02.dat, ... and simulated.json to."""
    subjects: int = _DEFAULT.subjects
    """Number of people."""
    stimuli: int = _DEFAULT.stimuli
    """Number of stimuli; every person watches all."""
    rest: float = _DEFAULT.rest
    """Seconds of rest before each stimulus."""
    seconds: float = _DEFAULT.seconds
    """Seconds of each stimulus."""
    seed: int = _DEFAULT.seed
    """The same seed and settings give the same files."""
    S: float = _DEFAULT.S
    """Stimulus-locked part of the signals that people share."""
    C: float = _DEFAULT.C
    """Course of emotion that the stimulus gives everybody (times S), of which ratings tell nothing."""
    F: float = _DEFAULT.F
    """Fingerprint of the trial: the same in all its seconds, and no use for emotion."""
    E: float = _DEFAULT.E
    """Emotional effect, in signals and ratings; 0: there is nothing to find."""
    B: float = _DEFAULT.B
    """Bias of each person's ratings."""
    V: float = _DEFAULT.V
    """Mean rating of each stimulus."""
    noise: float = _DEFAULT.noise
    """Noise of ratings and sensors."""


def simulate(arguments: list[str]) -> int:
    """Write simulated people to --out; return the exit code."""
    prog = "memhacl-train simulate"
    says = (
        "Write simulated people in DEAP's preprocessed layout (sNN.dat). Signals = the person's fingerprint + a "
        "part locked to the stimulus (S, C) + the trial's fingerprint (F) + an emotional effect (E) + noise; "
        "ratings = the person's bias (B) + the stimulus's mean (V) + the latent behind E + noise. What is learnt "
        "from them says nothing about real emotion."
    )
    asked = parse(SimulateArguments, SimulateArguments(), arguments, prog, _unknown, People, says)
    if asked.out is None:
        raise ConfigError(f"--out is missing: give a folder, as in {prog} --out people")
    values = asdict(asked)
    folder = values.pop("out")
    people = People.parse(values, "command line")
    with stage_bar("simulate", Console(stderr=True)) as bar:
        bar.start(people.subjects)
        write_deap(people, folder, lambda done, total: bar.step(f"person {done} of {total}"))
        bar.finish(f"{people.subjects} people, {people.stimuli} stimuli of {people.seconds:g} s in {folder}")
    return 0


def _unknown(name: str) -> str:
    return f"unknown argument '--{name}'; memhacl-train simulate --help lists all"
