"""AUROC over pairs of windows that lie close in time: slow drift over a session cannot raise it."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def pair_auroc(scores: Floats, positive: Mask, start: Floats, within: float) -> float | None:
    """Chance, 0 to 1, that of a positive and another window at most ``within`` s apart the positive scores higher.

    Of one person: ``scores``, ``positive`` and ``start`` (s) are (windows,). Every such pair counts once, ties
    half; None where there is no pair. Pairs are compared all at once, which takes memory by the windows squared.
    """
    lead = scores[positive][:, None] - scores[~positive]  # (positive, others)
    apart = np.abs(start[positive][:, None] - start[~positive])
    near = lead[apart <= within]
    return float(np.mean((near > 0) + 0.5 * (near == 0))) if len(near) else None


def pair_auroc_by_person(
    scores: Floats, positive: Mask, start: Floats, person: NDArray[np.generic], within: float
) -> dict[str, float]:
    """Chance, 0 to 1, of ``pair_auroc`` in each person of whom there are pairs; every array is (windows,).

    A mean over the values says how people, not windows, are told: pairs of two people are never compared.
    """
    found = {}
    for name in np.unique(person):
        rows = person == name
        value = pair_auroc(scores[rows], positive[rows], start[rows], within)
        if value is not None:
            found[str(name)] = value
    return found
