"""Recorded signals, trials and people as frozen data with units and times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MODALITIES = ("EEG", "GSR", "Resp", "Temp", "ECG", "BVP", "EOG", "EMG")

ANCHOR = "memhacl:anchor"
REST_START = "memhacl:rest_start"
REST_END = "memhacl:rest_end"
TRIAL_START = "memhacl:trial_start"
TRIAL_END = "memhacl:trial_end"


@dataclass(frozen=True)
class StreamFormat:
    """What a stream of samples carries: enough to decide whether and how it fits a montage.

    ``rate`` is in Hz (0: irregular); ``already_done`` names processing that the stream's owner applied.
    """

    name: str
    modality: str
    channels: tuple[str, ...]
    unit: str
    rate: float
    already_done: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signal:
    """One modality of a continuous piece: ``data`` is (samples, channels) in ``format.unit``.

    ``start`` is the time of the first sample in seconds on the recording's clock.
    """

    format: StreamFormat
    data: NDArray[np.float32]
    start: float

    @property
    def stamps(self) -> NDArray[np.float64]:
        """Times of the samples in seconds, (samples,)."""
        return self.start + np.arange(len(self.data)) / self.format.rate

    @property
    def end(self) -> float:
        """Time just after the last sample, in seconds."""
        return self.start + len(self.data) / self.format.rate


@dataclass(frozen=True)
class Trial:
    """One stimulus watched by one person; times in seconds on the recording's clock.

    ``rest`` is the start of the rest period (equal to ``onset`` where there is none); the stimulus lasts
    from ``onset`` to ``end``. ``ratings`` maps scale to the person's rating; ``planted`` maps scale to the latent
    that a simulator put into the signals, and is empty for real people.
    """

    stimulus: str
    rest: float
    onset: float
    end: float
    ratings: Mapping[str, float] = field(default_factory=dict)
    planted: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Marker:
    """An event: a time in seconds and its text."""

    time: float
    text: str


@dataclass(frozen=True)
class Segment:
    """A continuous piece of a recording, at whose start the signal path begins anew."""

    signals: tuple[Signal, ...]
    trials: tuple[Trial, ...]

    @property
    def start(self) -> float:
        """Time of the first sample of any signal, in seconds."""
        return min(signal.start for signal in self.signals)

    @property
    def end(self) -> float:
        """Time just after the last sample of any signal, in seconds."""
        return max(signal.end for signal in self.signals)


@dataclass(frozen=True)
class Recording:
    """One person's session: continuous segments in time order."""

    person: str
    source: str
    segments: tuple[Segment, ...]
    simulated: bool = False

    @property
    def formats(self) -> dict[str, StreamFormat]:
        """The formats of the first segment's signals by modality."""
        return {signal.format.modality: signal.format for signal in self.segments[0].signals}

    def trials(self) -> Iterator[tuple[int, Trial]]:
        """Yield each trial with the number of its segment."""
        for number, segment in enumerate(self.segments):
            for trial in segment.trials:
                yield number, trial
