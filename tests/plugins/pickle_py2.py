"""A writer of pickles as Python 2 with numpy made them: nested dictionaries of arrays, texts and numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

WritePy2 = Callable[..., Path]


def write(path: Path, value: Any, protocol: int = 2) -> Path:
    """Write ``value`` with byte strings for texts and for the content of arrays, each put into the memo."""
    with path.open("wb") as file:
        file.write(b"\x80\x02" if protocol == 2 else b"")
        _Writer(file, protocol).any(value)
        file.write(b".")
    return path


class _Writer:
    def __init__(self, file: BinaryIO, protocol: int) -> None:
        self._file, self._protocol, self._memo = file, protocol, 0

    def any(self, value: Any) -> None:
        if isinstance(value, dict):
            self._dict(value)
        elif isinstance(value, str):
            self._bytes(value.encode("latin1"))
        elif isinstance(value, np.ndarray):
            self._array(value)
        elif isinstance(value, tuple):
            self._tuple(*value)
        elif value is None:
            self._file.write(b"N")
        elif isinstance(value, bool):
            self._file.write((b"\x88" if value else b"\x89") if self._protocol == 2 else b"I%02d\n" % value)
        elif self._protocol and 0 <= value < 256:
            self._file.write(b"K%c" % value)
        elif self._protocol:
            self._file.write(b"J" + value.to_bytes(4, "little", signed=True))
        else:
            self._file.write(b"I%d\n" % value)

    def _put(self) -> None:
        small = b"q%c" % self._memo if self._memo < 256 else b"r" + self._memo.to_bytes(4, "little")
        self._file.write(small if self._protocol else b"p%d\n" % self._memo)
        self._memo += 1

    def _dict(self, value: dict[str, Any]) -> None:
        self._file.write(b"}" if self._protocol else b"(d")
        self._put()
        self._file.write(b"(" if self._protocol else b"")
        for key, part in value.items():
            self.any(key)
            self.any(part)
            self._file.write(b"" if self._protocol else b"s")
        self._file.write(b"u" if self._protocol else b"")

    def _tuple(self, *parts: Any) -> None:
        self._file.write(b"(")
        for part in parts:
            self.any(part)
        self._file.write(b"t")
        self._put()

    def _bytes(self, text: bytes) -> None:
        if not self._protocol:
            self._file.write(b"S" + repr(text)[1:].encode("ascii") + b"\n")
        elif len(text) < 256:
            self._file.write(b"U%c" % len(text) + text)
        else:
            self._file.write(b"T" + len(text).to_bytes(4, "little"))
            self._file.write(text)
        self._put()

    def _global(self, name: bytes) -> None:
        self._file.write(b"c" + name + b"\n")
        self._put()

    def _array(self, array: np.ndarray) -> None:
        self._global(b"numpy.core.multiarray\n_reconstruct")
        self._file.write(b"(")
        self._global(b"numpy\nndarray")
        self.any((0,))
        self.any("b")
        self._file.write(b"t")
        self._put()
        self._file.write(b"R")
        self._put()
        self._file.write(b"(")
        self.any(1)
        self.any(array.shape)
        self._global(b"numpy\ndtype")
        self.any((array.dtype.str[1:], 0, 1))
        self._file.write(b"R")
        self._put()
        self.any((3, "<", None, None, None, -1, -1, 0))
        self._file.write(b"b")
        self.any(False)
        self._bytes(np.ascontiguousarray(array).tobytes())
        self._file.write(b"t")
        self._put()
        self._file.write(b"b")


@pytest.fixture(scope="session")
def write_py2() -> WritePy2:
    return write
