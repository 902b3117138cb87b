"""Ways to take the level out of a signal, and the simulated people whom `benchmarks.subtraction` tries them on."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmarks.experiment import changed
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording
from memhacl.stream.sources.simulated.people import People, SimulatedStream
from memhacl.stream.sources.simulated.source import SimulatedSource
from memhacl.train.config import Config
from memhacl.train.settings import load_config

PEOPLE, STIMULI = 16, 14
FIRST_SEED = 500
SLOW = ("GSR", "Resp", "Temp")
EVERYTHING = ("EEG", *SLOW)
TASKS = ("valence", "arousal")


@dataclass(frozen=True)
class Kind:
    """What is subtracted from a window, of which seconds; with ``adapt`` slow modalities are also standardised.

    ``once``: the only rest period is the one before the first stimulus. Only of what is ``whole`` are EEG and all
    modalities together measured by LDA, and only with ``network`` is one trained.
    """

    baseline: str
    seconds: float = 3.0
    adapt: str = "none"
    once: bool = False
    whole: bool = False
    network: bool = False


USUAL = "rolling, 3 s"
KINDS: Mapping[str, Kind] = {
    USUAL: Kind("rolling", whole=True, network=True),
    "rolling, 10 s": Kind("rolling", 10.0),
    "rolling, 30 s": Kind("rolling", 30.0, whole=True, network=True),
    "rolling, 60 s": Kind("rolling", 60.0),
    "rolling, 30 s, and running deviation": Kind("rolling", 30.0, "running", network=True),
    "rolling-template, 3 s": Kind("rolling-template", whole=True, network=True),
    "rest, 3 s before each stimulus": Kind("rest", whole=True, network=True),
    "rest, 10 s before each stimulus": Kind("rest", 10.0),
    "rest, 10 s at the beginning only": Kind("rest", 10.0, once=True),
    "none": Kind("none", whole=True, network=True),
    "none, but running mean and deviation": Kind("none", 3.0, "running"),
}


@dataclass(frozen=True)
class Course:
    """How a session goes: one recording with pauses ('raw'), or trials that stand alone ('deap'); lengths in s."""

    layout: Literal["raw", "deap"]
    rest: float
    seconds: float

    def fits(self, kind: Kind) -> bool:
        """Whether there is as much rest as ``kind`` needs, and one session where it needs that."""
        enough = kind.baseline != "rest" or kind.seconds <= self.rest
        return enough and (self.layout == "raw" or not kind.once)

    def __str__(self) -> str:
        kind = "sessions" if self.layout == "raw" else "trials that stand alone (DEAP's layout)"
        return f"{kind}, {self.seconds:g}-s stimuli after {self.rest:g} s of rest"


class Told(SimulatedSource):
    """Simulated people, simulated once and kept; with ``once`` only the first stimulus has a rest period."""

    def __init__(self, people: People) -> None:
        super().__init__(people)
        self.once = False
        self._kept: dict[str, Recording] = {}

    def open(self, person: str) -> Recording:
        """Return one person's session."""
        if person not in self._kept:
            self._kept[person] = super().open(person)
        recording = self._kept[person]
        if not self.once:
            return recording
        (segment,) = recording.segments
        first, *others = segment.trials
        trials = (first, *(replace(trial, rest=trial.onset) for trial in others))
        return replace(recording, segments=(replace(segment, trials=trials),))

    def fingerprint(self) -> str:
        """Return what is known of simulated people, and whether their rests were taken out."""
        return f"{super().fingerprint()}{'-once' if self.once else ''}"


def people_of(course: Course, world: int) -> Told:
    """Return the people of one world."""
    settings: dict[str, Any] = {"streams": _streams()} if course.layout == "raw" else {}
    settings |= {"rest": course.rest, "seconds": course.seconds, "seed": FIRST_SEED + world}
    return Told(People(layout=course.layout, subjects=PEOPLE, stimuli=STIMULI, **settings))


def _streams() -> tuple[SimulatedStream, ...]:
    spec = load_config("demo").signals
    return tuple(
        SimulatedStream(modality=m.modality, channels=m.channels, unit=m.unit, rate=spec.rate)
        for m in spec.modalities
    )


def config_of(kind: Kind, use: tuple[str, ...], seed: int = 0) -> Config:
    """Return the demo's settings with ``kind`` in every modality, from scratch, for ``seed``'s split."""
    demo = load_config("demo")
    modalities = [
        {
            **m.model_dump(mode="json"),
            "baseline": kind.baseline,
            "adapt": kind.adapt if m.modality in SLOW else "none",
        }
        for m in demo.signals.modalities
    ]
    return changed(
        demo,
        signals={"modalities": modalities, "baseline_seconds": kind.seconds},
        use=use,
        labels={"tasks": list(TASKS)},
        protocol={"validation": 0.12, "test": 0.3, "seed": seed},
        method={"name": "supervised"},
        finetune={"epochs": 6},
        device="cpu",
        threads=1,
    )


def costs(kind: Kind, people: Told) -> dict[str, float]:
    """Time in s from the start of a session to the end of its first valid window, and ms of work a window."""
    people.once = kind.once
    recording = people.open(people.people[0])
    spec = config_of(kind, EVERYTHING).spec
    started = time.process_time()
    windows = [window for _, window in recording_windows(recording, spec, assessed=False)]
    spent = time.process_time() - started
    first = next(window for window in windows if window.valid)
    return {"first": first.end - recording.segments[0].start, "ms": 1000 * spent / len(windows)}
