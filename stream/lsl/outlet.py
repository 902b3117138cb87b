"""Outlets for recorded signals, markers and predictions, with explicit time stamps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pylsl
from numpy.typing import NDArray

from memhacl.stream.lsl.describe import make_info, make_marker_info, make_prediction_info
from memhacl.stream.signals import StreamFormat

BUFFER = 60  # s that liblsl keeps for a slow consumer
MARKER_STREAM = "memhacl-markers"


class _Outlet:
    """An LSL outlet that knows whether it is read."""

    def __init__(self, info: pylsl.StreamInfo) -> None:
        self._outlet: Any = pylsl.StreamOutlet(info, max_buffered=BUFFER)

    @property
    def has_consumer(self) -> bool:
        """Whether somebody is subscribed: what is sent from then on arrives there."""
        return bool(self._outlet.have_consumers())

    def close(self) -> None:
        """Take the outlet off the network; it cannot be used afterwards."""
        self._outlet = None


class SignalOutlet(_Outlet):
    """An LSL outlet of float32 samples (samples, channels) in ``format.unit``.

    ``rate`` (Hz) is declared instead of the format's where the signal is played slower; ``source_id`` tells
    consumers that a restarted outlet is the same source.
    """

    def __init__(
        self, format: StreamFormat, *, source_id: str, simulated: bool = False, rate: float | None = None
    ) -> None:
        super().__init__(make_info(format, source_id=source_id, simulated=simulated, rate=rate))

    def push(self, samples: NDArray[np.float32], stamps: NDArray[np.float64]) -> None:
        """Send float32 samples (samples, channels) with their stamps (samples,) in local LSL seconds."""
        self._outlet.push_chunk(np.ascontiguousarray(samples, dtype=np.float32), stamps.tolist())


class TextOutlet(_Outlet):
    """An LSL outlet of texts, ``channels`` at a time; ``rate`` in Hz, 0 for irregular."""

    def __init__(self, name: str, type: str, channels: int, *, source_id: str, rate: float = 0.0) -> None:
        self._channels = channels
        super().__init__(pylsl.StreamInfo(name, type, channels, rate, pylsl.cf_string, source_id))

    def push(self, texts: Sequence[str], stamp: float) -> None:
        """Send texts with their time in local LSL seconds; channels that none is left for get an empty one."""
        self._outlet.push_sample([*texts, *[""] * (self._channels - len(texts))], stamp)


class MarkerOutlet(_Outlet):
    """An LSL outlet of event texts."""

    def __init__(self, name: str = MARKER_STREAM, *, source_id: str) -> None:
        super().__init__(make_marker_info(name, source_id=source_id))

    def push(self, text: str, stamp: float) -> None:
        """Send one event text with its time in local LSL seconds."""
        self._outlet.push_sample([text], stamp)


class PredictionOutlet:
    """An LSL outlet of predictions, so that a recorder stores them beside the signals they came from.

    One sample a window, stamped with the window's end; its channels are ``labels``, NaN where nothing was
    predicted.
    """

    def __init__(self, name: str, labels: Sequence[str], *, source_id: str, simulated: bool) -> None:
        info = make_prediction_info(name, labels, source_id=source_id, simulated=simulated)
        self._outlet: Any = pylsl.StreamOutlet(info)

    def push(self, values: Sequence[float], stamp: float) -> None:
        """Send one window's values, in the order of the labels, with its end in local LSL seconds."""
        self._outlet.push_sample(list(values), stamp)

    def close(self) -> None:
        """Take the outlet off the network; it cannot be used afterwards."""
        self._outlet = None
