"""Recorded stamps made steady: what `memhacl-replay --timing regular` plays."""

from dataclasses import replace
from typing import Literal

import numpy as np

from memhacl.stream.path.dejitter import Dejitter
from memhacl.stream.signals import Segment, Signal

Timing = Literal["recorded", "regular"]


def steadied(segment: Segment) -> Segment:
    """Return ``segment`` with the stamps of its regular signals free of jitter; texts stay as they are.

    Gaps stay, and every sample is kept. Irregular signals have no rate to be steadied to.
    """
    return replace(segment, signals=tuple(_steadied(signal) for signal in segment.signals))


def _steadied(signal: Signal) -> Signal:
    if signal.times is None or signal.format.rate == 0 or not len(signal.times):
        return signal
    clock = Dejitter(signal.format.rate)
    pieces = [*clock.push(signal.times), *clock.flush()]
    times = np.concatenate([piece.times for piece in pieces])
    return replace(signal, times=times, start=float(times[0]))
