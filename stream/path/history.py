"""The recent past of one modality on the grid, addressed by slot."""

import numpy as np
from numpy.typing import NDArray


class History:
    """Blocks (slots, channels) of raw and conditioned values, the newest ``keep`` slots of them."""

    def __init__(self, channels: int, keep: int) -> None:
        self._keep = keep
        self._channels = channels
        self.reset()

    def reset(self, end: int = 0) -> None:
        """Forget everything; the next block begins at slot ``end``."""
        self.end = end
        self._raw = np.empty((0, self._channels))
        self._conditioned = np.empty((0, self._channels))
        self._warming = np.empty(0, dtype=bool)

    @property
    def start(self) -> int:
        """Oldest slot that is kept."""
        return self.end - len(self._raw)

    def push(self, raw: NDArray[np.float64], conditioned: NDArray[np.float64], warming: NDArray[np.bool_]) -> None:
        """Append one block."""
        self.end += len(raw)
        self._raw = np.concatenate([self._raw, raw])[-self._keep :]
        self._conditioned = np.concatenate([self._conditioned, conditioned])[-self._keep :]
        self._warming = np.concatenate([self._warming, warming])[-self._keep :]

    def _part(self, first: int, last: int) -> slice:
        return slice(max(first - self.start, 0), max(last - self.start, 0))

    def raw(self, first: int, last: int) -> NDArray[np.float64]:
        """Raw values (slots, channels) of slots ``first:last``, as far as they are kept."""
        return self._raw[self._part(first, last)]

    def conditioned(self, first: int, last: int) -> NDArray[np.float64]:
        """Conditioned values (slots, channels) of slots ``first:last``, as far as they are kept."""
        return self._conditioned[self._part(first, last)]

    def warming(self, first: int, last: int) -> bool:
        """Whether the filter was still settling in any of the slots ``first:last``."""
        return bool(self._warming[self._part(first, last)].any())
