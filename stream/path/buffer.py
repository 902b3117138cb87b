"""Rows that are appended at one end and dropped at the other, in memory that is reused."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 256  # rows


class Buffer:
    """A queue of rows of one shape and kind; ``rows`` is a view of what it holds, valid until the next change."""

    def __init__(self, *shape: int) -> None:
        self._store: NDArray[np.float64] = np.empty((_LEAST, *shape))
        self._first = self._last = 0

    def __len__(self) -> int:
        return self._last - self._first

    @property
    def rows(self) -> NDArray[np.float64]:
        """What the buffer holds, (rows, ...), oldest first; not a copy."""
        return self._store[self._first : self._last]

    def append(self, rows: NDArray[np.float64] | float, count: int) -> None:
        """Append ``count`` rows, or one value ``count`` times."""
        if self._last + count > len(self._store):
            self._make_room(count)
        self._store[self._last : self._last + count] = rows
        self._last += count

    def drop(self, count: int) -> None:
        """Forget the oldest ``count`` rows (none where it is negative)."""
        self._first = min(self._first + max(count, 0), self._last)

    def _make_room(self, count: int) -> None:
        held = self.rows
        needed = len(held) + count
        # Twice the need: rows are moved once for as many as have come, however small the chunks are.
        if 2 * needed > len(self._store):
            fresh: NDArray[Any] = np.empty((2 * needed, *self._store.shape[1:]))
        else:
            fresh = self._store
        fresh[: len(held)] = held
        self._store, self._first, self._last = fresh, 0, len(held)
