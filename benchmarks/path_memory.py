"""Whether the signal path's memory stays flat over a day of stream, on an injected clock.

    python -m benchmarks.path_memory [--hours N]

The streams drift, jitter, lose a second every five minutes, and stop for half a minute every hour. The slopes are
least squares over the second half. The alternative, keeping the recording as one would offline, is computed.
"""

import argparse
import gc
import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psutil
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.clocks import Source, record
from benchmarks.machine import apart, console
from memhacl.stream.path.path import SignalPath
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import SignalSpec

HOURS = 2.0
TRACED = 2.0  # hours at most in which allocations are counted: that takes five times as long
BLOCK = 300.0  # s of stream that are made at a time
PAUSE_EVERY, PAUSE = 3600.0, 30.0  # s
STEP = 0.25  # s between deliveries
CHANNELS = {
    "EEG": ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4"),
    "GSR": ("GSR",),
    "Resp": ("Resp",),
    "Temp": ("Temp",),
}
UNITS = {"EEG": "uV", "GSR": "uS", "Resp": "a.u.", "Temp": "degC"}
SOURCES = (
    Source("EEG", 256, 100, STEP, lost=1.0), Source("GSR", 32, -100, STEP, lost=1.0),
    Source("Resp", 100, 60, STEP, lost=1.0), Source("Temp", 0, -80, STEP, lost=1.0),
)  # fmt: skip


@dataclass(frozen=True)
class Trace:
    """Memory in MB at ``hours`` of stream (looks,), and how many windows came and were valid until the end."""

    hours: NDArray[np.float64]
    memory: NDArray[np.float64]
    windows: int
    valid: int

    @property
    def slope(self) -> float:
        """MB an hour by least squares over the second half."""
        half = len(self.hours) // 2
        return float(np.polyfit(self.hours[half:], self.memory[half:], 1)[0])


@dataclass(frozen=True)
class Feed:
    """Samples (n, channels) of one modality, their stamps (n,) and times of arrival (n,) in s."""

    modality: str
    samples: NDArray[np.float32]
    stamps: NDArray[np.float64]
    arrived: NDArray[np.float64]


def spec() -> SignalSpec:
    """Four modalities at 128 Hz; a window every second; filter, running standardisation and rolling baseline."""
    modalities: list[dict[str, object]] = [
        {"modality": name, "channels": list(labels), "unit": UNITS[name]} for name, labels in CHANNELS.items()
    ]
    modalities[0]["conditioning"] = {"band": [4, 45], "reference": "average"}
    modalities[1] |= {"adapt": "running", "baseline": "none"}
    return SignalSpec.parse({"rate": 128, "modalities": modalities}, "memory")


def run(hours: float, traced: bool) -> Trace:
    """Push ``hours`` of stream and look after each block at the process's memory, or at what Python allocated."""
    path = SignalPath(spec(), arrivals=True)
    for source, m in zip(SOURCES, path.spec.modalities, strict=True):
        path.open(StreamFormat(f"memory-{m.modality}", m.modality, m.channels, m.unit, source.rate))
    if traced:
        tracemalloc.start()
    process, memory, windows, valid = psutil.Process(), [], 0, 0
    for number in range(round(3600 * hours / BLOCK)):
        made, right = block(path, number)
        windows, valid = windows + made, valid + right
        gc.collect()
        memory.append(1e-6 * (tracemalloc.get_traced_memory()[0] if traced else process.memory_info().rss))
    return Trace(np.arange(1, len(memory) + 1) * BLOCK / 3600, np.array(memory), windows, valid)


def block(path: SignalPath, number: int) -> tuple[int, int]:
    """Push the next `BLOCK` seconds; return how many windows came, and how many valid ones."""
    start = number * BLOCK
    feeds = [feed(source, start, 100 * number + place) for place, source in enumerate(SOURCES)]
    done = dict.fromkeys(CHANNELS, 0)
    windows: list[bool] = []
    for now in np.arange(start + STEP, start + BLOCK + STEP / 2, STEP).tolist():
        for one in feeds:
            first, last = done[one.modality], int(np.searchsorted(one.arrived, now))
            path.push(one.modality, one.samples[first:last], one.stamps[first:last], now)
            done[one.modality] = last
        windows += [window.valid for window in path.advance(now)]
    return len(windows), sum(windows)


def feed(source: Source, start: float, seed: int) -> Feed:
    """The block of ``source`` from ``start`` (s)."""
    one = record(source, BLOCK, seed)
    kept = (one.true + start) % PAUSE_EVERY >= PAUSE
    noise = np.random.default_rng(seed).normal(20, 5, (int(kept.sum()), len(CHANNELS[source.modality])))
    return Feed(source.modality, noise.astype(np.float32), one.stamps[kept] + start, one.arrived[kept] + start)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="path_memory", description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=HOURS, help="of stream, at least half an hour")
    given = parser.parse_args(arguments)
    screen = console()
    table = Table(title="memory of the signal path, MB")
    for name in ("", "hours of stream", "at half time", "at the end", "slope over the second half, MB/h"):
        table.add_column(name)
    whole = apart(run, given.hours, traced=False)
    part = apart(run, min(given.hours, TRACED), traced=True)
    for name, trace in (("resident memory of the process", whole), ("allocated by Python", part)):
        at = (trace.memory[len(trace.memory) // 2], trace.memory[-1])
        table.add_row(name, f"{trace.hours[-1]:g}", *(f"{value:.2f}" for value in at), f"{trace.slope:+.3f}")
    hourly = sum(source.rate * len(CHANNELS[source.modality]) for source in SOURCES) * 4 * 3600 / 1e6
    table.add_row("alternative: the recording kept (computed)", "", "", "", f"{hourly:+.3f}")
    screen.print(table)
    screen.print(f"{whole.windows} windows, {whole.valid} of them valid")


if __name__ == "__main__":
    main(sys.argv[1:])
