"""The CSV files that an Empatica E4 wristband exports: a start, a rate, then the samples."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError

_FASTEST: Final = 1000.0  # Hz; the device's fastest signal has 64


@dataclass(frozen=True)
class Track:
    """One signal: ``samples`` (samples, 1), the first at ``start`` (s since 1970, UTC), at ``rate`` (Hz)."""

    samples: NDArray[np.float32]
    start: float
    rate: float


def read_text(path: Path) -> str:
    """Return a text file's content.

    Raises
    ------
    DataError
        It cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a CSV file, found bytes that are no text; copy it again") from None


def read_column(path: Path) -> Track:
    """Read a file of one signal: the first line is its start, the second its rate, then a sample a line.

    Raises
    ------
    DataError
        It cannot be read, or is no such file.
    """
    lines = read_text(path).split("\n")
    numbers = np.array([_number(path, index, line) for index, line in enumerate(lines) if line.strip()])
    if len(numbers) < 3:
        raise DataError(
            f"{path}: expected a start, a rate and samples, a line each, found {len(numbers)} lines; "
            "export it again from the device's session, or leave this person out"
        )
    start, rate = float(numbers[0]), float(numbers[1])
    if not (np.isfinite(start) and 0 < rate <= _FASTEST):
        raise DataError(
            f"{path}: expected a start in seconds since 1970 and a rate in Hz, found {start:g} and {rate:g}"
        )
    return Track(np.ascontiguousarray(numbers[2:, None], dtype=np.float32), start, rate)


def _number(path: Path, index: int, line: str) -> float:
    try:
        return float(line)
    except ValueError:
        raise DataError(f"{path}: line {index + 1}: expected one number, found {line.strip()!r:.60}") from None
