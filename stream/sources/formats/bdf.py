"""BioSemi's BDF files (24-bit samples): chosen channels as float32, each at its own rate, and status words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Signal, StreamFormat
from memhacl.stream.sources.formats.bdf_header import BYTES, Channel, Header
from memhacl.stream.units import conversion, unit_of

STATUS: Final = "Status"
CODES: Final = 0xFF  # the bits of the status that a stimulus computer sets; those above are the amplifier's own
_BLOCK: Final = 4 << 20  # bytes that are read at a time

K = TypeVar("K")


@dataclass(frozen=True)
class Wanted:
    """A signal to make of channels: their ``labels`` in the file, and the names they get in ``format``.

    ``format.unit`` is taken where the file states none that measures the same; with ``stated`` False, always.
    ``format.rate`` stands for nothing: the file's is taken. With ``bipolar`` each pair of labels becomes one
    channel, the first minus the second.
    """

    format: StreamFormat
    labels: tuple[str, ...]
    bipolar: bool = False
    stated: bool = True


def read_signals(header: Header, wanted: Sequence[Wanted], start: float = 0.0) -> tuple[Signal, ...]:
    """Return the wanted signals, float32 (samples, channels) at the file's own rates, beginning at ``start`` (s).

    Raises
    ------
    DataError
        A channel is missing or not calibrated, channels of one signal differ in rate or unit, or the file changed.
    """
    formats = [_format(header, one) for one in wanted]  # first: what does not fit is told before hours are read
    data = read_channels(header, {number: one.labels for number, one in enumerate(wanted)})
    signals = []
    for number, (one, form) in enumerate(zip(wanted, formats, strict=True)):
        samples = data.pop(number)
        if one.bipolar:
            samples = samples[:, 0::2] - samples[:, 1::2]
        signals.append(Signal(form, samples, start))
    return tuple(signals)


def _format(header: Header, wanted: Wanted) -> StreamFormat:
    channels = [header.channel(label) for label in wanted.labels]
    default = wanted.format
    units = {stated_unit(channel, default) or default.unit for channel in channels if wanted.stated}
    if len(units) > 1:
        raise DataError(
            f"{header.path}: expected one unit for {', '.join(wanted.labels)}, found {', '.join(sorted(units))}"
        )
    return StreamFormat(
        default.name,
        default.modality,
        default.channels,
        units.pop() if units else default.unit,
        _rate(header, channels),
        default.already_done,
    )


def stated_unit(channel: Channel, wanted: StreamFormat) -> str | None:
    """Return the header's unit of ``channel`` where it measures what ``wanted.unit`` does, else None."""
    unit = unit_of(channel.unit, wanted.modality)
    return unit if conversion(unit, wanted.unit) is not None else None


def _rate(header: Header, channels: Sequence[Channel]) -> float:
    rates = {channel.rate for channel in channels}
    if len(rates) != 1:
        found = ", ".join(f"{channel.label} {channel.rate:g}" for channel in channels)
        raise DataError(f"{header.path}: expected channels of one rate, found (in Hz) {found}")
    return rates.pop()


def read_channels(header: Header, groups: Mapping[K, Sequence[str]]) -> dict[K, NDArray[np.float32]]:
    """Return for each group of labels an array (samples, channels) in the header's units.

    The file is read once, and held in memory only as far as it is returned.

    Raises
    ------
    DataError
        A channel is missing, not calibrated or of another rate than others of its group, or the file changed.
    """
    chosen = {key: [header.channel(label) for label in labels] for key, labels in groups.items()}
    for channels in chosen.values():
        _rate(header, channels)
    scales = {channel: _scale(header, channel) for channels in chosen.values() for channel in channels}
    arrays = {
        key: np.empty((header.records * channels[0].count, len(channels)), dtype=np.float32)
        for key, channels in chosen.items()
    }
    for first, records in _blocks(header, list(scales)):
        for key, channels in chosen.items():
            for column, channel in enumerate(channels):
                factor, summand = scales[channel]
                digital = _digital(records, channel)
                at = slice(first * channel.count, first * channel.count + len(digital))
                arrays[key][at, column] = digital * factor + summand  # in float64
    return arrays


def read_words(header: Header, label: str, mask: int) -> NDArray[np.uint32]:
    """Return the unsigned 24-bit words (samples,) of a status channel, of which ``mask`` keeps the bits set in it.

    Raises
    ------
    DataError
        There is no such channel, or the file changed.
    """
    channel = header.channel(label)
    words = np.empty(header.records * channel.count, dtype=np.uint32)
    for first, records in _blocks(header, [channel]):
        digital = _digital(records, channel)
        words[first * channel.count : first * channel.count + len(digital)] = digital & (0xFFFFFF & mask)
    return words


def _scale(header: Header, channel: Channel) -> tuple[float, float]:
    """Return factor and summand that turn a channel's digital values into physical ones."""
    (low, high), (least, most) = channel.physical, channel.digital
    if low == high or least >= most:
        raise DataError(
            f"{header.path}: channel '{channel.label}': expected a physical and a digital range, found {low:g} to "
            f"{high:g} {channel.unit} for {least:g} to {most:g}; without them its values have no meaning"
        )
    factor = (high - low) / (most - least)
    return factor, low - factor * least


def _blocks(header: Header, channels: Sequence[Channel]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield blocks of whole records (records, bytes), each with its first record's number.

    Only the bytes from the first to the last of ``channels`` are read; a block is valid until the next.
    """
    low = min(channel.place for channel in channels)
    high = max(channel.place + BYTES * channel.count for channel in channels)
    block = np.zeros((max(_BLOCK // header.record_bytes, 1), header.record_bytes), dtype=np.uint8)
    try:
        with header.path.open("rb", buffering=0) as file:
            for first in range(0, header.records, len(block)):
                here = block[: header.records - first]
                for number, record in enumerate(here, first):
                    file.seek(header.first_byte + number * header.record_bytes + low)
                    if file.readinto(record[low:high]) != high - low:
                        raise DataError(f"{header.path}: became shorter while it was read; copy it again")
                yield first, here
    except OSError as problem:
        raise DataError(f"{header.path}: cannot be read ({problem.strerror or problem})") from None


def _digital(records: NDArray[np.uint8], channel: Channel) -> NDArray[np.int32]:
    """Return a channel's samples (samples,) in ``records`` (records, bytes)."""
    packed = records[:, channel.place : channel.place + BYTES * channel.count]
    wide = np.empty((len(records), channel.count, 4), dtype=np.uint8)
    wide[:, :, 1:] = packed.reshape(len(records), channel.count, BYTES)
    digital: NDArray[np.int32] = wide.view("<i4").reshape(
        -1
    )  # in the upper 3 bytes, so that the sign has its place
    digital >>= 8  # the lowest byte, which is undefined, falls out
    return digital
