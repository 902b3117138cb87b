"""A writer of BioSemi BDF files: any channels, each at its own rate, and any of the header's quirks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

LOWEST, HIGHEST = -(2**23), 2**23 - 1


@dataclass(frozen=True)
class Track:
    """A channel to write: ``digital`` values (samples,) of 24 bits, signed, or unsigned for a status."""

    label: str
    digital: np.ndarray
    unit: str = "uV"
    physical: tuple[float, float] = (-262144, 262143)
    digital_range: tuple[float, float] = (LOWEST, HIGHEST)


def track(
    label: str, values: np.ndarray, unit: str = "uV", physical: tuple[float, float] = (-262144, 262143)
) -> Track:
    """Make a channel of physical ``values`` (samples,), as near as 24 bits come to them."""
    low, high = physical
    digital = np.round((values - low) / (high - low) * (HIGHEST - LOWEST)) + LOWEST
    assert LOWEST <= digital.min() <= digital.max() <= HIGHEST, label
    return Track(label, digital.astype(np.int32), unit, physical)


def write(
    path: Path,
    tracks: Sequence[Track],
    records: int,
    seconds: float | str = 1.0,
    stated: int | None = None,
    replaced: Mapping[int, bytes] | None = None,
    reserved: str = "24BIT",
) -> Path:
    """Write ``tracks`` in ``records`` of ``seconds``; the header says ``stated`` records (None: the truth).

    ``replaced`` puts bytes into the header at the places that are its keys.
    """
    count = len(tracks)
    length = 256 * (count + 1)
    fields = [
        (b"\xffBIOSEMI", 8), ("subject", 80), ("recording", 80), ("01.02.09", 8), ("10.11.12", 8), (length, 8),
        (reserved, 44), (records if stated is None else stated, 8), (f"{seconds}", 8), (count, 4),
        *((one.label, 16) for one in tracks),
        *(("Active Electrode", 80) for one in tracks),
        *((one.unit, 8) for one in tracks),
        *((f"{one.physical[0]:.8g}", 8) for one in tracks),
        *((f"{one.physical[1]:.8g}", 8) for one in tracks),
        *((f"{one.digital_range[0]:.8g}", 8) for one in tracks),
        *((f"{one.digital_range[1]:.8g}", 8) for one in tracks),
        *(("HP: DC; LP: 113 Hz", 80) for one in tracks),
        *((len(one.digital) // records, 8) for one in tracks),
        *(("", 32) for one in tracks),
    ]  # fmt: skip
    header = bytearray()
    for text, width in fields:
        field = text if isinstance(text, bytes) else f"{text}".encode("ascii")
        assert len(field) <= width, text
        header += field.ljust(width)
    for place, content in (replaced or {}).items():
        header[place : place + len(content)] = content
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header)
        for record in range(records):
            for one in tracks:
                samples = len(one.digital) // records
                part = one.digital[record * samples : (record + 1) * samples].astype("<i4")
                file.write(part.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    return path


def words(samples: int, codes: Mapping[int, int], above: int = 0, hold: int | None = None) -> np.ndarray:
    """Make status words (samples,) in which each of ``codes`` begins at the sample that is its key.

    A code lasts ``hold`` samples (None: to the next one); ``above`` are the bits over it, set throughout.
    """
    made = np.zeros(samples, dtype=np.int64)
    places = sorted(codes)
    for place, following in zip(places, [*places[1:], samples], strict=True):
        made[place : following if hold is None else min(place + hold, following)] = codes[place]
    return made | above


WriteBdf = Callable[..., Path]


@pytest.fixture(scope="session")
def write_bdf() -> WriteBdf:
    return write
