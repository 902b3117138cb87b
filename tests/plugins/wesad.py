"""A writer of WESAD's files: S2/S2.pkl and so on, random numbers in the real layout, types and rates."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugins.pickle_py2 import write as write_pickle

WriteWesad = Callable[..., Path]

# (label, share of the session), in the order of the protocol's two versions.
STRESS_FIRST = tuple(
    zip((0, 1, 0, 2, 0, 4, 5, 3, 6, 0, 4, 7, 0), (2, 12, 2, 7, 3, 4, 1, 4, 1, 1, 4, 1, 2), strict=True)
)
AMUSED_FIRST = tuple(
    zip((0, 1, 0, 3, 6, 0, 4, 0, 2, 5, 0, 4, 0), (2, 12, 2, 4, 1, 3, 4, 1, 7, 1, 2, 4, 2), strict=True)
)


def content(
    subject: str, seconds: float = 6000.0, protocol: Iterable[tuple[int, float]] = STRESS_FIRST, seed: int = 0
) -> dict[str, Any]:
    """Return what one person's pickle holds: {signal: {chest, wrist}, label, subject}."""
    random = np.random.default_rng(seed)

    def noise(rate: float, mean: float, spread: float, kind: str = "f8", columns: int = 1) -> np.ndarray:
        shape = (round(seconds * rate), columns)
        # as from converters: multiples of one step, whose mantissas are full of digits
        steps = np.round(random.standard_normal(shape) * 1000 * spread) * 0.001000123
        return (mean + steps).astype(kind)

    chest = {
        "ACC": noise(700, 0.8, 0.1, columns=3),
        "ECG": noise(700, 0.0, 0.5),
        "EMG": noise(700, 0.0, 0.01),
        "EDA": noise(700, 5.0, 0.1),
        "Temp": noise(700, 30.0, 0.01, "f4"),
        "Resp": noise(700, 0.0, 3.0),
    }
    wrist = {
        "ACC": noise(32, 30.0, 5.0, columns=3),
        "BVP": noise(64, 0.0, 20.0),
        "EDA": noise(4, 1.0, 0.05),
        "TEMP": noise(4, 33.0, 0.02),
    }
    return {"signal": {"chest": chest, "wrist": wrist}, "label": labels(seconds, protocol), "subject": subject}


def labels(seconds: float, protocol: Iterable[tuple[int, float]] = STRESS_FIRST) -> np.ndarray:
    """Return labels at 700 Hz, (samples,): each of ``protocol`` lasts as its share of ``seconds`` says."""
    parts = list(protocol)
    edges = np.cumsum([0] + [share for _, share in parts]) / sum(share for _, share in parts)
    samples = round(seconds * 700)
    track = np.zeros(samples, dtype="i4")
    for (label, _), first, last in zip(parts, edges[:-1], edges[1:], strict=True):
        track[round(first * samples) : round(last * samples)] = label
    return track


def write(folder: Path, people: Iterable[int] = (2, 3), seconds: float = 6000.0, protocol: int = 2) -> Path:
    """Write S<k>/S<k>.pkl of ``seconds`` for each of ``people``, and the other files that lie beside it."""
    for person in people:
        name = f"S{person}"
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{name}_readme.txt").write_text("### Personal information ###\n")
        order = STRESS_FIRST if person % 2 == 0 else AMUSED_FIRST
        write_pickle(folder / name / f"{name}.pkl", content(name, seconds, order, seed=person), protocol)
    return folder


@pytest.fixture(scope="session")
def write_wesad() -> WriteWesad:
    return write
