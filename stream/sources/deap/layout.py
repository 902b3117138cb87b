"""DEAP's preprocessed layout: channels, units, trial times, and arrays turned into a recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.signals import TRIAL_GAP, Recording, Segment, Signal, StreamFormat, Trial

RATE: Final = 128.0
SCALES: Final = ("valence", "arousal", "dominance", "liking")  # the columns of `labels`
RANGES: Final = dict.fromkeys(SCALES, (1.0, 9.0))
ELECTRODES: Final = tuple(
    "Fp1 AF3 F3 F7 FC5 FC1 C3 T7 CP5 CP1 P3 P7 PO3 O1 Oz Pz "
    "Fp2 AF4 Fz F4 F8 FC6 FC2 Cz C4 T8 CP6 CP2 P4 P8 PO4 O2".split()
)
EEG_DONE: Final = ("bandpass", "average-reference", "eog-removal", "downsample")


def _format(modality: str, channels: tuple[str, ...], unit: str, done: tuple[str, ...]) -> StreamFormat:
    return StreamFormat(f"DEAP {modality}", modality, channels, unit, RATE, done)


# In the order of the file's channels. Belt and plethysmograph have no true unit: 'a.u.', the same for all people.
FORMATS: Final = (
    _format("EEG", ELECTRODES, "uV", EEG_DONE),
    _format("EOG", ("hEOG", "vEOG"), "uV", ("downsample",)),
    _format("EMG", ("zEMG", "tEMG"), "uV", ("downsample",)),
    _format("GSR", ("GSR",), "ohm", ("downsample",)),
    _format("Resp", ("Resp",), "a.u.", ("downsample",)),
    _format("BVP", ("Plet",), "a.u.", ("downsample",)),
    _format("Temp", ("Temp",), "degC", ("downsample",)),
)
CHANNELS: Final = tuple(channel for form in FORMATS for channel in form.channels)


@dataclass(frozen=True)
class Shape:
    """How many trials a file has, and the seconds of rest and of stimulus in each."""

    trials: int = 40
    rest: float = 3.0
    seconds: float = 60.0

    @property
    def data(self) -> tuple[int, int, int]:
        """Shape of the file's ``data``: (trials, channels, samples)."""
        return self.trials, len(CHANNELS), round((self.rest + self.seconds) * RATE)

    @property
    def labels(self) -> tuple[int, int]:
        """Shape of the file's ``labels``: (trials, scales)."""
        return self.trials, len(SCALES)


def stimulus_name(index: int) -> str:
    """Name the stimulus at ``index``: files are in video order, so it is the same clip for all people."""
    return f"{index + 1:02d}"


def recording(
    person: str,
    source: str,
    data: NDArray[np.float32],
    labels: NDArray[np.float64],
    shape: Shape,
    planted: Sequence[Mapping[str, float]] = (),
) -> Recording:
    """Turn ``data`` (trials, channels, samples) and ``labels`` (trials, scales) into one segment a trial.

    ``planted`` holds each trial's latents where people are simulated, and is empty for real ones.
    """
    segments = []
    for index in range(shape.trials):
        start = index * (shape.rest + shape.seconds + TRIAL_GAP)
        ratings = {scale: float(rating) for scale, rating in zip(SCALES, labels[index], strict=True)}
        onset = start + shape.rest
        latents = planted[index] if planted else {}
        trial = Trial(stimulus_name(index), start, onset, onset + shape.seconds, ratings, latents)
        segments.append(Segment(_signals(data[index], start), (trial,)))
    return Recording(person, source, tuple(segments), simulated=bool(planted), scales=RANGES)


def _signals(data: NDArray[np.float32], start: float) -> tuple[Signal, ...]:
    signals = []
    first = 0
    for form in FORMATS:
        rows = data[first : first + len(form.channels)]  # (channels, samples)
        signals.append(Signal(form, np.ascontiguousarray(rows.T), start))  # (samples, channels)
        first += len(form.channels)
    return tuple(signals)
