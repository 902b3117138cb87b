"""Quality on real recordings: the known bad parts are flagged, the rest is left alone.

They are in the folder that MEMHACL_REAL_DATA names. benchmarks/quality.py prints the same, in full.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from memhacl.stream.path.quality import POOR, assess

ROOT = Path(__file__).parents[3]
REAL = Path(os.environ.get("MEMHACL_REAL_DATA", ROOT.parent / "shared" / "data"))
BAND = REAL / "stress_predict" / "Raw_data"
RATE = 4  # Hz, of the wristband

pytestmark = pytest.mark.skipif(
    not all((REAL / name).is_dir() for name in ("stress_predict", "neurokit", "kalunga_ssvep")),
    reason=f"no real recordings: MEMHACL_REAL_DATA ({REAL}) lacks stress_predict, neurokit or kalunga_ssvep",
)


def windows(samples: np.ndarray, rate: int) -> Iterator[np.ndarray]:
    for first in range(0, len(samples) - rate + 1, rate):
        yield samples[first : first + rate]


def poor(modality: str, samples: np.ndarray, rate: int, unit: str) -> np.ndarray:
    found = [assess(modality, window, rate, 1.0, 0.0, unit) for window in windows(samples, rate)]
    return np.array([quality["score"] < POOR for quality in found])


def wristband(person: str, name: str) -> np.ndarray:
    return np.loadtxt(BAND / person / f"{name}.csv", skiprows=2)[:, None]


@pytest.mark.parametrize("person", ["S17", "S22", "S23", "S25", "S28"])
def test_lost_contact_is_flagged_and_the_rest_is_not(person: str) -> None:
    samples = wristband(person, "EDA")
    bad = np.array([(window <= 0.05).any() for window in windows(samples, RATE)])
    assert 0.01 < bad.mean() < 0.07
    flagged = poor("GSR", samples, RATE, "uS")
    assert flagged[bad].all()
    assert flagged[~bad].mean() < 1e-3


@pytest.mark.parametrize("person", ["S02", "S10", "S12", "S18", "S33"])
def test_good_people_are_left_alone(person: str) -> None:
    """Among them the steepest conductance of all, and skin below 30 degC."""
    assert poor("GSR", wristband(person, "EDA")[RATE:], RATE, "uS").mean() < 0.01  # the first sample is always 0
    assert not poor("Temp", wristband(person, "TEMP"), RATE, "degC").any()


def test_a_wristband_taken_off_is_flagged() -> None:
    cold = poor("Temp", wristband("S28", "TEMP"), RATE, "degC")
    assert cold[-60:].mean() > 0.9
    assert not cold[:3000].any()


@pytest.mark.parametrize(
    ("column", "modality", "unit"), [("ECG", "ECG", "mV"), ("EDA", "GSR", "uS"), ("RSP", "Resp", "V")]
)
def test_a_laboratorys_signals_are_left_alone(column: str, modality: str, unit: str) -> None:
    path = REAL / "neurokit" / "bio_resting_8min_100hz.csv"
    samples = np.genfromtxt(path, delimiter=",", names=True)[column][:, None]
    assert not poor(modality, samples, 100, unit).any()


def test_eeg_of_twelve_people_is_left_alone() -> None:
    trials = np.load(REAL / "kalunga_ssvep" / "kalunga_epochs_128hz.npz")["x"][::4].astype(np.float64)
    assert not any(
        poor("EEG", trial.T, 128, "arbitrary").any() for trial in trials
    )  # a trial is (channels, samples)
