"""A writer of XDF files, chunk by chunk, so that tests can write what LabRecorder does and what it should not."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

_FORMATS = {"float32": "<f4", "double64": "<f8", "int8": "i1", "int16": "<i2", "int32": "<i4", "int64": "<i8"}
_BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")


def _length(number: int) -> bytes:
    return b"\x01" + struct.pack("<B", number) if number < 256 else b"\x04" + struct.pack("<I", number)


def _chunk(tag: int, content: bytes) -> bytes:
    return _length(len(content) + 2) + struct.pack("<H", tag) + content


class XdfWriter:
    """An XDF file in memory; ``chunks`` are its bytes after the magic ones, in order."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = [_chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')]
        self._formats: list[str] = []

    def stream(
        self,
        name: str,
        type: str,
        rate: float,
        channels: Sequence[dict[str, str]] = (),
        *,
        count: int = 0,
        format: str = "float32",
        source_id: str = "",
        desc: str = "",
    ) -> int:
        """Declare a stream with ``channels`` (label, unit, type), or ``count`` that say nothing; return its id."""
        listed = "".join(
            "<channel>" + "".join(f"<{key}>{escape(text)}</{key}>" for key, text in channel.items()) + "</channel>"
            for channel in channels
        )
        fields = {
            "name": escape(name),
            "type": escape(type),
            "channel_count": str(len(channels) or count or 1),
            "nominal_srate": repr(rate),
            "channel_format": format,
            "source_id": escape(source_id),
            "desc": (f"<channels>{listed}</channels>" if listed else "") + desc,
        }
        body = "".join(f"<{key}>{text}</{key}>" for key, text in fields.items())
        self._formats.append(format)
        number = len(self._formats)
        header = struct.pack("<I", number) + f'<?xml version="1.0"?><info>{body}</info>'.encode()
        self.chunks.append(_chunk(2, header))
        return number

    def samples(
        self, number: int, times: Sequence[float | None], values: Sequence[object], size: int = 50
    ) -> None:
        """Write samples in chunks of ``size``; where a time is None the reader has to count it on."""
        for first in range(0, len(times), size):
            rows = [
                (b"\x00" if time is None else b"\x08" + struct.pack("<d", time)) + self._row(number, value)
                for time, value in zip(times[first : first + size], values[first : first + size], strict=True)
            ]
            content = struct.pack("<I", number) + _length(len(rows)) + b"".join(rows)
            self.chunks.append(_chunk(3, content))

    def _row(self, number: int, value: object) -> bytes:
        if self._formats[number - 1] != "string":
            return np.atleast_1d(np.asarray(value)).astype(_FORMATS[self._formats[number - 1]]).tobytes()
        texts = [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]
        return b"".join(_length(len(text.encode())) + text.encode() for text in texts)

    def offset(self, number: int, time: float, value: float) -> None:
        """Write that at ``time`` of the stream's clock ``value`` led to the recorder's."""
        self.chunks.append(_chunk(4, struct.pack("<Idd", number, time, value)))

    def boundary(self) -> None:
        self.chunks.append(_chunk(5, _BOUNDARY))

    def footer(self, number: int) -> None:
        self.chunks.append(_chunk(6, struct.pack("<I", number) + b"<info><sample_count>0</sample_count></info>"))

    @property
    def content(self) -> bytes:
        return b"XDF:" + b"".join(self.chunks)

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path


@pytest.fixture(scope="session")
def xdf() -> Callable[[], XdfWriter]:
    return XdfWriter
