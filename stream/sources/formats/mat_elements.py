"""A MATLAB MAT-file of version 5 (-v6 and -v7), element by element.

What is not asked for is passed over, so that one person of a file of gigabytes can be read without the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.sources.formats.mat_bytes import Damaged, Stream, inflated, part

HEADER: Final = 128  # bytes before the first element
_ENDLESS: Final = 1 << 40  # compressed data end where they end
_MATRIX, _COMPRESSED = 14, 15
_COMPLEX = 0x0800  # among an array's flags
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {1: "utf-8", 2: "utf-8", 16: "utf-8", 4: "utf-16", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR, _NUMBERS, _OPAQUE = 1, 2, 4, range(6, 16), 17  # classes of arrays
_OTHERS = {3: "an object", 5: "a sparse matrix", 16: "a function", _OPAQUE: "an object"}


@dataclass(frozen=True)
class Cell:
    """A cell array: ``items`` in MATLAB's order, columns first."""

    shape: tuple[int, ...]
    items: "tuple[Value, ...]"


@dataclass(frozen=True)
class Other:
    """Something that is none of cells, one struct, real numbers and one line of text: ``what`` it is, in words."""

    what: str


Value = NDArray[Any] | str | Cell | Mapping[str, Any] | Other


@dataclass(frozen=True)
class Element:
    """One array of the file, its content not yet read: that lies before ``end`` in ``stream``."""

    stream: Stream
    end: int
    name: str
    kind: int
    shape: tuple[int, ...]
    fields: tuple[str, ...] = ()
    complex: bool = False

    @property
    def is_cell(self) -> bool:
        """Whether it is a cell array."""
        return self.kind == _CELL

    @property
    def is_struct(self) -> bool:
        """Whether it is one struct, not an array of several."""
        return self.kind == _STRUCT and prod(self.shape) == 1

    def members(self) -> Iterator[tuple[str, "Element"]]:
        """Yield a cell's or struct's members, each with its field's name ("" in cells).

        Each must be read before the next is asked for; what is left of it is passed over.
        """
        names = self.fields or ("",)
        count = prod(self.shape) * (len(self.fields) if self.kind == _STRUCT else 1)
        if count * 8 > self.end - self.stream.at:  # a member has 8 bytes at least
            raise Damaged(f"has less content than {count} members need")
        for number in range(count):
            self.stream.count()
            member = _element(self.stream, self.end)
            yield names[number % len(names)], member
            self.stream.go(member.end)

    def value(self, depth: int = 16) -> Value:
        """Return all that it holds; cells and structs may be nested ``depth`` deep."""
        if depth == 0:
            raise Damaged("has cells nested too deep")
        if self.is_cell:
            return Cell(self.shape, tuple(member.value(depth - 1) for _, member in self.members()))
        if self.is_struct:
            return {name: member.value(depth - 1) for name, member in self.members()}
        if self.kind == _CHAR:
            return self._text()
        if self.kind in _NUMBERS and not self.complex:
            return self._numbers()
        return Other(self.words)

    @property
    def words(self) -> str:
        """What it is, in words."""
        size = "x".join(map(str, self.shape))
        if self.kind in (_CELL, _STRUCT, _CHAR):
            return f"a {size} {'cell' if self.is_cell else 'struct' if self.kind == _STRUCT else 'text'} array"
        if self.kind in _NUMBERS:
            return "complex numbers" if self.complex else f"{size} numbers"
        return _OTHERS.get(self.kind, f"something of class {self.kind}")

    def _numbers(self) -> NDArray[Any]:
        """Numbers (as `shape` says) of the type that they are stored in: MATLAB stores 1.0 as a byte."""
        if 0 in self.shape:
            return np.empty((0, 0))
        kind, content = part(self.stream, self.end)
        if kind not in _STORED:
            raise Damaged(f"has numbers of the unknown type {kind}")
        stored = np.dtype(self.stream.order + _STORED[kind])
        if prod(self.shape) * stored.itemsize != len(content):
            raise Damaged(
                f"has {len(content)} bytes for {'x'.join(map(str, self.shape))} numbers of type {stored}"
            )
        return np.frombuffer(content, stored).reshape(self.shape, order="F")

    def _text(self) -> Value:
        kind, content = part(self.stream, self.end) if self.stream.at < self.end else (16, b"")
        if kind not in _LETTERS:
            raise Damaged(f"has text of the unknown type {kind}")
        if content and self.shape[0] != 1:
            return Other(self.words)
        order = "" if kind in (1, 2, 16) else "-le" if self.stream.order == "<" else "-be"
        return content.decode(_LETTERS[kind] + order, errors="replace")


def variables(file: BinaryIO, order: str, size: int) -> Iterator[Element]:
    """Yield the variables of ``file`` of ``size`` bytes; ``order`` is '<' or '>'.

    Each must be read before the next is asked for.
    """
    place = HEADER
    while place < size:
        file.seek(place)
        stream = Stream(file, order, place)
        kind, length = stream.words(stream.read(8))
        place = stream.at + length
        if place > size:
            raise Damaged(f"has {size} bytes and should have {place} at least")
        if kind == _COMPRESSED:
            stream = Stream(inflated(file, length), order)
            variable = _element(stream, _ENDLESS)
            yield variable
            if stream.at == variable.end and not stream.over:  # asked only to have the checksum verified
                raise Damaged("has compressed data after a variable's end")
        elif kind == _MATRIX:
            yield _array(stream, place)
        else:
            raise Damaged(f"has an element of the unknown type {kind}")


def _element(stream: Stream, limit: int) -> Element:
    """Return the array that begins here and must end before ``limit``."""
    kind, length = stream.words(stream.read(8))
    if kind != _MATRIX:
        raise Damaged(f"has an element of type {kind} where an array belongs")
    if stream.at + length > limit:
        raise Damaged("has an array that ends after what it is part of")
    return _array(stream, stream.at + length)


def _array(stream: Stream, end: int) -> Element:
    """Return the array whose header begins here; without one, as MATLAB leaves a cell's untouched member, []."""
    if stream.at == end:
        return Element(stream, end, "", _NUMBERS[0], (0, 0))
    flags = stream.words(part(stream, end)[1])
    if not flags:
        raise Damaged("has an array without a class")
    kind = flags[0] & 0xFF
    shape = () if kind == _OPAQUE else _shape(stream.words(part(stream, end)[1]))
    name = part(stream, end)[1].decode("utf-8", errors="replace")
    fields = _fields(stream, end) if kind == _STRUCT else ()
    return Element(stream, end, name, kind, shape, fields, bool(flags[0] & _COMPLEX))


def _shape(lengths: list[int]) -> tuple[int, ...]:
    if not 2 <= len(lengths) <= 8:
        raise Damaged(f"has an array of {len(lengths)} dimensions")
    return tuple(lengths)


def _fields(stream: Stream, end: int) -> tuple[str, ...]:
    longest = stream.words(part(stream, end)[1])
    names = part(stream, end)[1]
    if len(longest) != 1 or longest[0] == 0 or len(names) % longest[0]:
        raise Damaged("has a struct whose fields' names are broken")
    padded = (names[first : first + longest[0]] for first in range(0, len(names), longest[0]))
    return tuple(name.split(b"\0")[0].decode("utf-8", errors="replace") for name in padded)
