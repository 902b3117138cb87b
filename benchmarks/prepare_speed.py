"""What it costs to prepare a full-size data set in DEAP's layout, to open the corpus and to draw batches from it.

    python -m benchmarks.prepare_speed [--people N] [--folder DIR]

Writes 32 files of 40 x 40 x 8064 float64 (3.3 GB of random numbers), prepares them from nothing by
`memhacl-train prepare deap` (36 rows, baseline from the rest; the hash of the content included), and then in the
plainest correct way: load with pickle, cut into seconds, subtract the mean rest second, stack in memory. The plain
loop checks nothing, writes nothing, and works on trials that somebody else has cut. Memory is the sum over all
processes of what each has to itself and its share of what they share (PSS), at its highest.
"""

import argparse
import os
import pickle
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.machine import apart, console
from benchmarks.programs import command
from memhacl.stream.sources.simulated.deap_files import write_pickle
from memhacl.train.corpus.store import load_corpus

TRIALS, CHANNELS, SAMPLES, RATE, REST = 40, 40, 8064, 128, 3
ROWS = [*range(32), 36, 37, 38, 39]  # EEG, GSR, respiration, plethysmograph, temperature
EVERY = 0.1  # s between looks at the memory
ROUNDS = 200


@dataclass(frozen=True)
class Cost:
    """Seconds and highest memory in GB."""

    seconds: float
    memory: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=32)
    parser.add_argument(
        "--folder", type=Path, help="where to write; 5 GB for 32 people (default: a temporary one)"
    )
    given = parser.parse_args(arguments)
    out = console()
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="memhacl-") as folder:
        data, run = Path(folder) / "data", Path(folder) / "run"
        began = time.perf_counter()
        write(data, given.people)
        out.print(f"{given.people} files, {_size(data):.1f} GB, written in {time.perf_counter() - began:.0f} s")
        ours = prepared(data, run)
        plain = apart(plainly, data)
        table = Table("what", "here", "plainest loop", "claim for 32 people")
        table.add_row("prepare, s", f"{ours.seconds:.0f}", f"{plain.seconds:.0f}", "180")
        table.add_row("highest memory, GB", f"{ours.memory:.2f}", f"{plain.memory:.2f}", "1.5")
        for what, figure, claim in reading(run / "corpus"):
            table.add_row(what, figure, "", claim)
        out.print(table)


def write(folder: Path, people: int) -> None:
    """Write ``people`` files of random numbers in DEAP's layout."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for person in range(1, people + 1):
        data = random.standard_normal((TRIALS, CHANNELS, SAMPLES), dtype=np.float32).astype(np.float64)
        with (folder / f"s{person:02d}.dat").open("wb") as file:
            write_pickle({"labels": random.uniform(1, 9, (TRIALS, 4)), "data": data}, file)


def prepared(data: Path, run: Path) -> Cost:
    """Prepare ``data`` by the command, in a process of its own."""
    began = time.perf_counter()
    program = subprocess.Popen(
        [command("memhacl-train"), "prepare", "deap", "--data", str(data), "--out", str(run)]
    )
    highest = 0.0
    while program.poll() is None:
        highest = max(highest, _memory(program.pid))
        time.sleep(EVERY)
    if program.returncode:
        raise SystemExit(program.returncode)
    return Cost(time.perf_counter() - began, highest)


def plainly(data: Path) -> Cost:
    """Load, cut, subtract and stack, as one writes it in a minute."""
    highest, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(EVERY):
            highest[0] = max(highest[0], _memory(os.getpid()))

    threading.Thread(target=watch, daemon=True).start()
    began = time.perf_counter()
    windows = []
    for path in sorted(data.glob("*.dat")):
        with path.open("rb") as file:
            trials = pickle.load(file, encoding="latin1")["data"][:, ROWS]
        for trial in trials:
            seconds = trial.reshape(len(ROWS), -1, RATE).swapaxes(0, 1)  # (seconds, channels, samples)
            windows.append((seconds[REST:] - seconds[:REST].mean(axis=0)).astype(np.float32))
    stacked = np.concatenate(windows)
    seconds_taken = time.perf_counter() - began
    done.set()
    assert stacked.shape[1:] == (len(ROWS), RATE)
    return Cost(seconds_taken, highest[0])


def reading(folder: Path) -> list[tuple[str, str, str]]:
    """Measure opening and random batches, warm: what, figure, claim."""
    opening = median(lambda: load_corpus(folder), 10)
    corpus = load_corpus(folder)
    random = np.random.default_rng(0)
    found = [("open the corpus, s", f"{opening:.3f}", "0.1")]
    warm = np.zeros(1, dtype=np.float32)
    for first in range(0, len(corpus.windows), 1024):
        warm += corpus.windows[first : first + 1024, 0, :1].sum()
    for size, claim in ((32, "0.3"), (2048, "30")):
        draws: list[NDArray[np.int64]] = [random.integers(0, len(corpus.windows), size) for _ in range(ROUNDS)]
        took = median(partial(_draw, corpus.windows, iter(draws)), ROUNDS)
        found.append((f"random batch of {size}, ms", f"{1e3 * took:.2f}", claim))
    return found


def median(function: Callable[[], object], rounds: int) -> float:
    """Return the median of how long ``function`` takes, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def _draw(windows: NDArray[np.float32], batches: Iterator[NDArray[np.int64]]) -> NDArray[np.float32]:
    return windows[next(batches)]


def _memory(process: int) -> float:
    """Memory in GB of a process and its children."""
    total = 0
    try:
        parent = psutil.Process(process)
        for one in (parent, *parent.children(recursive=True)):
            total += one.memory_full_info().pss
    except psutil.Error:  # one of them has just ended
        pass
    return total / 1e9


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e9


if __name__ == "__main__":
    main()
