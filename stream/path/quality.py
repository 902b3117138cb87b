"""How far a modality's part of a window can be trusted, as numbers."""

import numpy as np
from numpy.typing import NDArray

# Signals that never stand still for a second; skin and breath may.
_LIVELY = ("EEG", "ECG", "BVP")


def measure(modality: str, block: NDArray[np.float64]) -> dict[str, float]:
    """Quality of one modality's raw window ``block`` (samples, channels) on the grid, before conditioning.

    ``missing``: share of slots without a sample. ``flat``: share of channels that keep one value.
    ``range``: median over channels of the peak-to-peak range, in the modality's unit (0 where nothing is there).
    ``score``: 0 (useless) to 1 (nothing found): (1 - missing) * (1 - flat), flatness counting only where a live
    signal cannot be flat for a second (EEG, ECG, BVP).
    """
    missing = float(np.isnan(block).any(axis=1).mean())
    present = block[~np.isnan(block).any(axis=1)]
    spread = np.ptp(present, axis=0) if len(present) else np.zeros(block.shape[1])
    flat = float((spread == 0).mean()) if len(present) > 1 else 0.0
    score = (1 - missing) * (1 - flat if modality in _LIVELY else 1.0)
    return {"score": score, "missing": missing, "flat": flat, "range": float(np.median(spread))}
