"""Fitting a stream to a modality of the montage: which channels, in which unit, at what rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
from memhacl.stream.path.columns import Columns, columns
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import ModalitySpec
from memhacl.stream.units import ARBITRARY, UNSTATED, Conversion, conversion

# Potentials change faster than an irregular stream's stamps can tell.
_REGULAR = ("EEG", "ECG", "BVP", "EOG", "EMG")
_MARGIN = 2.2  # a stream's rate must be this many times the upper edge of the band


@dataclass(frozen=True)
class Match:
    """How to read a stream: its column of each model channel, its units and rate, and what was assumed.

    ``columns`` (model channels,) is -1 where the stream lacks a channel, whose name ``missing`` gives.
    ``conversions`` are to the model's unit, each with the model channels that need it. ``rate`` is in Hz, 0 for an
    irregular stream. Each sentence of ``assumed`` begins with the modality.
    """

    columns: NDArray[np.int64]
    conversions: tuple[tuple[Conversion, NDArray[np.int64]], ...]
    rate: float
    already_done: tuple[str, ...]
    assumed: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def read(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Samples (n, model channels) in the model's unit from samples (n, stream channels).

        NaN, channel by channel, is what is not finite, what has no value in the model's unit (the conductance of
        0 ohm) and what the stream lacks.
        """
        values = samples[:, self.columns].astype(np.float64)  # (n, model channels)
        values[~np.isfinite(values) | (self.columns < 0)] = np.nan
        for convert, channels in self.conversions:
            values[:, channels] = convert(values[:, channels])
        return values


def match(wanted: ModalitySpec, found: StreamFormat) -> Match:
    """Fit stream ``found`` to modality ``wanted``.

    Raises
    ------
    StreamError
        A channel is missing and cannot be interpolated, or there twice; the rate is irregular or too low for the
        modality; a unit cannot be converted.
    """
    rate = found.rate if math.isfinite(found.rate) and found.rate > 0 else 0.0
    _check_rate(wanted, found, rate)
    taken = columns(wanted, found)
    conversions, said = _conversions(wanted, found, taken)
    assumed = tuple(f"{wanted.modality}: {text}" for text in (*taken.assumed, *said))
    return Match(taken.places, conversions, rate, found.already_done, assumed, taken.missing)


def _check_rate(wanted: ModalitySpec, found: StreamFormat, rate: float) -> None:
    band = wanted.conditioning.band
    if rate == 0:
        if wanted.modality in _REGULAR or (band is not None and band[0] > 0):
            raise StreamError(
                f"stream '{found.name}': expected a regular rate for {wanted.modality}, found an irregular one "
                f"(nominal rate {found.rate:g}); give the outlet its nominal rate"
            )
        return
    least = _MARGIN * band[1] if band else 0.0
    if rate < least * (1 - 1e-9):  # 2.2 * 45 is a little more than 99
        raise StreamError(
            f"stream '{found.name}': expected at least {least:g} Hz for {wanted.modality} ({band} Hz band), found "
            f"{rate:g} Hz; record at a higher rate or use a model without that band"
        )


def _conversions(
    wanted: ModalitySpec, found: StreamFormat, taken: Columns
) -> tuple[tuple[tuple[Conversion, NDArray[np.int64]], ...], tuple[str, ...]]:
    """Conversions with the model channels that need them, and what was assumed about units."""
    units = found.units or (found.unit,) * len(found.channels)
    if wanted.unit == ARBITRARY:
        unstated = any(units[place] in ("", UNSTATED) for place in taken.places if place >= 0)
        return (), ("the stream names no unit; its numbers are taken as they are",) if unstated else ()
    channels: dict[Conversion, list[int]] = {}
    for channel, place in enumerate(taken.places):
        if place >= 0:
            convert = conversion(units[place], wanted.unit)
            if convert is None:
                raise StreamError(_foreign(wanted, found, units, int(place)))
            channels.setdefault(convert, []).append(channel)
    channels.pop(Conversion(), None)
    return tuple((convert, np.array(those)) for convert, those in channels.items()), ()


def _foreign(wanted: ModalitySpec, found: StreamFormat, units: Sequence[str], place: int) -> str:
    where = f" in channel '{found.channels[place]}'" if len(set(units)) > 1 else ""
    return (
        f"stream '{found.name}': expected {wanted.modality} in {wanted.unit}, found "
        f"'{units[place] or 'no unit'}'{where}; set the unit in the outlet's channel description or use a model "
        f"trained with unit 'arbitrary'"
    )
