"""A writer of Stress-Predict's files: a wristband's CSV exports and the table of labels, in the real layout."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

WriteStressPredict = Callable[..., Path]

EPOCH = 1644227574  # s since 1970, of the first person's start
HEADER = "Participant,HR,respr,Time(sec),Label"
RUNS = (613, 376, 272, 655, 302, 130, 1209)  # s of the seven runs of person S02


def write(
    folder: Path,
    people: Iterable[int] = (1, 2, 3),
    runs: Sequence[int] = RUNS,
    unlabelled: Iterable[int] = (1,),
    newline: str = "\n",
) -> Path:
    """Write Raw_data/S<kk> for ``people`` and the labels of all but ``unlabelled``: ``runs`` s each, from 9 s on.

    As in the real files, conductance begins with a 0 and ends half a second before the last label's second.
    """
    random = np.random.default_rng(0)
    rows = [HEADER]
    for person in people:
        start, seconds = EPOCH + person * 4000, 9 + sum(runs)
        name = f"S{person:02d}"
        place = folder / "Raw_data" / name
        place.mkdir(parents=True, exist_ok=True)
        eda = 1 + 0.1 * random.standard_normal(seconds * 4 - 2).cumsum() ** 2 / seconds
        eda[0] = 0
        write_e4(place / "EDA.csv", start, 4, eda, "%.6f", newline)
        write_e4(place / "TEMP.csv", start, 4, random.normal(34, 0.05, seconds * 4), "%.2f", newline)
        write_e4(place / "HR.csv", start + 10, 1, random.normal(80, 5, seconds - 10), "%.2f", newline)
        (place / f"tags_{name}.csv").write_text("".join(f"{start + 9 + end}\n" for end in np.cumsum(runs)[:-1]))
        if person not in unlabelled:
            labels = np.repeat(np.arange(len(runs)) % 2, runs)
            for second, label in enumerate(labels):
                breath = "" if second % 80 == 5 else "12.1276927"  # some are not known
                rows.append(f"{person},{80 + second % 7},{breath},{start + 9 + second},{label}")
    (folder / "Processed_data").mkdir(exist_ok=True)
    table = folder / "Processed_data" / "Improved_All_Combined_hr_rsp_binary.csv"
    table.write_bytes("".join(f"{row}\r\n" for row in rows).encode())
    return folder


def write_e4(path: Path, start: float, rate: float, samples: np.ndarray, form: str, newline: str = "\n") -> None:
    """Write a file as the wristband's export does: start, rate, samples (samples,), a line each."""
    lines = [f"{start:.6f}", f"{rate:.6f}", *(form % sample for sample in samples)]
    path.write_bytes("".join(line + newline for line in lines).encode())


@pytest.fixture(scope="session")
def write_stress_predict() -> WriteStressPredict:
    return write
