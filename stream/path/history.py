"""The recent past of one modality on the grid, addressed by slot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.buffer import Buffer


@dataclass(frozen=True)
class Block:
    """Values (slots, channels) on the grid; whether too many channels are ``dead``; the share ``interpolated``."""

    values: NDArray[np.float64]
    dead: bool = False
    interpolated: float = 0.0


class History:
    """Blocks (slots, channels) of raw and conditioned values, the newest ``keep`` slots of them."""

    def __init__(self, channels: int, keep: int) -> None:
        self._keep = keep
        self._raw, self._conditioned, self._flags = Buffer(channels), Buffer(channels), Buffer(3)
        self.reset()

    def reset(self, end: int = 0) -> None:
        """Forget everything; the next block begins at slot ``end``."""
        self.end = end
        for buffer in (self._raw, self._conditioned, self._flags):
            buffer.drop(len(buffer))

    @property
    def start(self) -> int:
        """Oldest slot that is kept."""
        return self.end - len(self._raw)

    def push(self, raw: Block, conditioned: NDArray[np.float64], warming: NDArray[np.bool_]) -> None:
        """Append one block, its values after conditioning, and which slots (slots,) are still warming up."""
        count = len(raw.values)
        flags = np.empty((count, 3))
        flags[:, 0], flags[:, 1], flags[:, 2] = warming, raw.dead, raw.interpolated
        self.end += count
        for buffer, rows in ((self._raw, raw.values), (self._conditioned, conditioned), (self._flags, flags)):
            buffer.append(rows, count)
            buffer.drop(len(buffer) - self._keep)

    def _part(self, first: int, last: int) -> slice:
        return slice(max(first - self.start, 0), max(last - self.start, 0))

    def raw(self, first: int, last: int) -> NDArray[np.float64]:
        """Raw values (slots, channels) of slots ``first:last``, as far as they are kept."""
        return self._raw.rows[self._part(first, last)]

    def conditioned(self, first: int, last: int) -> NDArray[np.float64]:
        """Conditioned values (slots, channels) of slots ``first:last``, as far as they are kept."""
        return self._conditioned.rows[self._part(first, last)]

    def warming(self, first: int, last: int) -> bool:
        """Whether the filter was still settling in any of the slots ``first:last``."""
        return bool(self._flags.rows[self._part(first, last), 0].any())

    def dead(self, first: int, last: int) -> bool:
        """Whether too many channels were dead in any of the slots ``first:last``."""
        return bool(self._flags.rows[self._part(first, last), 1].any())

    def interpolated(self, first: int, last: int) -> float:
        """Share of channels that were interpolated, the largest in slots ``first:last``."""
        return float(self._flags.rows[self._part(first, last), 2].max(initial=0.0))
