"""How well streams with wrong clocks are aligned: by the path, by liblsl's dejitter, by nearest stamps.

    python -m benchmarks.alignment [--minutes N]

Every stream carries the time at which each of its samples was taken. So a window's values tell at which time
each modality was really sampled, and what they differ by at one slot is the error. Claim: under half a grid slot
over an hour, with clocks 100 ppm fast and slow, +-8 ms of jitter and 4 % of stamps up to 29 ms behind. Windows
marked invalid do not count. An irregular stream's jitter stays: where samples may come at any time, nothing tells
a wrong stamp from a right one.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.clocks import LOSS_EVERY, Record, Source, record
from benchmarks.liblsl import dejittered
from benchmarks.machine import console
from memhacl.stream.path.path import SignalPath
from memhacl.stream.path.window import Window
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import SignalSpec

MINUTES = 60
SETTLE = 5.0  # s after which errors count in the claim
RATE = 128.0
HALF_SLOT = 500 / RATE  # ms
TURN = 20.0  # s in which the signal, a time told as an angle, goes round
SIZE = 300.0  # of the signal, in its unit: EEG must not look dead
STEP = 0.02  # s between looks at what has arrived
UNITS = {"EEG": "uV", "GSR": "uS", "Resp": "a.u.", "Temp": "degC"}

REGULAR = (
    Source("EEG", 128, 100, 0.04), Source("GSR", 100, -100, 0.1), Source("Resp", 256, 60, 0.0625),
    Source("Temp", 4, -80, 0.25),
)  # fmt: skip
FAST = (Source("EEG", 1000, 100, 0.02), *REGULAR[1:])
LOSING = tuple(replace(source, lost=1.0) for source in REGULAR)
IRREGULAR = (*REGULAR[:3], Source("Temp", 0, -80, 0.25))
EXACT = (*REGULAR[:3], Source("Temp", 0, -80, 0.25, jitter=0.0, astray=0.0))
SCENARIOS = {
    "EEG 128, GSR 100, Resp 256, Temp 4 Hz": REGULAR,
    "EEG 1,000, GSR 100, Resp 256, Temp 4 Hz": FAST,
    f"as the first, each losing 1 s every {LOSS_EVERY / 60:g} min": LOSING,
    "as the first, Temp irregular at 5 Hz": IRREGULAR,
    "as the first, Temp irregular at 5 Hz with exact stamps": EXACT,
}

Found = dict[str, NDArray[np.float64]]  # by modality: the true times (slots,) in s that its values belong to


def spec(sources: Sequence[Source]) -> SignalSpec:
    """Two channels a modality, nothing done to them; slow streams may look 0.3 s ahead."""
    modalities = [
        {
            "modality": source.modality, "channels": ["cosine", "sine"], "unit": UNITS[source.modality],
            "baseline": "none", "look_ahead": 0.13 if source.rate >= RATE / 2 else 0.3,
        }
        for source in sources
    ]  # fmt: skip
    return SignalSpec.parse({"rate": RATE, "modalities": modalities}, "alignment")


def ours(records: Mapping[str, Record]) -> tuple[Found, NDArray[np.float64]]:
    """True times of the slots of the path's valid windows, and the slots' times as the path has them (slots,)."""
    windows = list(through_path(records))
    grid = np.concatenate([np.linspace(w.start, w.end, w.data.shape[1], endpoint=False) for w in windows])
    told_off = np.repeat([not w.valid for w in windows], windows[0].data.shape[1])
    values = np.concatenate([w.data for w in windows], axis=1).astype(np.float64)  # (2 * modalities, slots)
    values[:, told_off] = np.nan  # no model is given them
    found = {}
    for place, name in enumerate(records):
        cosine, sine = values[2 * place : 2 * place + 2]
        told = np.arctan2(sine, cosine) * TURN / (2 * np.pi)
        found[name] = told + TURN * np.round((grid - told) / TURN)
    return found, grid


def through_path(records: Mapping[str, Record]) -> Iterator[Window]:
    """Push what arrives, when it arrives."""
    path = SignalPath(spec([one.source for one in records.values()]), arrivals=True)
    for name, one in records.items():
        path.open(StreamFormat(name, name, ("cosine", "sine"), UNITS[name], one.source.rate))
    angles = {name: 2 * np.pi * one.true / TURN for name, one in records.items()}
    signals = {
        name: SIZE * np.stack([np.cos(x), np.sin(x)], axis=1).astype(np.float32) for name, x in angles.items()
    }
    looks = np.arange(0, max(one.arrived[-1] for one in records.values()) + STEP, STEP)
    places = {name: np.searchsorted(one.arrived, looks, side="right") for name, one in records.items()}
    for number, now in enumerate(looks.tolist()):
        for name, one in records.items():
            part = slice(places[name][number - 1] if number else 0, places[name][number])
            path.push(name, signals[name][part], one.stamps[part], now)
        yield from path.advance(now)


def by_liblsl(records: Mapping[str, Record], grid: NDArray[np.float64]) -> Found:
    """Straight lines between the samples, at the times that liblsl's dejitter gives them."""
    found = {}
    for name, one in records.items():
        times = dejittered(one.stamps, one.source.rate)
        found[name] = np.interp(grid, times, one.true, left=np.nan, right=np.nan)
    return found


def by_nearest(records: Mapping[str, Record], grid: NDArray[np.float64]) -> Found:
    """For each sample of the reference, as many a second as slots, the others' samples with the nearest stamps."""
    reference = next(iter(records.values()))
    numbers = np.rint(np.arange(len(grid)) * reference.source.rate / RATE).astype(int)
    numbers = numbers[numbers < len(reference.true)]
    found = {}
    for name, one in records.items():
        if one is reference:
            found[name] = one.true[numbers]
            continue
        order = np.argsort(one.stamps)
        stamps, true, wanted = one.stamps[order], one.true[order], reference.stamps[numbers]
        right = np.clip(np.searchsorted(stamps, wanted), 1, len(stamps) - 1)
        nearest = right - (wanted - stamps[right - 1] < stamps[right] - wanted)
        inside = (wanted >= stamps[0]) & (wanted <= stamps[-1])
        found[name] = np.where(inside, true[nearest], np.nan)
    return found


def figures(found: Found) -> Iterator[tuple[str, list[str]]]:
    """Errors in ms of each modality against the reference, and the largest between any two."""
    names = list(found)
    times = np.stack(list(found.values()))  # (modalities, slots)
    told = ~np.isnan(times).any(axis=0)
    times, invalid = times[:, told], 1 - told.mean()
    errors = {
        f"{name} - {names[0]}": np.abs(row - times[0]) for name, row in zip(names[1:], times[1:], strict=True)
    }
    errors["any two"] = np.ptp(times, axis=0)
    settled = times[0] > times[0, 0] + SETTLE
    for name, error in errors.items():
        error = 1e3 * error
        late = error[settled]
        numbers = (
            np.median(late),
            np.percentile(late, 99),
            late.max(),
            error.max(),
            100 * (late > HALF_SLOT).mean(),
        )
        yield name, [*(f"{number:.2f}" for number in numbers), f"{100 * invalid:.2f}"]


def table(title: str, sources: Sequence[Source], minutes: float) -> Table:
    """One scenario's errors, by each of the three ways."""
    records = {one.modality: record(one, 60 * minutes, seed) for seed, one in enumerate(sources)}
    mine, grid = ours(records)
    ways = {
        "memhacl": mine,
        "liblsl's dejitter": by_liblsl(records, grid),
        "nearest stamp": by_nearest(records, grid),
    }
    made = Table(title=f"{title}: alignment error in ms over {minutes:g} min (half a slot is {HALF_SLOT:.1f} ms)")
    after = f"after {SETTLE:g} s"
    columns = ("way", "between", f"median {after}", "99 %", "max", "max of all", "% over it", "% invalid")
    for name in columns:
        made.add_column(name)
    for way, found in ways.items():
        for between, numbers in figures(found):
            made.add_row(way, between, *numbers)
        made.add_section()
    return made


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="alignment", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of stream in each scenario")
    given = parser.parse_args(arguments)
    screen = console()
    for title, sources in SCENARIOS.items():
        screen.print(table(title, sources, given.minutes))


if __name__ == "__main__":
    main(sys.argv[1:])
