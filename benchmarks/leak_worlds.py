"""Simulated people with some parts switched on, under each protocol: what the leak detector reaches there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.leak_detector import Features, detect, features_of
from memhacl.stream.sources.simulated.latents import BIAS, LATENT, MEAN, NOISE, PLANTED, feeling
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource
from memhacl.train.config import Config, LabelConfig, ProtocolConfig
from memhacl.train.corpus.labels import targets_of
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.folder import RunFolder
from memhacl.train.protocols import plan_folds
from memhacl.train.stages import Pipeline

PROTOCOLS: Final = ("paper", "trial", "subject", "stimulus", "subject+stimulus")
OFF: Final = {"S": 0.0, "F": 0.0, "E": 0.0, "B": 0.0, "V": 0.0}
ROWS: Final[Mapping[str, Mapping[str, float]]] = {
    "F": OFF | {"F": 1.0},
    "F + B": OFF | {"F": 1.0, "B": 1.0},
    "S + V": OFF | {"S": 1.0, "V": 1.0},
    "all but E": {"E": 0.0},
    "all": {},
}
# Where a learner must get above chance; everywhere else it must stay at it.
ABOVE: Final[Mapping[str, tuple[str, ...]]] = {
    "F": ("paper",),
    "F + B": ("paper", "trial", "stimulus"),
    "S + V": ("paper", "trial", "subject"),
    "all but E": ("paper", "trial", "subject", "stimulus"),
    "all": PROTOCOLS,
}
# What somebody can know under a protocol who recognises all that there is to be recognised.
KNOWN: Final[Mapping[str, str]] = {"trial": "BV", "subject": "V", "stimulus": "B", "subject+stimulus": ""}
_SIZES: Final = {"B": BIAS, "V": MEAN, "E": LATENT}
_ELECTRODES: Final = "Fp1 Fp2 F3 F4 F7 F8 T7 T8 C3 C4 P7 P8 P3 P4 O1 O2".split()
# No baseline: levels are half of a fingerprint. The slow signals come at a rate that is quickly read.
_STREAMS: Final[tuple[tuple[str, list[str], str, int, dict[str, Any]], ...]] = (
    ("EEG", _ELECTRODES, "uV", 128, {"band": [4, 45], "reference": "average"}),
    ("GSR", ["GSR"], "uS", 16, {}),
    ("Resp", ["Resp"], "a.u.", 16, {}),
    ("Temp", ["Temp"], "degC", 16, {}),
)


@dataclass(frozen=True)
class Size:
    """How much is simulated: people and stimuli of a world, seconds of a stimulus, and worlds.

    Where E = 0 signals do not tell ratings: there the ratings of ``draws`` worlds are put to each one's signals.
    """

    people: int = 16
    stimuli: int = 16
    seconds: int = 8
    worlds: int = 12
    draws: int = 8
    folds: int = 4


def ceiling(row: str, protocol: str) -> float:
    """Accuracy of somebody who knows exactly what the protocol lets be known, and all of the emotion that shows.

    Ratings are high where the sum of what is known and what is not, both normal, is positive: it has the sign of
    what is known with probability 1/2 + arctan(known / unknown) / pi.
    """
    if protocol == "paper":
        return 1.0  # the rating itself, from the seconds before and after
    parts = {name: ROWS[row].get(name, 1.0) * size for name, size in _SIZES.items()}
    known = [size for name, size in parts.items() if name in KNOWN[protocol] + "E"]
    unknown = [size for name, size in parts.items() if name not in KNOWN[protocol] + "E"]
    return float(0.5 + np.arctan2(np.linalg.norm(known), np.linalg.norm([*unknown, NOISE])) / np.pi)


def world(row: str, seed: int, size: Size, folder: Path) -> dict[str, dict[str, float]]:
    """Balanced accuracy a test trial by protocol and by part of the detector, mean over folds, in one world.

    ``folder`` is where corpora are prepared and kept: rows that differ in ratings alone share one.
    """
    people = people_of(row, seed, size)
    corpus = prepared(people.model_copy(update={"B": 1.0, "V": 1.0}), folder)
    features, high = features_of(corpus), rated_high(corpus, people, size)
    return {protocol: _under(protocol, corpus, features, high, seed, size) for protocol in PROTOCOLS}


def people_of(row: str, seed: int, size: Size) -> People:
    """Return the simulated people of one world of ``row``."""
    streams = [dict(zip(("modality", "channels", "unit", "rate"), stream[:4], strict=True)) for stream in _STREAMS]
    return People.model_validate(
        {
            "subjects": size.people, "stimuli": size.stimuli, "rest": 0, "seconds": size.seconds, "seed": seed,
            "layout": "raw", "streams": streams, **ROWS[row],
        }
    )  # fmt: skip


def prepared(people: People, folder: Path) -> Corpus:
    """Return the corpus of ``people``, from the product's own stage; what is there is not prepared again."""
    parts = "".join(f"{name}{getattr(people, name):g}" for name in "SFE")
    run = folder / f"seed{people.seed}-{parts}"
    pipeline = Pipeline(_config(), RunFolder(run), SimulatedSource(people), Console(quiet=True), workers=1)
    pipeline.execute("prepare")
    return load_corpus(run / "corpus")


def _config() -> Config:
    modalities = [
        {"modality": name, "channels": channels, "unit": unit, "conditioning": conditioning, "baseline": "none"}
        for name, channels, unit, _, conditioning in _STREAMS
    ]
    return Config.parse({"name": "leaks", "signals": {"rate": 128, "modalities": modalities}}, "benchmark")


def rated_high(corpus: Corpus, people: People, size: Size) -> NDArray[np.bool_]:
    """Tell which trials are rated high, (trials, worlds, scales): in this world, and where E = 0 in others too."""
    draws = 1 if people.E else size.draws
    seeds = [people.seed + 1_000_000 * draw for draw in range(draws)]
    return np.stack([_high(corpus, people.model_copy(update={"seed": seed})) for seed in seeds], axis=1)


def _high(corpus: Corpus, people: People) -> NDArray[np.bool_]:
    """Tell which trials of ``corpus`` are rated high in the world of ``people``, (trials, scales)."""
    subjects = [people.person_names.index(name) for name in corpus.manifest.people]
    stimuli = [people.stimulus_names.index(name) for name in corpus.manifest.stimuli]
    pairs = zip(corpus.trials.subject.tolist(), corpus.trials.stimulus.tolist(), strict=True)
    felt = [feeling(people, subjects[subject], stimuli[stimulus]).ratings for subject, stimulus in pairs]
    ratings = {scale: np.array([one[scale] for one in felt]) for scale in PLANTED}
    config = LabelConfig(tasks=PLANTED)
    targets = targets_of(replace(corpus.trials, ratings=ratings), corpus.manifest.scales, config)
    return np.stack([targets[scale].values == 1 for scale in PLANTED], axis=1)


def _under(
    protocol: str, corpus: Corpus, features: Features, high: NDArray[np.bool_], seed: int, size: Size
) -> dict[str, float]:
    config = ProtocolConfig.model_validate(
        {"name": protocol, "folds": size.folds, "validation": 0.25, "seed": seed}
    )
    found = [detect(features, split, high) for split in plan_folds(corpus, config)]
    return {part: float(np.mean([fold[part] for fold in found])) for part in found[0]}
