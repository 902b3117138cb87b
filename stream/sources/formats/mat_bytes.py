"""The bytes of a MATLAB MAT-file of version 5, plain or compressed, and the elements that they are cut into.

No size that the file states is believed: nothing is made before its bytes are there.
"""

import io
import zlib
from typing import Any, BinaryIO, Final

import numpy as np

_LARGEST: Final = 1 << 28  # bytes of one array: four hours of 17 channels of float64 at 128 Hz
_MOST: Final = 1 << 16  # members of all cells and structs of a variable
_BLOCK: Final = 1 << 18


class Damaged(Exception):
    """The file's bytes contradict each other, or end too soon; the text says how."""


class Stream:
    """The bytes of elements, in order, with ``at`` as the place of the next one."""

    def __init__(self, file: BinaryIO, order: str, at: int = 0) -> None:
        self._file, self.order, self.at = file, order, at
        self._members = 0

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        content = self._file.read(size)
        if len(content) != size:
            raise Damaged("ends within an element")
        self.at += size
        return content

    def words(self, content: bytes) -> list[int]:
        """Return ``content`` as unsigned 32-bit numbers."""
        if len(content) % 4:
            raise Damaged("has a header of an odd length")
        return [int(word) for word in np.frombuffer(content, f"{self.order}u4")]

    def go(self, place: int) -> None:
        """Pass over everything before ``place``."""
        if self.at < place and self._file.seekable():
            self._file.seek(place - self.at, io.SEEK_CUR)
            self.at = place
        while self.at < place:
            self.read(min(place - self.at, _BLOCK))

    def count(self) -> None:
        """Count a member of a cell or struct: a small file can state very many."""
        self._members += 1
        if self._members > _MOST:
            raise Damaged(f"has more than {_MOST} members of cells")

    @property
    def over(self) -> bool:
        """Whether nothing follows."""
        return not self._file.read(1)


class _Inflated(io.RawIOBase):
    """What compressed bytes hold; reading past its end verifies the checksum."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size
        self._zlib = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._zlib.eof:
            content = self._zlib.unconsumed_tail
            if not content:
                content = self._file.read(min(self._left, _BLOCK))
                self._left -= len(content)
            plain = self._zlib.decompress(content, len(buffer))
            if plain:
                buffer[: len(plain)] = plain
                return len(plain)
            if not content:
                raise Damaged("ends within compressed data")
        return 0


def inflated(file: BinaryIO, size: int) -> BinaryIO:
    """Return a file of what the next ``size`` bytes of ``file`` hold compressed."""
    return io.BufferedReader(_Inflated(file, size), _BLOCK)


def part(stream: Stream, end: int) -> tuple[int, bytes]:
    """Return type and content of the plain data that begin here and must end before ``end``."""
    tag = stream.read(8)
    kind, length = stream.words(tag)
    if kind >> 16:  # up to four bytes lie within the tag
        kind, length = kind & 0xFFFF, kind >> 16
        if length > 4 or stream.at > end:
            raise Damaged("has a small element that is broken")
        return kind, tag[4 : 4 + length]
    if stream.at + length > end or length > _LARGEST:
        raise Damaged(f"has an element of {length} bytes where fewer are left")
    content = stream.read(length)
    stream.go(min(stream.at + -length % 8, end))
    return kind, content
