"""What a modality's signal can plausibly be: the published figures behind the quality measures.

docs/quality.md names the source of each figure, and where it departs from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.units import conversion

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """Plausible figures of one modality, in ``unit``; infinite where there is none.

    A sample is out of range unless ``low`` < value < ``high``; ``centred``: the value less the channel's mean over
    the window, because the level of an electrode says nothing. ``slope`` (unit/s) is the largest plausible change
    over ``step`` seconds, or over one sample where that is longer. A channel is flat if its peak-to-peak range is
    at most ``still``. ``counted`` names those of flat, railed and line that lower the score: skin may stand still
    for a second, and a signal that hardly moves is mostly mains.
    """

    unit: str
    low: float = -np.inf
    high: float = np.inf
    centred: bool = False
    slope: float = np.inf
    step: float = 0.004
    still: float = 0.0
    counted: tuple[str, ...] = ()

    @property
    def relative(self) -> "Limits":
        """What is left of the limits where the unit is not known: nothing that is stated in it."""
        return Limits(self.unit, step=self.step, counted=self.counted)


_ALIVE = ("flat", "railed", "line")

LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        "EEG": Limits("uV", -200.0, 200.0, centred=True, slope=50_000.0, still=1.0, counted=_ALIVE),
        "EOG": Limits("uV", -3500.0, 3500.0, centred=True, slope=50_000.0, still=1.0, counted=_ALIVE),
        "EMG": Limits("uV", -5000.0, 5000.0, centred=True, still=1.0, counted=_ALIVE),
        "ECG": Limits("uV", -5000.0, 5000.0, centred=True, slope=320_000.0, still=10.0, counted=_ALIVE),
        "BVP": Limits("arbitrary", counted=_ALIVE),
        "GSR": Limits("uS", 0.05, 60.0, slope=10.0, step=0.25),
        "Resp": Limits("arbitrary", step=0.25, counted=("flat",)),
        "Temp": Limits("degC", 25.0, 40.0, slope=1.0, step=0.25),
    }
)


def comparable(limits: Limits, values: Values, unit: str) -> Values | None:
    """Values (any shape) in the unit of ``limits``; None where ``unit`` has no known relation to it.

    A value that has none in that unit (a resistance of 0) becomes ``limits.low``, which is out of range.
    """
    if unit == limits.unit:
        return values
    convert = conversion(unit, limits.unit)
    if convert is None:
        return None
    known = convert(values)
    known[np.isnan(known) & ~np.isnan(values)] = limits.low
    return known
