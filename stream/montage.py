"""Idealised 10-10 electrode positions on the unit sphere (x right, y front, z up), computed from angles."""

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError

STEP = np.pi / 10  # a tenth of the arc from nasion over the vertex to inion
RING = 4 * STEP  # the ring through Fpz, T7, Oz and T8 lies 10 % above the ears
RIM = 5 * STEP  # the lower ring through Nz, T9, Iz and T10

# Midline label and its signed angle from the vertex in steps (front positive), per row.
MIDLINE = {
    "Nz": 5,
    "Fpz": 4,
    "AFz": 3,
    "Fz": 2,
    "FCz": 1,
    "Cz": 0,
    "CPz": -1,
    "Pz": -2,
    "POz": -3,
    "Oz": -4,
    "Iz": -5,
}
# Steps of azimuth from the front at which a row meets the ring, and the prefix it has there.
ROWS = {"Fp": 1, "AF": 2, "F": 3, "FC": 4, "C": 5, "CP": 6, "P": 7, "PO": 8, "O": 9}
AT_RING = {"FC": "FT", "C": "T", "CP": "TP"}
ALIASES = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}


def known(label: str) -> bool:
    """Tell whether ``label`` is an electrode of the 10-10 system (any case; T3, T4, T5, T6 are understood)."""
    return _plain(label) in _table()


def positions(labels: Sequence[str]) -> NDArray[np.float64]:
    """Return the electrodes' unit vectors, (electrodes, 3): x right, y front, z up.

    Raises
    ------
    DataError
        A label is no electrode of the 10-10 system.
    """
    table = _table()
    for label in labels:
        if _plain(label) not in table:
            close = get_close_matches(_plain(label), table, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise DataError(f"electrode '{label}': expected a label of the 10-10 system such as Fz or PO8{hint}")
    return np.array([table[_plain(label)] for label in labels]).reshape(-1, 3)


def angles(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle angles in radians, (first, second), between two sets of unit vectors (n, 3)."""
    return np.arccos(np.clip(first @ second.T, -1.0, 1.0))


def _plain(label: str) -> str:
    name = label.strip().lower()
    return ALIASES.get(name, name)


def _point(inclination: float, azimuth: float) -> NDArray[np.float64]:
    """Unit vector (3,) at angles in radians: from the vertex, and from the front towards the right."""
    across, ahead = np.sin(azimuth), np.cos(azimuth)
    return np.array([np.sin(inclination) * across, np.sin(inclination) * ahead, np.cos(inclination)])


@cache
def _table() -> dict[str, NDArray[np.float64]]:
    table = {label: _point(steps * STEP, 0.0) for label, steps in MIDLINE.items()}
    for prefix, steps in ROWS.items():
        ring = AT_RING.get(prefix, prefix)
        number = 1 if prefix in ("Fp", "O") else 7
        for offset, sign in ((0, -1), (1, 1)):  # odd numbers on the left, even ones on the right
            table[f"{ring}{number + offset}"] = _point(RING, sign * steps * STEP)
            if number == 7:
                table[f"{ring}{9 + offset}"] = _point(RIM, sign * steps * STEP)
                table |= _inner(prefix, offset, table[f"{ring}{7 + offset}"], table[f"{prefix}z"])
    return {label.lower(): point for label, point in table.items()}


def _inner(
    prefix: str, offset: int, outer: NDArray[np.float64], middle: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Place a row's electrodes 1, 3 and 5 (2, 4, 6) at quarters of the arc from the midline to the ring.

    The arc belongs to the circle through the ring's left point, the midline and the ring's right point.
    """
    mirrored = outer * np.array([-1.0, 1.0, 1.0])
    normal = np.cross(mirrored - middle, outer - middle)
    normal /= np.linalg.norm(normal)
    centre = normal * (normal @ middle)
    up, out = middle - centre, outer - centre
    side = np.cross(normal, up)  # in the circle's plane, a quarter turn from `up`
    full = np.arctan2(out @ side, out @ up)
    turns = {quarter: quarter / 4 * full for quarter in (1, 2, 3)}
    return {
        f"{prefix}{2 * quarter - 1 + offset}": centre + np.cos(turn) * up + np.sin(turn) * side
        for quarter, turn in turns.items()
    }
