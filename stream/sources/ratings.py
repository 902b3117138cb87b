"""Ratings as their owners gave them: numbers within their scale, or none."""

import math
from collections.abc import Mapping

from memhacl.stream.errors import DataError

Scales = Mapping[str, tuple[float, float]]

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
