"""Fitting a stream to a modality of the montage: which channels, times what factor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec

_VOLTS = {"V": 1e6, "mV": 1e3, "uV": 1.0}
_OHMS = {"ohm": 1.0, "kohm": 1e3}
_FAMILIES = (_VOLTS, _OHMS)


@dataclass(frozen=True)
class Match:
    """How to read a stream: which of its channels, times what factor; and what was assumed."""

    columns: NDArray[np.int64]
    factor: float
    rate: float
    already_done: tuple[str, ...]
    assumed: tuple[str, ...]

    def read(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Samples (n, model channels) in the model's unit from samples (n, stream channels)."""
        return samples[:, self.columns].astype(np.float64) * self.factor


def match(wanted: ModalitySpec, found: StreamFormat) -> Match:
    """Fit stream ``found`` to modality ``wanted``.

    Raises
    ------
    StreamError
        A channel is missing, the rate is too low for the modality's band, or the unit cannot be converted.
    """
    _check_rate(wanted, found)
    columns, assumed = _columns(wanted, found)
    return Match(columns, _factor(wanted, found), found.rate, found.already_done, assumed)


def _check_rate(wanted: ModalitySpec, found: StreamFormat) -> None:
    band = wanted.conditioning.band
    least = 2.2 * band[1] if band else 0.0
    if found.rate <= 0:
        raise StreamError(
            f"stream '{found.name}': expected a regular rate for {wanted.modality}, found an irregular one "
            f"(nominal rate 0); give the outlet its nominal rate"
        )
    if found.rate < least:
        raise StreamError(
            f"stream '{found.name}': expected at least {least:g} Hz for {wanted.modality} ({band} Hz band), found "
            f"{found.rate:g} Hz; record at a higher rate or use a model without that band"
        )


def _columns(wanted: ModalitySpec, found: StreamFormat) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    place = {label.lower(): column for column, label in enumerate(found.channels)}
    missing = [channel for channel in wanted.channels if channel.lower() not in place]
    if not missing:
        return np.array([place[channel.lower()] for channel in wanted.channels]), ()
    if len(found.channels) == len(wanted.channels) and len(missing) == len(wanted.channels):
        said = f"{wanted.modality}: channels taken in the stream's order (its labels: {', '.join(found.channels)})"
        if len(wanted.channels) == 1 or _generic(found.channels):
            return np.arange(len(wanted.channels)), (said,)
    raise StreamError(
        f"stream '{found.name}': expected {len(wanted.channels)} {wanted.modality} channels "
        f"({_some(wanted.channels)}), found {len(found.channels)} ({_some(found.channels)}); missing: "
        f"{_some(missing)}; label the outlet's channels or use a model for this montage"
    )


def _generic(labels: tuple[str, ...]) -> bool:
    """Tell whether labels only count the channels (EEG1, ch2, 3), so that they name no place."""
    return all(label[-1:].isdigit() and label.rstrip("0123456789").lower() in _COUNTERS for label in labels)


_COUNTERS = {"", "eeg", "ch", "ch:", "channel", "chan"}


def _factor(wanted: ModalitySpec, found: StreamFormat) -> float:
    if wanted.unit in ("arbitrary", found.unit):
        return 1.0
    for family in _FAMILIES:
        if wanted.unit in family and found.unit in family:
            return family[found.unit] / family[wanted.unit]
    raise StreamError(
        f"stream '{found.name}': expected {wanted.modality} in {wanted.unit}, found '{found.unit or 'no unit'}'; "
        f"set the unit in the outlet's channel description or use a model trained with unit 'arbitrary'"
    )


def _some(labels: tuple[str, ...] | list[str]) -> str:
    return ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
