"""The model's input, and the cutting of windows with their baseline and adaptation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.signals import Marker


@dataclass(frozen=True)
class Window:
    """One model input: ``data`` (channels, samples) in the montage's units, after baseline and adaptation.

    ``index`` counts from the anchor; ``start`` and ``end`` are in seconds on the streams' clock; an invalid
    window says why in ``reasons``, and rows of the modalities that they name must not be used. ``arrival`` is when
    the last sample that it needed came in (s; None if nothing came). ``quality`` maps modality to measures.
    """

    data: NDArray[np.float32]
    index: int
    start: float
    end: float
    reasons: tuple[str, ...] = ()
    quality: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    arrival: float | None = None
    markers: tuple[Marker, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the window may be given to a model."""
        return not self.reasons
