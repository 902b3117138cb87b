"""Ratings as their owners gave them: numbers within their scale, or none."""

import math
from collections.abc import Mapping
from typing import Final

from memhacl.stream.errors import DataError

Scales = Mapping[str, tuple[float, float]]

_NOTHING: Final = ("", "na", "n/a", "nan")
SLACK = 1e-6  # ratings are stored with rounding


def rated(where: str, values: Mapping[str, float], scales: Scales) -> dict[str, float]:
    """Return those of ``values`` (scale -> rating) that are numbers: NaN means that no rating was given.

    ``where`` names file and trial.

    Raises
    ------
    DataError
        A rating lies outside its scale's range.
    """
    given: dict[str, float] = {}
    for scale, value in values.items():
        if math.isnan(value):
            continue
        if scale in scales:
            low, high = scales[scale]
            if not low - SLACK <= value <= high + SLACK:
                raise DataError(
                    f"{where}: rates {scale} {value:g}, expected {low:g} to {high:g}; "
                    "is it the original file, and the right scale?"
                )
        given[scale] = float(value)
    return given


def is_empty(text: str) -> bool:
    """Tell whether a cell of a table says nothing: it is empty, or says that there is none."""
    return text.strip().casefold() in _NOTHING


def number_in(text: str, where: str, what: str) -> float:
    """Return the number in ``text``, NaN where it is empty or says that there is none.

    Raises
    ------
    DataError
        It is none; ``where`` names file and line, ``what`` the scale.
    """
    if is_empty(text):
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise DataError(f"{where}: {what}: expected a number, found {text!r:.60}; leave it empty if there is none")
    return value
