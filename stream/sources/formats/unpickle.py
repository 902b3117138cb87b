"""A restricted unpickler: plain containers, text, numbers and numpy's numeric arrays, and nothing else.

A pickle is a program. Here the few globals that numpy's array pickles call are answered by inert stand-ins of our
own, so neither foreign code nor numpy's own reconstruction (whose dtypes can carry forged flags) ever runs.

Python 2's byte strings stay bytes until all is read: an array keeps the very bytes that were read as its memory.
Only what is text in the end is decoded.
"""

import codecs
import os
import pickle
import warnings
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from memhacl.stream.errors import DataError
from memhacl.stream.sources.formats.pickled_arrays import STAND_INS

_CHUNK: Final = 1 << 20  # bytes


def read_pickle(path: Path) -> object:
    """Return what a pickle of dicts, lists, text, numbers and numeric numpy arrays holds (Python 2's too).

    Byte strings come back as text, one character a byte; arrays are read-only.

    Raises
    ------
    DataError
        The file cannot be read, is damaged, is no pickle, or asks for anything but numpy arrays.
    """
    try:
        with path.open("rb") as file:
            return _as_text(_Restricted(file, path).load(), {})
    except DataError:
        raise
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except (
        Exception
    ) as problem:  # a damaged pickle raises nearly anything: the pickle module promises no fixed set
        raise DataError(
            f"{path}: expected a pickle of numpy arrays, found a truncated or damaged file "
            f"of {path.stat().st_size} bytes ({_line(str(problem), 200) or type(problem).__name__}); "
            "copy or unpack it again from its original"
        ) from None


def _line(text: str, length: int) -> str:
    """Return the beginning of ``text`` as one printable line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:length])


class _Bounded:
    """A file that is never asked for more than it holds: a forged length allocates nothing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        if size > self._size:
            raise EOFError(f"asks for {size} bytes")
        return self._file.read(size)

    def readline(self) -> bytes:
        """Return the next line: Python 2's first protocol writes the content of an array as one."""
        line = self._file.readline(_CHUNK)
        if len(line) < _CHUNK or line.endswith(b"\n"):
            return line
        size = len(line)  # found out first: a line that is put together of parts takes its memory twice
        start = self._file.tell() - size
        while part := self._file.read(_CHUNK):
            place = part.find(b"\n")
            size += len(part) if place < 0 else place + 1
            if place >= 0:
                break
        self._file.seek(start)
        return self._file.read(size)


class _Dict(dict[object, object]):
    """A dictionary with plain keys only: Python crashes when it hashes tuples that are nested very deep."""

    def __setitem__(self, key: object, value: object) -> None:
        if not isinstance(key, bytes | str | int | float | None):
            raise pickle.UnpicklingError(f"a {type(key).__name__} is no key")
        super().__setitem__(key, value)


# In no pickle of arrays; they go past `find_class`, or allocate what they like, or hash anything.
_REFUSED: Final = frozenset(
    pickle.EXT1 + pickle.EXT2 + pickle.EXT4 + pickle.BYTEARRAY8 + pickle.NEXT_BUFFER + pickle.READONLY_BUFFER
    + pickle.EMPTY_SET + pickle.ADDITEMS + pickle.FROZENSET
)  # fmt: skip


class _Restricted(pickle._Unpickler):
    """Answers the globals of an array pickle with stand-ins and refuses every other.

    It is the unpickler in Python: the one in C allocates as many places as a forged memo number says, and copies
    byte strings. Array pickles have few instructions, so it is as fast.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(_Bounded(file), encoding="bytes")
        self._path = path

    def load_string(self) -> None:
        """Take a quoted byte string as the base class does, without its copies."""
        line = self.readline()  # type: ignore[attr-defined]
        if len(line) < 3 or line[:1] not in (b"'", b'"') or line[-2:] != line[:1] + b"\n":
            raise pickle.UnpicklingError("a text has no end")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an escape that Python 2 never wrote is damage
            content, _ = codecs.escape_decode(memoryview(line)[1:-2])
        self.append(content)  # type: ignore[attr-defined]

    def load_empty_dictionary(self) -> None:
        """Begin a dictionary."""
        self.append(_Dict())  # type: ignore[attr-defined]

    def load_dict(self) -> None:
        """Make a dictionary of keys and values, in turn."""
        parts = self.pop_mark()  # type: ignore[attr-defined]
        self.load_empty_dictionary()
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            self.stack[-1][key] = value  # type: ignore[attr-defined]

    dispatch = {code: load for code, load in pickle._Unpickler.dispatch.items() if code not in _REFUSED}  # noqa: RUF012
    dispatch[pickle.STRING[0]] = load_string  # type: ignore[assignment]
    dispatch[pickle.EMPTY_DICT[0]] = load_empty_dictionary  # type: ignore[assignment]
    dispatch[pickle.DICT[0]] = load_dict  # type: ignore[assignment]

    def find_class(self, module: str, name: str) -> object:
        stand_in = STAND_INS.get((module, name))
        if stand_in is None:
            raise DataError(
                f"{self._path}: refused: the pickle asks for {_line(f'{module}.{name}', 80)}, "
                "but only numpy arrays are admitted; "
                "nothing was run. Do not open this file by other means unless you trust its maker"
            )
        return stand_in

    def persistent_load(self, pid: object) -> NoReturn:
        raise DataError(f"{self._path}: refused: the pickle refers to an object outside itself")


def _as_text(value: object, seen: dict[int, object]) -> object:
    """Return ``value`` with its byte strings as text; ``seen`` are the containers that are done, by their id."""
    if isinstance(value, bytes):
        return value.decode("latin1")
    if type(value) not in (_Dict, list, tuple):
        return value
    if id(value) not in seen:
        seen[id(value)] = _parts_as_text(value, seen)
    return seen[id(value)]


def _parts_as_text(value: Any, seen: dict[int, object]) -> object:
    if not isinstance(value, dict):
        return type(value)([_as_text(part, seen) for part in value])
    texts = {_as_text(key, seen): _as_text(part, seen) for key, part in value.items()}
    if len(texts) < len(value):
        raise pickle.UnpicklingError("two keys of a dictionary are the same text")
    return texts
