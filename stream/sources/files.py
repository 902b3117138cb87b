"""What every reader of files does alike: look into a folder, find a person's file, hash content."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from memhacl.stream.errors import DataError

T = TypeVar("T")
_FEW = 5  # names that are enough to know what is meant


def entries(folder: Path) -> list[Path]:
    """Return what lies in ``folder``, in natural order (s2 before s10); hidden files are left out.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as problem:
        raise DataError(
            f"{folder}: expected a folder; it cannot be read ({problem.strerror or problem})"
        ) from None
    return sorted(found, key=lambda path: natural(path.name))


def is_file(path: Path) -> bool:
    """Whether there is a file; one that lies where nobody may look is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_dir(path: Path) -> bool:
    """Whether there is a folder; one that lies where nobody may look is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def places(where: Path, inside: str) -> list[Path]:
    """Return the folder ``where`` and the one called ``inside`` (in any case) in it, as far as they are there.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    if not is_dir(where):
        return []
    named = [path for path in entries(where) if path.name.casefold() == inside.casefold() and is_dir(path)]
    return [where, *named]


def by_person(folder: Path, person_of: Callable[[Path], str]) -> dict[str, Path]:
    """Return what in ``folder`` is a person's by ``person_of`` ("": nobody's), by the person, in natural order.

    Raises
    ------
    DataError
        The folder cannot be read, or something else in it is the same person's.
    """
    found: dict[str, Path] = {}
    for path in entries(folder):
        if not (person := person_of(path)):
            continue
        if person in found:
            raise DataError(
                f"{folder}: expected one file of {person}, found {found[person].name} and {path.name}; keep one"
            )
        found[person] = path
    return found


def few(names: Sequence[str]) -> str:
    """Return ``names`` with commas between them, only the first where they are many."""
    return ", ".join([*names[:_FEW], "..."] if len(names) > _FEW else names)


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts numbers inside texts by their value."""
    parts = re.split(r"(\d+)", text.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def of_person(source: str, found: Mapping[str, T], person: str) -> T:
    """Return what is found for ``person``.

    Raises
    ------
    DataError
        There is no such person.
    """
    if person not in found:
        raise DataError(f"{source}: expected a person of {', '.join(found)}, found '{person}'")
    return found[person]


def hash_of(path: Path) -> str:
    """Return the sha256 of a file's content, as hex.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None


def fingerprint(files: Iterable[tuple[str, Path]], *also: str) -> str:
    """Return the sha256, as hex, of the content of ``files``, each with whose it is, and of the texts in ``also``.

    It is the same wherever the files lie. They are read several at a time.
    """
    owned = list(files)
    digest = hashlib.sha256()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (owner, _), hashed in zip(owned, pool.map(hash_of, (path for _, path in owned)), strict=True):
            digest.update(f"{owner} {hashed}\n".encode())
    for text in also:
        digest.update(text.encode())
    return digest.hexdigest()


class FileEach:
    """People of whom each has one file: what readers of such data sets have in common."""

    one_file = False

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people, in the order of their numbers."""
        return tuple(self._files)

    def fingerprint(self) -> str:
        """Return the sha256 of all files' content and of who they belong to, as hex."""
        return fingerprint(self._files.items())
