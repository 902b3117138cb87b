"""Recorded signals, trials and people as frozen data with units and times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

MODALITIES = ("EEG", "GSR", "Resp", "Temp", "ECG", "BVP", "EOG", "EMG")
MARKERS = "Markers"  # stands where a modality does for streams of events

TRIAL_GAP = 3.0  # s between trials that were stored apart, on the recording's clock: longer than any reset gap

ANCHOR = "memhacl:anchor"
REST_START = "memhacl:rest_start"
REST_END = "memhacl:rest_end"
TRIAL_START = "memhacl:trial_start"
TRIAL_END = "memhacl:trial_end"


@dataclass(frozen=True)
class StreamFormat:
    """What a stream of samples carries: enough to decide whether and how it fits a montage.

    ``rate`` is in Hz (0: irregular); ``already_done`` names processing that the stream's owner applied.
    ``units`` gives each channel's unit where they differ (``unit`` is 'mixed' then), ``kinds`` each channel's
    modality where the stream states them; both are empty otherwise.
    """

    name: str
    modality: str
    channels: tuple[str, ...]
    unit: str
    rate: float
    already_done: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """The live stream that a signal was recorded from: its own ``type`` and ``source_id`` ("": it had none)."""

    type: str
    source_id: str = ""


@dataclass(frozen=True)
class Signal:
    """One modality of a continuous piece: ``data`` is (samples, channels) in ``format.unit``.

    ``start`` is the time of the first sample in seconds on the recording's clock. ``times`` (samples,) are the
    samples' recorded stamps, jitter included; None where they follow from start and rate (never for rate 0).
    ``origin`` is the live stream it was, None where it was none.
    """

    format: StreamFormat
    data: NDArray[np.float32]
    start: float
    times: NDArray[np.float64] | None = None
    origin: Origin | None = None

    @property
    def stamps(self) -> NDArray[np.float64]:
        """Times of the samples in seconds, (samples,)."""
        if self.times is not None:
            return self.times
        return self.start + np.arange(len(self.data)) / self.format.rate

    @property
    def end(self) -> float:
        """Time just after the last sample, in seconds."""
        period = 1 / self.format.rate if self.format.rate else 0.0
        if self.times is None:
            return self.start + len(self.data) * period
        return float(self.times.max(initial=self.start)) + period

    def between(self, start: float, end: float) -> Self:
        """Return the samples at ``start`` <= time < ``end`` (s), each at the time it had."""
        if self.times is not None:
            inside = (self.times >= start) & (self.times < end)
            times = self.times[inside]
            first = float(times[0]) if len(times) else start
            return replace(self, data=self.data[inside], start=first, times=times)
        rate = self.format.rate
        # rounded: a start that falls on a sample must not lose it to the last bit of a float
        place = max(int(np.ceil(round((start - self.start) * rate, 6))), 0)
        stop = max(int(np.ceil(round((end - self.start) * rate, 6))), place)
        return replace(self, data=self.data[place:stop], start=self.start + place / rate)


@dataclass(frozen=True)
class Texts:
    """A recorded stream of texts: ``rows`` holds a text a channel for each of ``times`` (samples,), in seconds.

    ``format.modality`` is 'Markers' where they are events, else the stream's own type.
    """

    format: StreamFormat
    rows: tuple[tuple[str, ...], ...]
    times: NDArray[np.float64]
    origin: Origin

    @property
    def start(self) -> float:
        """Time of the first text, in seconds."""
        return float(self.times[0])

    @property
    def end(self) -> float:
        """Time of the last text, in seconds."""
        return float(self.times.max())


@dataclass(frozen=True)
class Trial:
    """One stimulus watched by one person; times in seconds on the recording's clock.

    ``rest`` is the start of the rest period (equal to ``onset`` where there is none), which lasts to ``rested``
    (None: to the onset); the stimulus lasts from ``onset`` to ``end``. ``ratings`` maps scale to the person's
    rating, without those that were not given. ``planted`` maps scale to the latent that a simulator put into the
    signals, and is empty for real people. ``categories`` maps a kind of label to the one of its categories that
    the trial belongs to, such as ``{"condition": "stress"}``.
    """

    stimulus: str
    rest: float
    onset: float
    end: float
    ratings: Mapping[str, float] = field(default_factory=dict)
    planted: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    rested: float | None = None

    @property
    def rest_end(self) -> float:
        """Time at which the rest period ends, in seconds."""
        return self.onset if self.rested is None else self.rested


@dataclass(frozen=True)
class Marker:
    """An event: a time in seconds and its text."""

    time: float
    text: str


@dataclass(frozen=True)
class Segment:
    """A continuous piece of a recording, at whose start the signal path begins anew.

    Where the streams themselves were recorded, ``texts`` are those of texts, the trials' markers among them, and
    several signals may be of one modality or of none that is known.
    """

    signals: tuple[Signal, ...]
    trials: tuple[Trial, ...]
    texts: tuple[Texts, ...] = ()

    @property
    def start(self) -> float:
        """Time of the first sample of any signal, in seconds; without signals, of the first text."""
        return min(stream.start for stream in self.signals or self.streams)

    @property
    def end(self) -> float:
        """Time just after the last sample of any signal, in seconds; without signals, of the last text."""
        return max(stream.end for stream in self.signals or self.streams)

    @property
    def streams(self) -> tuple[Signal | Texts, ...]:
        """Signals and texts."""
        return *self.signals, *self.texts

    @property
    def span(self) -> tuple[float, float]:
        """Times of the first and just after the last of all samples and texts, in seconds."""
        return min(stream.start for stream in self.streams), max(stream.end for stream in self.streams)


@dataclass(frozen=True)
class Recording:
    """One person's sessions: continuous segments in time order.

    ``scales`` gives the range (lowest, highest) of each scale that trials are rated on, where it is known.
    ``excluded`` counts what the source left out, by reason; ``notes`` are sentences on what is odd or missing.
    """

    person: str
    source: str
    segments: tuple[Segment, ...]
    simulated: bool = False
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    excluded: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def formats(self) -> dict[str, StreamFormat]:
        """The formats of the signals by modality; of several of one modality, the first segment's that has it."""
        found: dict[str, StreamFormat] = {}
        for segment in self.segments:
            for signal in segment.signals:
                found.setdefault(signal.format.modality, signal.format)
        return found

    def trials(self) -> Iterator[tuple[int, Trial]]:
        """Yield each trial with the number of its segment."""
        for number, segment in enumerate(self.segments):
            for trial in segment.trials:
                yield number, trial
