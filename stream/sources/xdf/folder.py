"""The XDF files in a folder and below it, links included, and what there cannot be opened."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import few, natural

SUFFIX: Final = re.compile(r"\.(xdf|xdfz|xdf\.gz)$", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """XDF files; ``absent`` are links that lead to nothing, ``notes`` say which folders could not be read."""

    files: tuple[Path, ...]
    absent: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def xdf_files(where: Path) -> Found:
    """Return ``where`` itself if it is an XDF file, else those in the folder and below; hidden ones are none.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    if not where.is_dir():
        return Found((where,) if SUFFIX.search(where.name) else ())
    walk = _Walk(where)
    walk.go()
    notes = (
        *told(walk.closed, "folders cannot be read, and what lies in them is not there"),
        *told(walk.again, "folders that links lead to again are read once"),
    )
    return Found(tuple(walk.files), tuple(walk.absent), notes)


def told(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Say how many there are of ``what``, with the first few of their ``names``; nothing of none."""
    return (f"{len(names)} {what}: {few(names)}",) if names else ()


@dataclass
class _Walk:
    """A walk through ``where``, which follows links and enters no folder twice."""

    where: Path
    files: list[Path] = field(default_factory=list)
    absent: list[Path] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    _seen: dict[tuple[int, int], Path] = field(default_factory=dict)

    def go(self) -> None:
        self._is_new(self.where)
        for folder, below, names in os.walk(self.where, onerror=self._fail, followlinks=True):
            here = Path(folder)
            shown = sorted((here / name for name in below if name[0] != "."), key=_real_first)
            below[:] = [path.name for path in shown if self._is_new(path)]
            for name in names:
                if name[0] != ".":
                    self._take(here / name)

    def _is_new(self, folder: Path) -> bool:
        """Whether the walk has not been in ``folder``, by this or another name."""
        try:
            found = folder.stat()
        except OSError as problem:
            self._fail(problem)
            return False
        earlier = self._seen.setdefault((found.st_dev, found.st_ino), folder)
        if earlier != folder:
            self.again.append(f"{self._named(folder)} ({self._named(earlier)})")
        return earlier == folder

    def _take(self, path: Path) -> None:
        if SUFFIX.search(path.name) and os.path.isfile(path):
            self.files.append(path)
        elif not os.path.exists(path) and (SUFFIX.search(path.name) or not path.suffix):
            self.absent.append(path)  # a link; without an ending it may have been one to a folder

    def _fail(self, problem: OSError) -> None:
        folder, reason = Path(problem.filename), problem.strerror or problem
        if folder == self.where:
            raise DataError(f"{folder}: expected a folder; it cannot be read ({reason})") from None
        self.closed.append(f"{self._named(folder)} ({reason})")

    def _named(self, path: Path) -> str:
        return path.relative_to(self.where).as_posix()


def _real_first(path: Path) -> tuple[bool, tuple[tuple[int, str], ...]]:
    return os.path.islink(path), natural(path.name)
