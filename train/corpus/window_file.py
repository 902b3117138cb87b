"""The file of all windows, as it is written, and what its parts are checked by."""

import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from memhacl.stream.strict import Strict


class Block(Strict):
    """One person's windows, which lie together: how many ``rows``, and check sums (crc32).

    ``edges`` is that of the first and the last window, ``whole`` that of all.
    """

    rows: int
    edges: int
    whole: int


def check_sum(windows: NDArray[np.float32], before: int = 0) -> int:
    """Return the crc32 of ``windows`` (rows, channels, samples) after content with check sum ``before``."""
    return zlib.crc32(_bytes(windows), before)


def edges(windows: NDArray[np.float32]) -> int:
    """Return the crc32 of the first and the last of ``windows`` (rows, channels, samples)."""
    return check_sum(windows[-1:], check_sum(windows[:1]))


def _bytes(windows: NDArray[np.float32]) -> memoryview | bytes:
    if not windows.size:
        return b""
    return np.ascontiguousarray(windows, dtype="<f4").data.cast("B")


class WindowWriter:
    """An .npy file of float32 windows (rows, channels, samples) that grows as they come.

    numpy pads an .npy header so that the first axis can grow in place: it is written once for no rows and
    again, equally long, for the final number.
    """

    def __init__(self, path: Path, shape: tuple[int, int]):
        self.shape = shape
        self.rows = 0
        self._file = path.open("wb")
        self._header()

    def _header(self) -> None:
        self._file.seek(0)
        header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, *self.shape)}
        npy.write_array_header_1_0(self._file, header)

    def append(self, windows: NDArray[np.float32]) -> Block:
        """Add one person's windows (rows, channels, samples); return what they can be checked by."""
        self._file.write(_bytes(windows))
        self.rows += len(windows)
        return Block(rows=len(windows), edges=edges(windows), whole=check_sum(windows))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write the header for all that was taken, and the file to the disk."""
        if self._file.closed:
            return
        try:
            self._header()
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
