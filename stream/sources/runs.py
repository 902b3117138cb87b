"""Runs of equal labels in a track that has one for each moment."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray


def runs(labels: NDArray[Any], broken: NDArray[np.bool_] | None = None) -> list[tuple[int, int]]:
    """Return (first, stop) indices of the runs of equal ``labels`` (n,), in order.

    A run ends too where ``broken`` (n - 1,) says so of the step to the next label.
    """
    if len(labels) == 0:
        return []
    ends = labels[1:] != labels[:-1]
    if broken is not None:
        ends = ends | broken
    edges = [0, *(np.flatnonzero(ends) + 1).tolist(), len(labels)]
    return list(pairwise(edges))
