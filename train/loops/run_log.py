"""The log of a loop: a line of JSON an epoch and, where wanted, the same numbers for TensorBoard."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from memhacl.stream.errors import ConfigError

Line = dict[str, Any]  # of numbers, words and dicts of numbers; "epoch" is among them


class RunLog:
    """The file ``path`` of lines, and the folder ``board`` of TensorBoard's events (None: without).

    What an interrupted loop had written is there again after ``begin``, as far as its checkpoint knows of it.

    Raises
    ------
    ConfigError
        TensorBoard is wanted and not installed.
    """

    def __init__(self, path: Path, board: Path | None = None):
        self.path = path
        self.size = 0
        self._board = None if board is None else Board(board)

    def begin(self, size: int = 0) -> None:
        """Keep the first ``size`` bytes of what is there, and go on behind them.

        Raises
        ------
        ValueError
            The file is shorter.
        """
        kept = self.path.read_bytes()[:size] if size else b""
        if len(kept) < size:
            raise ValueError(f"{self.path.name} has {len(kept)} bytes, not {size}")
        self.path.write_bytes(kept)
        self.size = size
        if self._board is not None:
            self._board.begin(self.lines())

    def write(self, line: Line) -> None:
        """Add ``line``."""
        text = (json.dumps(line) + "\n").encode()
        with self.path.open("ab") as file:
            file.write(text)
        self.size += len(text)
        if self._board is not None:
            self._board.add(line)

    def lines(self) -> list[Line]:
        """Return all lines so far."""
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board is not None:
            self._board.close()


class NoLog(RunLog):
    """The log of a process that trains beside the first one, which writes."""

    def __init__(self) -> None:
        super().__init__(Path())

    def begin(self, size: int = 0) -> None:
        """Do nothing."""

    def write(self, line: Line) -> None:
        """Do nothing."""


class Board:
    """TensorBoard's events in ``folder``, made from the lines of a log.

    Raises
    ------
    ConfigError
        TensorBoard is not installed.
    """

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter  # heavy, and not always installed
        except ImportError:
            raise ConfigError(
                "tensorboard: is not installed; pip install 'memhacl[tensorboard]', or leave --tensorboard away"
            ) from None
        self._folder = folder
        self._new = SummaryWriter
        self._writer: SummaryWriter | None = None

    def begin(self, lines: list[Line]) -> None:
        """Replace what is there by the numbers of ``lines``."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._writer = self._new(str(self._folder))
        for line in lines:
            self.add(line)

    def add(self, line: Line) -> None:
        """Add the numbers of ``line`` under their names, behind that of the group if it has one."""
        assert self._writer is not None
        for name, number in numbers(line, f"{line['group']}/" if "group" in line else ""):
            self._writer.add_scalar(name, number, line["epoch"])

    def close(self) -> None:
        """Write what is not yet on the disk."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def numbers(line: Mapping[str, Any], before: str = "") -> list[tuple[str, float]]:
    """Return the numbers of ``line``, those inside dicts too, by name behind ``before``; not the epoch."""
    found: list[tuple[str, float]] = []
    for name, value in line.items():
        if isinstance(value, Mapping):
            found += numbers(value, f"{before}{name}/")
        elif isinstance(value, int | float) and name != "epoch":
            found.append((before + name, value))
    return found
