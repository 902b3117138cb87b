"""A writer of DEAP's original files: BDF with status, both electrode orders, and participant_ratings.csv."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from plugins.bdf import Track, track, words, write

TWENTE = (
    "Fp1 AF3 F7 F3 FC1 FC5 T7 C3 CP1 CP5 P7 P3 Pz PO3 O1 Oz O2 PO4 P4 P8 CP6 CP2 C4 T8 FC6 FC2 F4 F8 AF4 Fp2 Fz Cz"
).split()
GENEVA = (
    "Fp1 AF3 F3 F7 FC5 FC1 C3 T7 CP5 CP1 P3 P7 PO3 O1 Oz Pz Fp2 AF4 Fz F4 F8 FC6 FC2 Cz C4 T8 CP6 CP2 P4 P8 PO4 O2"
).split()
HEAD = "Participant_id,Trial,Experiment_id,Start_time,Valence,Arousal,Dominance,Liking,Familiarity"
FIRST, BETWEEN = 2.0, 3.0  # s before the first fixation, and about the seconds between two trials
BEFORE = 5.0  # s of the fixation before a video


def level(label: str) -> float:
    """Return the constant in uV under an electrode's noise, by which it can be told from all others."""
    return 100.0 * (1 + GENEVA.index(label))


def order(person: int, trials: int) -> list[int]:
    """Return the Experiment_id of each of a person's trials, in the order of presentation."""
    return (np.random.default_rng(person).permutation(trials) + 1).tolist()


def onsets(person: int, trials: int, video: float) -> list[float]:
    """Return the times (s) at which a person's videos begin; rating takes a different time after each."""
    pauses = BETWEEN + np.random.default_rng(1000 + person).integers(0, 8, trials) / 2
    return (FIRST + BEFORE + np.cumsum(pauses) + np.arange(trials) * (BEFORE + video + 3.0)).tolist()


def length(person: int, trials: int, video: float) -> int:
    """Return the seconds of a person's recording."""
    return int(onsets(person, trials, video)[-1] + video + 6)


def codes(person: int, trials: int, video: float, rate: int) -> dict[int, int]:
    """Return each status code by the sample at which it begins."""
    found = {round(0.5 * rate): 1, round(1.5 * rate): 2}
    for onset in onsets(person, trials, video):
        for code, at in ((3, onset - BEFORE), (4, onset), (5, onset + video), (1, onset + video + 3)):
            found[round(at * rate)] = code
    return found


def tracks(
    person: int, seconds: int, status: np.ndarray, rate: int = 512, skin_unit: str | None = None
) -> list[Track]:
    """Make the 48 channels of a person, ``seconds`` long."""
    random = np.random.default_rng(person)
    samples = seconds * rate
    clock = np.arange(samples) / rate
    twente = person <= 22

    def noise(size: float) -> np.ndarray:
        return size * random.standard_normal(samples)

    made = [track(label, level(label) + noise(10)) for label in (TWENTE if twente else GENEVA)]
    made += [track(f"EXG{number}", 1000.0 * number**2 + noise(20)) for number in range(1, 9)]
    skin, unit = (5000.0, "nS") if twente else (2e5, "Ohm")
    unit = unit if skin_unit is None else skin_unit
    made += [track("GSR1", skin * (1 + 0.1 * np.sin(clock)), unit, (0, 1e6)), track("GSR2", 0 * clock, unit)]
    made += [track(label, 0 * clock) for label in ("Erg1", "Erg2")]
    made += [track("Resp", 2000 * np.sin(1.5 * clock)), track("Plet", 3000 * np.sin(7 * clock))]
    made += [track("Temp", 32 + 0.5 * np.sin(clock / 9), "Degree C", (0, 100)), Track("Status", status, "Boolean")]
    return made


def ratings(people: Sequence[int], trials: int, video: float) -> list[list[str]]:
    """Return the rows of participant_ratings.csv; Start_time counts tenths of milliseconds from another zero."""
    rows = []
    for person in people:
        random = np.random.default_rng(2000 + person)
        for trial, stimulus in enumerate(order(person, trials), 1):
            begun = round((onsets(person, trials, video)[trial - 1] + 61.5) * 1e4)
            given = [f"{value:.2f}" for value in random.uniform(1, 9, 4)]
            familiar = "" if person == 2 else f"{random.integers(1, 6)}"  # some people gave none
            rows.append([str(person), str(trial), str(stimulus), str(begun), *given, familiar])
    return rows


def write_ratings(path: Path, rows: Sequence[Sequence[str]], head: str = HEAD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def write_set(
    folder: Path, people: Sequence[int] = (1, 23), trials: int = 3, video: float = 6.0, rate: int = 512
) -> Path:
    """Write data_original/sNN.bdf for ``people`` and metadata_csv/participant_ratings.csv into ``folder``.

    The real size is 32 people, 40 trials and videos of 60 s.
    """
    for person in people:
        seconds = length(person, trials, video)
        # Other bits in Twente than in Geneva, where some are set above the codes all the time.
        above, hold = (0, rate // 8) if person <= 22 else (0x18FF00, None)
        status = words(seconds * rate, codes(person, trials, video, rate), above, hold)
        write(folder / "data_original" / f"s{person:02d}.bdf", tracks(person, seconds, status, rate), seconds)
    write_ratings(folder / "metadata_csv" / "participant_ratings.csv", ratings(people, trials, video))
    return folder


WriteDeapOriginal = Callable[..., Path]


@pytest.fixture(scope="session")
def write_deap_original() -> WriteDeapOriginal:
    return write_set
