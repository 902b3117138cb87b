"""How many times faster than real time the signal path runs on one core, and, asked for, where its time goes.

    python -m benchmarks.path_speed [--seconds N] [--profile]

Claim: 36 channels at 1,000 Hz in, windows at 128 Hz every 0.125 s out, at 100 times real time and more. The
alternative is what one would write offline: the whole recording at once through scipy's resampling and filter.
"""

import argparse
import cProfile
import io
import pstats
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from scipy.signal import butter, resample_poly, sosfilt

from benchmarks.machine import apart, console
from memhacl.stream.path.path import SignalPath
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import SignalSpec

SECONDS = 300
CLAIM = 100  # times real time
REPEAT = 60  # s of signal that is played again and again
JITTER = 5e-4  # s, uniform, of every stamp
UNITS = {"EEG": "uV", "GSR": "uS", "Resp": "a.u.", "Temp": "degC"}
HEAD = (
    "Fp1 Fp2 AF3 AF4 F7 F8 F3 F4 FC5 FC6 FC1 FC2 T7 T8 C3 C4 CP5 CP6 CP1 CP2 P7 P8 P3 P4 PO3 PO4 O1 O2 Fz Cz "
    "Pz Oz F1 F2 P1 P2"
).split()


@dataclass(frozen=True)
class Case:
    """So many EEG channels and ``others``, all at ``rate`` Hz, delivered every ``chunk`` seconds."""

    title: str
    eeg: int
    others: tuple[str, ...]
    rate: float
    chunk: float

    @property
    def channels(self) -> dict[str, list[str]]:
        """Labels of each modality's channels."""
        return {"EEG": HEAD[: self.eeg], **{name: [name] for name in self.others}}

    @property
    def spec(self) -> SignalSpec:
        """Windows of 1 s every 0.125 s at 128 Hz; EEG filtered and rereferenced; rolling baseline."""
        modalities: list[dict[str, object]] = [
            {"modality": name, "channels": labels, "unit": UNITS[name]} for name, labels in self.channels.items()
        ]
        modalities[0]["conditioning"] = {"band": [4, 45], "reference": "average"}
        return SignalSpec.parse({"rate": 128, "hop": 0.125, "modalities": modalities}, self.title)

    def signal(self) -> dict[str, NDArray[np.float32]]:
        """`REPEAT` seconds of noise, (samples, channels), of each modality."""
        rng, rows = np.random.default_rng(0), int(REPEAT * self.rate)
        return {
            name: (20 + 5 * rng.normal(size=(rows, len(labels)))).astype(np.float32)
            for name, labels in self.channels.items()
        }

    def chunks(self, seconds: float) -> list[tuple[int, int]]:
        """Bounds of the chunks of samples, as they are delivered."""
        ends = np.rint(np.arange(0, seconds + self.chunk / 2, self.chunk) * self.rate).astype(int)
        return [(first, last) for first, last in pairwise(ends.tolist()) if first < last]


MONTAGE = ("GSR", "Resp", "Temp")
CASES = (
    Case("36 EEG channels at 1,000 Hz", 36, (), 1000, 0.01),
    Case("36 EEG channels at 1,000 Hz", 36, (), 1000, 0.1),
    Case("35 rows, 4 streams at 128 Hz", 32, MONTAGE, 128, 0.01),
    Case("35 rows, 4 streams at 128 Hz", 32, MONTAGE, 128, 0.1),
)


def through_path(case: Case, seconds: float) -> tuple[float, int, int]:
    """CPU seconds that the path takes for ``seconds`` of stream, how many windows came out, how many valid."""
    path, signal = SignalPath(case.spec, arrivals=True), case.signal()
    for name, labels in case.channels.items():
        path.open(StreamFormat(f"bench-{name}", name, tuple(labels), UNITS[name], case.rate))
    total = int(seconds * case.rate)
    stamps = np.arange(total) / case.rate + np.random.default_rng(1).uniform(-JITTER, JITTER, total)
    bounds, period = case.chunks(seconds), len(signal["EEG"])
    endless = {name: np.concatenate([data, data[:period]]) for name, data in signal.items()}
    windows = valid = 0
    started = time.process_time()
    for first, last in bounds:
        now, place = last / case.rate, first % period
        for name, data in endless.items():
            path.push(name, data[place : place + last - first], stamps[first:last], now)
        found = path.advance(now)
        windows += len(found)
        valid += sum(window.valid for window in found)
    return time.process_time() - started, windows, valid


def offline(case: Case, seconds: float) -> tuple[float, int, int]:
    """The same for the plain loop that has the whole recording; it takes stamps to be exact and nothing lost."""
    spec, signal = case.spec, case.signal()
    whole = {
        name: np.concatenate([data] * int(np.ceil(seconds / REPEAT)))[: int(seconds * case.rate)].astype(
            np.float64
        )
        for name, data in signal.items()
    }
    started = time.process_time()
    common = np.gcd(int(case.rate), int(spec.rate))
    up, down = int(spec.rate) // common, int(case.rate) // common
    rows = {name: resample_poly(x, up, down, axis=0) if up != down else x for name, x in whole.items()}
    eeg = rows["EEG"] - rows["EEG"].mean(axis=1, keepdims=True)
    rows["EEG"] = sosfilt(butter(4, (4, 45), "bandpass", fs=spec.rate, output="sos"), eeg, axis=0)
    grid = np.concatenate(list(rows.values()), axis=1)  # (slots, channels)
    windows = []
    for first in range(spec.baseline_samples, len(grid) - spec.window_samples + 1, spec.hop_samples):
        baseline = grid[first - spec.baseline_samples : first].mean(axis=0)
        windows.append((grid[first : first + spec.window_samples] - baseline).T.astype(np.float32))
    return time.process_time() - started, len(windows), len(windows)


def profile(case: Case, seconds: float) -> str:
    """The functions in which the path spends its time, as text."""
    profiler, text = cProfile.Profile(), io.StringIO()
    profiler.runcall(through_path, case, seconds)
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(25)
    return text.getvalue()


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="path_speed", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of stream")
    parser.add_argument("--profile", action="store_true", help="list the functions that take the time instead")
    given = parser.parse_args(arguments)
    screen = console()
    if given.profile:
        for case in CASES:
            screen.rule(f"{case.title}, every {1e3 * case.chunk:g} ms", align="left")
            screen.print(apart(profile, case, given.seconds), markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(title=f"the signal path on one core: {given.seconds:g} s of stream")
    for name in ("stream", "delivered", "windows (valid)", "times real time"):
        table.add_column(name)
    for case in CASES:
        spent, windows, valid = apart(through_path, case, given.seconds)
        claim = f" (claim {CLAIM})" if case.rate > case.spec.rate else ""
        speed = f"{given.seconds / spent:.0f}{claim}"
        table.add_row(case.title, f"every {1e3 * case.chunk:g} ms", f"{windows} ({valid})", speed)
    for case in CASES[1::2]:
        spent, windows, _ = apart(offline, case, given.seconds)
        speed = f"{given.seconds / spent:.0f} (alternative: plain offline loop)"
        table.add_row(case.title, "whole, at once", str(windows), speed)
    screen.print(table)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
