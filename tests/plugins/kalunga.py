"""Writers of Kalunga's SSVEP set: the .npz file with everybody's trials, and raw sessions as .fif files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WriteKalunga = Callable[..., Path]
WriteKalungaRaw = Callable[..., Path]

CHANNELS = ("Oz", "O1", "O2", "POz", "PO3", "PO4", "PO7", "PO8")
RAW_CHANNELS = ("Oz", "O1", "O2", "PO3", "POz", "PO7", "PO8", "PO4")
STAMP = "2012.07.06-19.02.16"


def content(people: Iterable[int] = (1, 2), trials: int = 8, samples: int = 640) -> dict[str, Any]:
    """Return the file's arrays: ``trials`` a person, whose 13, 21 or 17 Hz are visible in the signals."""
    random = np.random.default_rng(0)
    subject = np.repeat(np.array(list(people), dtype=np.int64), trials)
    y = np.arange(len(subject)) % 4
    times = np.arange(samples) / 128
    flicker = np.sin(2 * np.pi * np.array([0, 13, 21, 17])[y, None] * times)[:, None]  # (trials, 1, samples)
    noise = random.standard_normal((len(subject), len(CHANNELS), samples))
    return {
        "x": (0.006 * (noise + flicker)).astype(np.float32),
        "y": y.astype(np.int64),
        "subject": subject,
        "session": np.array([f"subject{number:02d}/record-[{STAMP}]" for number in subject]),
        "fs": np.int64(128),
        "ch": np.array(CHANNELS),
        "classes": np.array(["rest", "13Hz", "21Hz", "17Hz"]),
        "t0": np.float64(0),
    }


def write(folder: Path, people: Iterable[int] = (1, 2), trials: int = 8, **changed: Any) -> Path:
    """Write kalunga_epochs_128hz.npz with some arrays ``changed``, or left out where that is None; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "kalunga_epochs_128hz.npz"
    arrays = {key: array for key, array in (content(people, trials) | changed).items() if array is not None}
    np.savez_compressed(path, **arrays)
    return path


def write_raw(
    path: Path, codes: Sequence[int] = (1, 3, 4, 2), first: int = 0, rate: float = 256.0, tail: float = 5.9
) -> Path:
    """Write a session ``path`` (..._raw.fif) and its events: trials 6.5 s apart, then ``tail`` s to the end.

    ``first`` is the number of the first sample: events count from there on.
    """
    import mne

    path.parent.mkdir(parents=True, exist_ok=True)
    events = np.array([[1024 + first + 1664 * place, 0, code] for place, code in enumerate(codes)])
    samples = events[-1, 0] - first + round(tail * rate)
    data = 0.008 * np.random.default_rng(1).standard_normal((len(RAW_CHANNELS), samples))
    info = mne.create_info(list(RAW_CHANNELS), rate, "eeg")
    raw = mne.io.RawArray(data, info, first_samp=first, verbose="error")
    raw.save(path, overwrite=True, verbose="error")
    mne.write_events(
        path.with_name(path.name.replace("_raw.fif", "-eve.fif")), events, overwrite=True, verbose="error"
    )
    return path


@pytest.fixture(scope="session")
def write_kalunga() -> WriteKalunga:
    return write


@pytest.fixture(scope="session")
def write_kalunga_raw() -> WriteKalungaRaw:
    return write_raw
