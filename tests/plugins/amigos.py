"""A writer of files in AMIGOS's preprocessed layout: random numbers, real shapes and nesting."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

WriteAmigos = Callable[..., Path]
Content = dict[str, Any]

VIDEOS = "4 5 9 10 13 18 19 20 23 30 31 34 36 58 80 138 N1 P1 B1 U1".split()  # 16 short, 4 long
RATE = 128


def row(items: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return a (1, n) cell array."""
    cells = np.empty((1, len(items)), dtype=object)
    for place, item in enumerate(items):
        cells[0, place] = item
    return cells


def person(random: np.random.Generator, videos: int, seconds: float) -> Content:
    """One person's variables; each video is one sample longer than the one before."""
    lengths = [round(seconds * RATE) + extra for extra in range(videos)]
    rated = [np.hstack([random.uniform(1, 9, (1, 5)), random.integers(0, 2, (1, 7))]) for _ in lengths]
    return {
        "VideoIDs": row(VIDEOS[:videos]),
        "joined_data": row([random.standard_normal((length, 17)) * 20 for length in lengths]),
        "labels_selfassessment": row(rated),
        "labels_ext_annotation": row([random.uniform(-1, 1, (3, 3)) for _ in lengths]),
    }


def write(
    folder: Path,
    people: int = 2,
    videos: int = 20,
    seconds: float = 8.0,
    nested: bool = False,
    compress: bool = True,
    change: Callable[[int, Content], object] = lambda number, content: None,
) -> Path:
    """Write Data_Preprocessed_P01.mat and so on, ``nested``: each in a folder of its own.

    ``change`` may alter what is written of each person, by number.
    """
    random = np.random.default_rng(1)
    for number in range(1, people + 1):
        name = f"Data_Preprocessed_P{number:02d}"
        place = folder / name if nested else folder
        place.mkdir(parents=True, exist_ok=True)
        content = person(random, videos, seconds)
        change(number, content)
        savemat(place / f"{name}.mat", content, do_compression=compress)
        with (place / f"{name}.mat").open("r+b") as file:
            file.write(b"MATLAB 5.0 MAT-file".ljust(116))  # without the date: the same file every time
    return folder


@pytest.fixture(scope="session")
def write_amigos_files() -> WriteAmigos:
    return write
