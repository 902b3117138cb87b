"""MATLAB's .mat files: opened safely, and what they hold checked, each thing that is wrong told in one line."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.sources.formats.mat_bytes import Damaged
from memhacl.stream.sources.formats.mat_elements import HEADER, Cell, Element, Other, Value, variables

_SHOWN = 60  # letters of a name or text that a message shows


@contextmanager
def opened(path: Path) -> Iterator[Iterator[Element]]:
    """Give the variables of a MAT-file, each to be read, within `told`, before the next is asked for.

    Raises
    ------
    DataError
        The file cannot be read, is none of MATLAB's versions 5 to 7, is truncated or damaged.
    """
    with told(path), path.open("rb") as file:
        yield variables(file, _byte_order(path, file), path.stat().st_size)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what reading a damaged MAT-file raises into a DataError of one line."""
    try:
        yield
    except (Damaged, zlib.error) as problem:
        raise DataError(
            f"{path}: expected a MAT-file, found one that is truncated or damaged: it {_reason(problem)}; "
            "copy or unpack it again from its original"
        ) from None
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except MemoryError:
        raise DataError(f"{path}: there is not enough memory for what it holds; is it damaged?") from None


def _reason(problem: Damaged | zlib.error) -> str:
    return str(problem) if isinstance(problem, Damaged) else f"has compressed data that are broken ({problem})"


def _byte_order(path: Path, file: BinaryIO) -> str:
    """Return '<' or '>' as the file's header says."""
    header = file.read(HEADER)
    if not header:
        raise DataError(f"{path}: expected a MAT-file, found an empty file (0 bytes); copy it again")
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128], "")
    version = header[125] if order == "<" else header[124] if order else 0
    if version == 2 or header.startswith(b"\x89HDF"):
        raise DataError(
            f"{path}: expected a MAT-file of version 7 or older, found one of version 7.3 (HDF5); "
            "load it in MATLAB and save it with -v7"
        )
    if version != 1:
        raise DataError(
            f"{path}: expected a MAT-file of MATLAB 5 to 7, found a file that begins with {header[:8]!r}; "
            "give the original file, or load it in MATLAB and save it with -v7"
        )
    return order


def read(path: Path, needed: tuple[str, ...], wanted: tuple[str, ...] = ()) -> dict[str, Value]:
    """Return the variables ``needed``, and those of ``wanted`` that are there.

    Raises
    ------
    DataError
        The file is damaged or lacks a needed variable.
    """
    there: dict[str, Value | None] = {}
    with opened(path) as elements:
        for element in elements:
            asked = element.name in needed or element.name in wanted
            there[element.name] = element.value() if asked else None
    must_hold(str(path), "variables", needed, there)
    return {name: value for name, value in there.items() if value is not None}


def must_hold(where: str, kind: str, needed: Iterable[str], there: Iterable[str]) -> None:
    """Check that all ``needed`` names are ``there``; ``kind`` says names of what.

    Raises
    ------
    DataError
        One is not.
    """
    names = list(there)
    if not set(needed) <= set(names):
        raise DataError(
            f"{where}: expected the {kind} {', '.join(needed)}, found "
            f"{_shown(', '.join(names)) or 'none'}; is it the original file?"
        )


def words(value: Value) -> str:
    """Say what ``value`` is."""
    if isinstance(value, Other):
        return value.what
    if isinstance(value, str):
        return f"the text '{_shown(value)}'"
    if isinstance(value, Mapping):
        return f"a struct of {_shown(', '.join(value))}"
    size = "x".join(map(str, value.shape))
    return f"a {size} cell array" if isinstance(value, Cell) else f"{size} numbers"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def is_empty(value: Value) -> bool:
    """Whether ``value`` is [], {} or ''."""
    if isinstance(value, Cell):
        return not value.items
    return not value.size if isinstance(value, np.ndarray) else value == ""


def fields(where: str, value: Value, needed: Iterable[str]) -> Mapping[str, Value]:
    """Return a struct's fields, the ``needed`` ones among them; ``where`` names file and place.

    Raises
    ------
    DataError
        It is no struct, or lacks a field.
    """
    if not isinstance(value, Mapping):
        raise DataError(f"{where}: expected a struct, found {words(value)}; is it the original file?")
    must_hold(where, "fields", needed, value)
    return value


def cells(where: str, value: Value, count: int | None = None) -> tuple[Value, ...]:
    """Return the items of a cell array that is one row or column, of ``count`` items (None: any number).

    Raises
    ------
    DataError
        It is none, or of another length.
    """
    if (
        not isinstance(value, Cell)
        or not len(value.items) == max(value.shape) > 0
        or count not in (None, len(value.items))
    ):
        wanted = "one row" if count is None else f"one row of {count}"
        raise DataError(f"{where}: expected {wanted} of cells, found {words(value)}; is it the original file?")
    return value.items


def table(where: str, value: Value, columns: int) -> NDArray[np.float32]:
    """Return signals (samples, ``columns``), contiguous; none of them where ``value`` is [].

    Raises
    ------
    DataError
        It is something else.
    """
    if is_empty(value):
        return np.empty((0, columns), dtype=np.float32)
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.shape[1] != columns:
        raise DataError(
            f"{where}: expected samples x {columns} numbers, found {words(value)}; is it the original file?"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # infinite or NaN: missing to the signal path
        return np.ascontiguousarray(value, dtype=np.float32)


def vector(where: str, value: Value, length: int) -> list[float]:
    """Return ``length`` numbers in one row or column; none where ``value`` is [].

    Raises
    ------
    DataError
        It is something else.
    """
    if is_empty(value):
        return []
    if not isinstance(value, np.ndarray) or value.size != length or max(value.shape) != length:
        raise DataError(f"{where}: expected {length} numbers, found {words(value)}; is it the original file?")
    return [float(number) for number in value.ravel()]
