"""A laboratory without I/O: streams that misbehave as told, into a signal path, on an injected clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from memhacl.stream.path.path import SignalPath
from memhacl.stream.path.window import Window
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

EEG = ("F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz")
START, STEP = 1000.0, 0.02
PATIENCE = 0.5
Mangle = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass
class Stream:
    """A device: what it sends is noise plus its true time on channel 0 where ``ramp`` says so."""

    format: StreamFormat
    on: bool = True  # takes samples
    stalled: bool = False  # takes them and keeps them
    clock: float = 0.0  # s that its stamps are off
    delay: float = 0.01
    ramp: bool = False
    mangle: Mangle | None = None  # (samples, stamps) -> the same, broken
    taken: int = 0
    kept: tuple[np.ndarray, np.ndarray] | None = None


class Laboratory:
    """EEG at 256 Hz and skin conductance at 32 Hz, to a path at 128 Hz."""

    def __init__(self, spec: SignalSpec | None = None, formats: Sequence[StreamFormat] = (), **options) -> None:
        self.spec = spec or montage()
        self.path = SignalPath(self.spec, patience=PATIENCE, arrivals=True, **options)
        self.streams = {found.modality: Stream(found) for found in formats or (amplifier(), skin())}
        self.windows: list[Window] = []
        self.now = START
        self._rng = np.random.default_rng(0)

    def open(self, *modalities: str) -> "Laboratory":
        for modality in modalities or self.streams:
            self.path.open(self.streams[modality].format)
        return self

    def run(self, seconds: float) -> list[Window]:
        """Windows that come out in ``seconds`` of the streams' time."""
        windows = []
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            for modality, stream in self.streams.items():
                self._send(modality, stream)
            windows += self.path.advance(self.now)
        self.windows += windows
        return windows

    def _send(self, modality: str, stream: Stream) -> None:
        rate = stream.format.rate
        due = int((self.now - stream.delay - START) * rate)
        times = START + np.arange(stream.taken, due) / rate
        stream.taken = due
        samples = self._rng.normal(scale=10, size=(len(times), len(stream.format.channels))) + 5
        if stream.ramp:
            samples[:] = (times - START)[:, None]
        stamps = times + stream.clock
        if stream.mangle is not None:
            samples, stamps = stream.mangle(samples, stamps)
        if not stream.on:
            return
        if stream.kept is not None:
            samples, stamps = (np.concatenate(pair) for pair in zip(stream.kept, (samples, stamps), strict=True))
        stream.kept = (samples, stamps) if stream.stalled else None
        if not stream.stalled and len(stamps):
            self.path.push(modality, samples.astype(np.float32), stamps, self.now)

    def reopen(self, modality: str, **changes) -> None:
        """The stream's outlet was started anew, perhaps as another one."""
        stream = self.streams[modality]
        if "rate" in changes:
            stream.taken = int((self.now - stream.delay - START) * changes["rate"])
        stream.format, stream.on = replace(stream.format, **changes), True
        self.path.open(stream.format)


def montage(**changes) -> SignalSpec:
    eeg = ModalitySpec(
        modality="EEG", channels=EEG, unit="uV", conditioning=Conditioning(band=(4, 45), reference="average")
    )
    gsr = ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none")
    return SignalSpec(modalities=(eeg, gsr), **{"baseline_seconds": 2.0, **changes})


def amplifier(**changes) -> StreamFormat:
    return replace(StreamFormat("amp", "EEG", EEG, "uV", 256.0), **changes)


def skin(**changes) -> StreamFormat:
    return replace(StreamFormat("skin", "GSR", ("GSR",), "uS", 32.0), **changes)


@pytest.fixture
def laboratory() -> type[Laboratory]:
    return Laboratory
