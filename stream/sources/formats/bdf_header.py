"""The header of a BioSemi BDF file: what each channel is, and how many records of samples follow."""

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError

MAGIC: Final = b"\xffBIOSEMI"
BYTES: Final = 3  # of a sample
ANNOTATIONS: Final = "BDF Annotations"  # BDF+ keeps texts in a channel of this label
_PART: Final = 256  # bytes of the fixed part, and of each channel's
_SHORTEST: Final = 1e-6  # s, of a record
_EDF: Final = b"0       "
_AGAIN: Final = "copy the file again from its original"


@dataclass(frozen=True)
class Channel:
    """One channel: ``count`` samples in each record, at ``rate`` Hz; its bytes begin at ``place`` in the record.

    ``unit`` is what the header says. ``physical`` and ``digital`` are the (lowest, highest) values that
    calibrate it.
    """

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    count: int
    rate: float
    place: int


@dataclass(frozen=True)
class Header:
    """A BDF file's channels, and ``records`` of ``seconds`` each that are there as a whole.

    ``notes`` are sentences on what is odd or missing, and ``missing`` is how many records the file should have had
    besides.
    """

    path: Path
    channels: tuple[Channel, ...]
    records: int
    seconds: float
    missing: int = 0
    notes: tuple[str, ...] = ()

    @property
    def first_byte(self) -> int:
        """Where the first record begins in the file."""
        return _PART * (len(self.channels) + 1)

    @property
    def record_bytes(self) -> int:
        """Bytes of a record."""
        return BYTES * sum(channel.count for channel in self.channels)

    @property
    def length(self) -> float:
        """Seconds that were recorded."""
        return self.records * self.seconds

    def channel(self, label: str) -> Channel:
        """Return the signal with this label (in any case).

        Raises
        ------
        DataError
            There is none, or there are several.
        """
        found = [channel for channel in self.channels if channel.label.casefold() == label.casefold()]
        if len(found) != 1 or label == ANNOTATIONS:
            labels = ", ".join(channel.label for channel in self.channels)
            count = f"{len(found)} of them" if len(found) > 1 else "none"
            raise DataError(f"{self.path}: expected a channel '{label}', found {count} among {labels:.400}")
        return found[0]


def read_header(path: Path) -> Header:
    """Read and check a BDF file's header.

    A file with fewer records than its header says, or with -1 for their number, is taken as far as it goes, with
    a note.

    Raises
    ------
    DataError
        The file cannot be read, is of another format, damaged, discontinuous, or holds no whole record.
    """
    try:
        with path.open("rb") as file:
            fixed = _Fields(path, file.read(_PART))
            _must_be_bdf(path, fixed.content)
            count = fixed.whole(252, 4, "number of channels", lowest=1)
            described = _Fields(path, file.read(_PART * count))
            size = os.fstat(file.fileno()).st_size
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem}); {_AGAIN}") from None
    first = fixed.whole(184, 8, "length of the header", lowest=0)
    if first != _PART * (count + 1) or len(described.content) != _PART * count:
        raise DataError(
            f"{path}: expected a header of {_PART * (count + 1)} bytes for {count} channels, found "
            f"{min(size, first)}; {_AGAIN}"
        )
    seconds = fixed.number(244, 8, "duration of a record")
    if seconds < _SHORTEST:
        raise DataError(
            f"{path}: expected records that last {_SHORTEST:g} s at least, found {seconds:g} s; {_AGAIN}"
        )
    channels = _channels(described, count, seconds)
    return _with_records(path, channels, fixed.whole(236, 8, "number of records", lowest=-1), seconds, size)


def _must_be_bdf(path: Path, fixed: bytes) -> None:
    if not fixed:
        raise DataError(f"{path}: expected a BDF file, found an empty one (0 bytes); {_AGAIN}")
    kinds = {_EDF: "EDF (16-bit samples)", b"GDF ": "GDF", b"XDF:": "XDF", b"Brain Vi": "BrainVision"}
    other = next((kind for start, kind in kinds.items() if fixed.startswith(start)), repr(fixed[:8]))
    if not fixed.startswith(MAGIC):
        raise DataError(
            f"{path}: expected a BDF file (24-bit samples), which begins with {MAGIC!r}, found {other}; "
            "give the original BDF file"
        )
    if len(fixed) < _PART:
        raise DataError(f"{path}: expected a header of {_PART} bytes at least, found {len(fixed)}; {_AGAIN}")
    if fixed[192:197] == b"BDF+D":
        raise DataError(
            f"{path}: expected a continuous recording, found one with gaps (BDF+D), which is not supported; "
            "export it as BDF or BDF+C"
        )


class _Fields:
    """The ASCII fields of a header."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self.content = content

    def text(self, start: int, width: int, what: str) -> str:
        field = self.content[start : start + width].strip(b" \0")
        if not (field.isascii() and field.decode("ascii").isprintable()):
            raise DataError(f"{self._path}: header: {what}: expected ASCII text, found {field!r}; {_AGAIN}")
        return field.decode("ascii")

    def number(self, start: int, width: int, what: str) -> float:
        text = self.text(start, width, what)
        if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) is None or math.isinf(float(text)):
            raise DataError(f"{self._path}: header: {what}: expected a number, found '{text}'; {_AGAIN}")
        return float(text)

    def whole(self, start: int, width: int, what: str, lowest: int) -> int:
        number = self.number(start, width, what)
        if number != int(number) or number < lowest:
            raise DataError(
                f"{self._path}: header: {what}: expected a whole number from {lowest}, found {number:g}; {_AGAIN}"
            )
        return int(number)


def _channels(fields: _Fields, count: int, seconds: float) -> tuple[Channel, ...]:
    """Read the channels' part, in which each field stands for all channels before the next one begins."""
    found = []
    place = 0
    for index in range(count):
        label = fields.text(16 * index, 16, f"label of channel {index + 1}")
        lows_and_highs = [
            fields.number((at * count) + 8 * index, 8, f"{what} of {label}")
            for at, what in ((104, "physical minimum"), (112, "physical maximum"),
                             (120, "digital minimum"), (128, "digital maximum"))
        ]  # fmt: skip
        low, high, least, most = lows_and_highs
        unit = fields.text(96 * count + 8 * index, 8, f"unit of {label}")
        samples = fields.whole(216 * count + 8 * index, 8, f"samples in a record of {label}", lowest=1)
        found.append(Channel(label, unit, (low, high), (least, most), samples, samples / seconds, place))
        place += BYTES * samples
    return tuple(found)


def _with_records(path: Path, channels: tuple[Channel, ...], stated: int, seconds: float, size: int) -> Header:
    """Put the header together with the records that are there."""
    bare = Header(path, channels, 0, seconds)
    there, rest = divmod(size - bare.first_byte, bare.record_bytes)
    if there == 0:
        raise DataError(
            f"{path}: expected a whole record of samples ({bare.record_bytes} bytes) after the header, found "
            f"{rest} bytes; {_AGAIN}"
        )
    notes = []
    if stated < 0:
        notes.append(
            f"{path.name}: the recorder did not write how many records there are (did it stop cleanly?): "
            f"{there * seconds:g} s were found"
        )
    elif there < stated:
        notes.append(
            f"{path.name}: the file is cut off: {there} of its {stated} records are there ({there * seconds:g} s)"
        )
    elif there > stated or rest:
        raise DataError(
            f"{path}: expected {bare.first_byte + stated * bare.record_bytes} bytes for {stated} records, found "
            f"{size}; {_AGAIN}"
        )
    if notes and rest:
        notes.append(f"{path.name}: {rest} bytes of an unfinished record at the end are left out")
    return Header(path, channels, there, seconds, max(stated - there, 0), tuple(notes))
