"""A writer of files in DEAP's preprocessed layout: random numbers, real shapes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memhacl.stream.sources.deap.layout import CHANNELS, RATE
from memhacl.stream.sources.simulated.deap_files import write_pickle

WriteDeap = Callable[..., Path]


def write(folder: Path, people: int = 2, trials: int = 40, seconds: float = 63.0, seed: int = 0) -> Path:
    """Write s01.dat and so on with ``trials`` of ``seconds``, of which the first 3 are rest."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for person in range(1, people + 1):
        data = random.standard_normal((trials, len(CHANNELS), round(seconds * RATE)))
        labels = random.uniform(1, 9, (trials, 4))
        with (folder / f"s{person:02d}.dat").open("wb") as file:
            write_pickle({"labels": labels, "data": data}, file)
    return folder


@pytest.fixture(scope="session")
def write_deap_files() -> WriteDeap:
    return write
