"""What liblsl's own dejitter makes of stamps: a real outlet and inlet on loopback."""

import os
from pathlib import Path

import numpy as np
import pylsl
from numpy.typing import NDArray

from benchmarks.machine import apart
from benchmarks.programs import environment

_CHUNK = 1000  # samples at most on their way
_SECONDS = 60.0  # the same in s: liblsl keeps 360 s for a slow consumer
_PATIENCE = 20.0  # s


def dejittered(stamps: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Times (samples,) that an inlet with liblsl's dejitter and monotonize gives to ``stamps`` of ``rate`` Hz."""
    # In its own process: liblsl reads its configuration once.
    return apart(_through, stamps, rate)


def _through(stamps: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    _configure()
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("numbers", "numbers", 1, rate, pylsl.cf_int32, "numbers"))
    (found,) = pylsl.resolve_byprop("name", "numbers", timeout=_PATIENCE)
    flags = pylsl.proc_dejitter | pylsl.proc_monotonize
    inlet = pylsl.StreamInlet(found, processing_flags=flags, recover=False, as_numpy=True)
    inlet.open_stream(_PATIENCE)
    numbers = np.arange(len(stamps), dtype=np.int32)
    size = max(int(min(_CHUNK, _SECONDS * rate)), 1) if rate else 100
    times = []
    for first in range(0, len(stamps), size):
        part = slice(first, first + size)
        outlet.push_chunk(numbers[part, None], stamps[part].tolist())
        times.append(_pull(inlet, numbers[part]))
    inlet.close_stream()
    return np.concatenate(times)


def _configure() -> None:
    """Let liblsl see this run alone and speak of errors only; it reads this once, at its first call."""
    name = environment()["LSLAPICFG"]
    with Path(name).open("a") as file:
        file.write("[log]\nlevel = -2\n")
    os.environ["LSLAPICFG"] = name


def _pull(inlet: pylsl.StreamInlet, numbers: NDArray[np.int32]) -> NDArray[np.float64]:
    """Wait for the samples with ``numbers`` and return their times."""
    came: list[NDArray[np.int32]] = []
    times: list[NDArray[np.float64]] = []
    while sum(len(part) for part in came) < len(numbers):
        samples, stamps = inlet.pull_chunk(timeout=_PATIENCE, max_samples=len(numbers), min_samples=1)
        if not len(stamps):
            raise RuntimeError(f"sample {numbers[0]} and those after it did not come within {_PATIENCE:g} s")
        came.append(samples[:, 0].copy())
        times.append(stamps.copy())
    if not np.array_equal(np.concatenate(came), numbers):
        raise RuntimeError("samples were lost on loopback: the comparison would not be fair")
    return np.concatenate(times)
