"""How wrong the time of samples is after a dropout of one second: by our dejitter, and by liblsl's.

    python -m benchmarks.dropout [--trials N]

Claim: under 1 ms within a second. The loss is of samples only: both clocks run on.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.liblsl import dejittered
from benchmarks.machine import console
from memhacl.stream.path.dejitter import Dejitter

RATE = 128.0
BEFORE, LOST, AFTER = 60.0, 1.0, 15.0  # s
CHUNK = 5  # samples
JITTERS = (4e-3, 5e-4)  # s, uniform, either way
SINCE = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 13.0)  # s after the first sample behind the gap
SPAN = 0.125  # s from there on in which the largest error counts
TRIALS = 20

Steadier = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def ours(stamps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steady times (samples,) of ``stamps``."""
    clock = Dejitter(RATE)
    chunks = np.split(stamps, range(CHUNK, len(stamps), CHUNK))
    pieces = [piece for chunk in chunks for piece in clock.push(chunk)] + clock.flush()
    return np.concatenate([piece.times for piece in pieces])


WAYS: dict[str, Steadier] = {
    "memhacl": ours,
    "liblsl": lambda stamps: dejittered(stamps, RATE),
    "raw stamps": lambda stamps: stamps,
}


def errors(steady: Steadier, jitter: float, trial: int) -> NDArray[np.float64]:
    """The error of largest size, in ms and signed, just after each of `SINCE` (times,)."""
    first = int(BEFORE * RATE)
    true = np.append(np.arange(first) / RATE, BEFORE + LOST + np.arange(int(AFTER * RATE)) / RATE)
    rng = np.random.default_rng(trial)
    behind = 1e3 * (steady(true + rng.uniform(-jitter, jitter, len(true))) - true)[first:]
    parts = [behind[int(since * RATE) : int((since + SPAN) * RATE)] for since in SINCE]
    return np.array([part[np.abs(part).argmax()] for part in parts])


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="dropout", description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=TRIALS, help="dropouts of each kind, other jitter in each")
    given = parser.parse_args(arguments)
    title = (
        f"time error in ms after {BEFORE:g} s at {RATE:g} Hz and a dropout of {LOST:g} s: worst of {given.trials}"
    )
    table = Table(title=title)
    for name in ("way", "jitter", *(f"{since:g} s" for since in SINCE)):
        table.add_column(name)
    for way, steady in WAYS.items():
        for jitter in JITTERS:
            found = np.array([errors(steady, jitter, trial) for trial in range(given.trials)])
            worst = found[np.abs(found).argmax(axis=0), np.arange(len(SINCE))]
            table.add_row(
                way, f"+-{1e3 * jitter:g}", *(f"{error:+.{0 if abs(error) > 100 else 2}f}" for error in worst)
            )
        table.add_section()
    console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
