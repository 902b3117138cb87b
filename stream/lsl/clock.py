"""LSL's clock, for those that must not import pylsl."""

import pylsl


def local_clock() -> float:
    """Return the present time in seconds on the clock that LSL stamps with: monotonic, shared on one machine."""
    return float(pylsl.local_clock())
