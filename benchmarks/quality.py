"""Print how often the quality score flags real recordings: their known bad parts, and the good rest.

    python -m benchmarks.quality

A flag is a score below `memhacl.stream.path.quality.POOR`. The recordings lie in the folder that
MEMHACL_REAL_DATA names. One-second windows of the streams' own samples, as the signal path assesses them.
"""

import os
import timeit
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.quality import POOR, assess, bad_channels
from memhacl.stream.path.thresholds import LIMITS

REAL = Path(os.environ.get("MEMHACL_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
KNOWN_BAD = ("S17", "S22", "S23", "S25", "S28")  # EDA at or below the floor for 2-4 % of the session
FLOOR = LIMITS["GSR"].low  # uS
NEUROKIT = (
    ("bio_resting_8min_100hz", "ECG", "ECG", "mV"),
    ("bio_resting_8min_100hz", "RSP", "Resp", "arbitrary"),
    ("bio_resting_8min_100hz", "EDA", "GSR", "uS"),
    ("bio_resting_5min_100hz", "ECG", "ECG", "mV"),
    ("bio_resting_5min_100hz", "PPG", "BVP", "arbitrary"),
    ("bio_resting_5min_100hz", "RSP", "Resp", "arbitrary"),
    ("bio_eventrelated_100hz", "ECG", "ECG", "mV"),
    ("bio_eventrelated_100hz", "EDA", "GSR", "uS"),
    ("bio_eventrelated_100hz", "RSP", "Resp", "arbitrary"),
)

Samples = NDArray[np.float64]


def main() -> None:
    """Print skin conductance, skin temperature, the other signals, planted faults, and the speed."""
    if not (REAL / "stress_predict").is_dir():
        print(f"no real recordings: MEMHACL_REAL_DATA ({REAL}) has no stress_predict")
    else:
        conductance()
        temperature()
        others()
        planted()
    speed()


def windows(samples: Samples, rate: float) -> Iterator[Samples]:
    """Yield the whole seconds of ``samples`` (n, channels)."""
    for second in range(int(len(samples) / rate)):
        yield samples[round(second * rate) : round((second + 1) * rate)]


def scores(modality: str, samples: Samples, rate: float, unit: str) -> Samples:
    """Score of each whole second of ``samples`` (n, channels)."""
    found = (assess(modality, window, rate, 1.0, 0.0, unit) for window in windows(samples, rate))
    return np.array([quality["score"] for quality in found])


def wristband(person: Path, name: str) -> tuple[Samples, float]:
    """Samples (n, 1) and rate of one signal of ``person``, whose file states the rate in its second line."""
    table = np.loadtxt(person / f"{name}.csv")
    return table[2:, None], float(table[1])


def conductance() -> None:
    """Print the share of seconds flagged, per person with known bad parts and over all others."""
    print(f"skin conductance, wristband, 4 Hz: share of 1-s windows with a score below {POOR:g}")
    print(f"person   all at or below {FLOOR:g} uS   some of them       none (good)")
    rest: list[tuple[Samples, Samples]] = []
    for person in sorted((REAL / "stress_predict" / "Raw_data").iterdir()):
        samples, rate = wristband(person, "EDA")
        poor = scores("GSR", samples, rate, "uS") < POOR
        low = np.array([(window <= FLOOR).mean() for window in windows(samples, rate)])
        if person.name in KNOWN_BAD:
            print(f"{person.name:<8}" + _thirds(poor, low))
        else:
            rest.append((poor, low))
    print(f"{len(rest)} more " + _thirds(*(np.concatenate(part) for part in zip(*rest, strict=True))))


def _thirds(poor: Samples, low: Samples) -> str:
    parts = (low == 1, (low > 0) & (low < 1), low == 0)
    return "".join(f"{_share(poor[part]):>12} of {part.sum():6d}" for part in parts)


def _share(poor: Samples) -> str:
    return f"{100 * poor.mean():.2f} %" if len(poor) else "-"


def temperature() -> None:
    """Print the share of seconds flagged over all people, the people concerned, and what 30 degC would flag."""
    flagged, below, total, named = 0, 0, 0, []
    for person in sorted((REAL / "stress_predict" / "Raw_data").iterdir()):
        samples, rate = wristband(person, "TEMP")
        poor = int((scores("Temp", samples, rate, "degC") < POOR).sum())
        if poor:
            named.append(f"{person.name} {poor} s")
        flagged, total = flagged + poor, total + int(len(samples) / rate)
        below += sum(bool((window < 30).any()) for window in windows(samples, rate))
    print(f"skin temperature, the same: {100 * flagged / total:.2f} % of {total} s flagged ({', '.join(named)})")
    print(f"    below 30 degC, a published limit, are {100 * below / total:.1f} %")


def others() -> None:
    """Print the share of seconds flagged in recordings without known faults."""
    print("no known faults: share of 1-s windows flagged, lowest score")
    for name, column, modality, unit in NEUROKIT:
        table = np.genfromtxt(REAL / "neurokit" / f"{name}.csv", delimiter=",", names=True)
        _print(f"{modality}, {name}", scores(modality, table[column][:, None], 100.0, unit))
    physio = np.load(REAL / "bioread_physio" / "physio_derived.npz")
    for number, modality, unit in ((1, "ECG", "mV"), (2, "Resp", "V"), (3, "GSR", "uS")):
        rate = float(physio[f"ch{number}_fs"])
        samples = physio[f"ch{number}"][:, None].astype(np.float64)
        _print(f"{modality}, bioread, {rate:g} Hz", scores(modality, samples, rate, unit))
    trials = np.load(REAL / "kalunga_ssvep" / "kalunga_epochs_128hz.npz")["x"].astype(np.float64)
    found = [scores("EEG", trial.T, 128.0, "arbitrary") for trial in trials]  # a trial is (channels, samples)
    _print("EEG, kalunga, 12 people, filtered", np.concatenate(found))


def planted() -> None:
    """Print the share of seconds flagged once a fault is planted into every second of a real recording."""
    table = np.genfromtxt(REAL / "neurokit" / f"{NEUROKIT[0][0]}.csv", delimiter=",", names=True)
    ecg, breath, skin = (table[name][:, None] for name in ("ECG", "RSP", "EDA"))
    trial = np.load(REAL / "kalunga_ssvep" / "kalunga_epochs_128hz.npz")["x"][:200].astype(np.float64)
    eeg = trial.transpose(0, 2, 1).reshape(-1, 8)  # (trials * samples, channels)
    hum = np.sin(2 * np.pi * 50 * np.arange(len(eeg)) / 128)[:, None]
    jump = 3.0 * (np.arange(len(skin)) % 100 >= 50)[:, None]  # uS, in each second's middle
    half = np.where(np.arange(8) < 4, 0.0, eeg)
    print("planted into every second: share of 1-s windows flagged, median score")
    for name, modality, samples, rate, unit in (
        ("ECG, electrode off (constant)", "ECG", 0 * ecg, 100.0, "mV"),
        ("ECG, clipped at its median", "ECG", ecg.clip(None, np.median(ecg)), 100.0, "mV"),
        ("EEG, clipped at 0.5 deviations", "EEG", eeg.clip(-eeg.std() / 2, eeg.std() / 2), 128.0, "arbitrary"),
        ("EEG, half the channels flat", "EEG", half, 128.0, "arbitrary"),
        ("EEG, hum of 1 deviation's amplitude", "EEG", eeg + eeg.std() * hum, 128.0, "arbitrary"),
        ("EEG, hum of 3 deviations' amplitude", "EEG", eeg + 3 * eeg.std() * hum, 128.0, "arbitrary"),
        ("Resp, belt unplugged (constant)", "Resp", 0 * breath, 100.0, "arbitrary"),
        ("GSR, a jump of 3 uS", "GSR", skin + jump, 100.0, "uS"),
    ):
        found = scores(modality, samples, rate, unit)
        print(f"    {name:<36} {100 * (found < POOR).mean():6.2f} % of {len(found):5d}   {np.median(found):.3f}")


def _print(name: str, found: Samples) -> None:
    print(f"    {name:<36} {100 * (found < POOR).mean():6.2f} % of {len(found):5d}   {found.min():.3f}")


def speed() -> None:
    """Print the time that a window and a look for dead channels take: 36 channels, 1,000 samples."""
    window = np.random.default_rng(0).normal(0, 20, (1000, 36))
    holed = window.copy()
    holed[::100, 3] = np.nan
    for name, call in (
        ("assess", lambda: assess("EEG", window, 1000.0, 1.0, 0.0, "uV")),
        ("assess, some values missing", lambda: assess("EEG", holed, 1000.0, 1.0, 0.0, "uV")),
        ("bad_channels", lambda: bad_channels("EEG", window, "uV")),
    ):
        best = min(timeit.repeat(call, number=100, repeat=5)) / 100
        print(f"{name}, 36 channels x 1,000 samples: {1e3 * best:.2f} ms")


if __name__ == "__main__":
    main()
