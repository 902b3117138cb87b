"""A writer of DREAMER.mat: random numbers, real shapes and nesting."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

WriteDreamer = Callable[..., Path]
Content = dict[str, Any]

ELECTRODES = "AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4".split()


def cells(items: Sequence[Any], shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Return a cell array."""
    array = np.empty(shape, dtype=object)
    for place, item in enumerate(items):
        array.flat[place] = item
    return array


def signal(
    random: np.random.Generator, films: int, rate: int, channels: int, baseline: float, seconds: float
) -> Content:
    """Baselines and stimuli as an amplifier gives them, in steps of half a unit; film by film a sample longer."""
    rests = [round(baseline * rate)] * films
    lengths = [round(seconds * rate) + extra for extra in range(films)]
    return {
        part: cells([4200 + random.integers(-99, 99, (n, channels)) / 2 for n in samples], (films, 1))
        for part, samples in (("baseline", rests), ("stimuli", lengths))
    }


def person(random: np.random.Generator, films: int, baseline: float, seconds: float) -> Content:
    """One person's struct."""
    return {
        "Age": str(random.integers(20, 40)),
        "Gender": "female",
        "EEG": signal(random, films, 128, 14, baseline, seconds),
        "ECG": signal(random, films, 256, 2, baseline, seconds),
        **{f"Score{s}": random.integers(1, 6, (films, 1)) * 1.0 for s in ("Valence", "Arousal", "Dominance")},
    }


def write(
    folder: Path,
    people: int = 2,
    films: int = 18,
    baseline: float = 61.0,
    seconds: float = 5.0,
    compress: bool = True,
    change: Callable[[int, Content], object] = lambda number, content: None,
) -> Path:
    """Write DREAMER.mat; ``change`` may alter what is written of each person, by number."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    everybody = []
    for number in range(1, people + 1):
        everybody.append(person(random, films, baseline, seconds))
        change(number, everybody[-1])
    content = {
        "Data": cells(everybody, (1, people)),
        "EEG_SamplingRate": 128.0,
        "ECG_SamplingRate": 256.0,
        "EEG_Electrodes": cells(ELECTRODES, (1, len(ELECTRODES))),
        "noOfSubjects": float(people),
        "noOfVideoSequences": float(films),
        "Disclaimer": "Random numbers.",
        "Provider": "A writer",
        "Version": "1.0.2",
        "Acknowledgement": "None",
    }
    savemat(folder / "DREAMER.mat", {"DREAMER": content}, do_compression=compress)
    with (folder / "DREAMER.mat").open("r+b") as file:
        file.write(b"MATLAB 5.0 MAT-file".ljust(116))  # without the date: the same file every time
    return folder


@pytest.fixture(scope="session")
def write_dreamer_files() -> WriteDreamer:
    return write
