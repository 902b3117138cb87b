"""A restricted unpickler: plain containers, text, numbers and numpy's numeric arrays, and nothing else.

A pickle is a program. Here the few globals that numpy's array pickles call are answered by inert stand-ins of our
own, so neither foreign code nor numpy's own reconstruction (whose dtypes can carry forged flags) ever runs.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from memhacl.stream.errors import DataError

NUMERIC = frozenset("f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1".split())


def read_pickle(path: Path) -> object:
    """Return what a pickle of dicts, lists, text, numbers and numeric numpy arrays holds (Python 2's too).

    Raises
    ------
    DataError
        The file cannot be read, is damaged, is no pickle, or asks for anything but numpy arrays.
    """
    try:
        with path.open("rb") as file:
            return _Restricted(file, path).load()
    except DataError:
        raise
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    except (
        Exception
    ) as problem:  # a damaged pickle raises nearly anything: the pickle module promises no fixed set
        raise DataError(
            f"{path}: expected a pickle of numpy arrays, found a truncated or damaged file "
            f"of {path.stat().st_size} bytes ({' '.join(str(problem).split()) or type(problem).__name__}); "
            "copy or unpack it again from its original"
        ) from None


class _Restricted(pickle.Unpickler):
    """Answers the globals of an array pickle with stand-ins and refuses every other."""

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file, encoding="latin1")  # Python 2's byte strings: one character a byte
        self._path = path

    def find_class(self, module: str, name: str) -> object:
        stand_in = STAND_INS.get((module, name))
        if stand_in is None:
            raise DataError(
                f"{self._path}: refused: the pickle asks for {module}.{name}, but only numpy arrays are admitted; "
                "nothing was run. Do not open this file by other means unless you trust its maker"
            )
        return stand_in

    def persistent_load(self, pid: object) -> NoReturn:
        raise DataError(f"{self._path}: refused: the pickle refers to an object outside itself")


class _StandIn:
    """An immutable callable: a pickle can neither subclass it, nor set its attributes, nor build upon it."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Callable[..., object]) -> None:
        object.__setattr__(self, "_answer", answer)

    def __call__(self, *args: object) -> object:
        return self._answer(*args)  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise pickle.UnpicklingError("tried to change what it may only call")

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("tried to change what it may only call")


class _Dtype:
    """What an array pickle says about its elements; only plain numeric types are taken."""

    __slots__ = ("code",)

    def __init__(self, code: object) -> None:
        if code not in NUMERIC:
            raise pickle.UnpicklingError(f"arrays of type {code!r} are not admitted, only numeric ones")
        self.code = str(code)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        version, order, subtype, names, fields, size, alignment, flags = state[:8]
        if (version, subtype, names, fields, size, alignment, flags) != (3, None, None, None, -1, -1, 0):
            raise pickle.UnpicklingError("arrays with fields or flags are not admitted, only numeric ones")
        if order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"unknown byte order {order!r}")
        self.code = f"{order}{self.code[-2:]}"


class _Array(np.ndarray[Any, Any]):
    """An array that fills itself from a pickle's state only after checking all of it."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        version, shape, dtype, fortran, raw = state
        if version != 1 or not isinstance(dtype, _Dtype) or not isinstance(raw, str | bytes):
            raise pickle.UnpicklingError("an array's content is not plain numbers")
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        element = np.dtype(dtype.code)
        if not isinstance(shape, tuple) or any(type(length) is not int or length < 0 for length in shape):
            raise pickle.UnpicklingError(f"an array has the shape {shape!r}")
        # Python's integers: a forged shape cannot overflow into one that seems to fit
        if len(shape) > 32 or _product(shape) * element.itemsize != len(content):
            raise pickle.UnpicklingError(f"an array of shape {shape} and type {element} has {len(content)} bytes")
        super().__setstate__((1, shape, element, bool(fortran), content))  # type: ignore[arg-type]


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product


def _empty_array(kind: object, shape: object, code: object) -> _Array:
    """Stand in for numpy's ``_reconstruct``: an empty array, whatever its arguments say."""
    return np.empty(0, dtype=np.int8).view(_Array)


def _dtype(code: object, align: object = False, copy: object = True) -> _Dtype:
    return _Dtype(code)


def _encode(text: object, encoding: object = "latin1") -> bytes:
    """Stand in for ``_codecs.encode``, by which Python 3 writes bytes for Python 2."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise pickle.UnpicklingError(f"an encoding {encoding!r} is not admitted, only latin1 text")
    return text.encode("latin1")


def _never(*args: object) -> NoReturn:
    raise pickle.UnpicklingError("tried to make an array by other means than a pickled array's")


def _no_bytes() -> bytes:
    """Stand in for ``bytes()``, by which Python 3 writes the content of an empty array for Python 2."""
    return b""


_RECONSTRUCT = _StandIn(_empty_array)
STAND_INS: dict[tuple[str, str], _StandIn] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): _StandIn(_never),  # only ever an argument of _reconstruct
    ("numpy", "dtype"): _StandIn(_dtype),
    ("_codecs", "encode"): _StandIn(_encode),
    ("__builtin__", "bytes"): _StandIn(_no_bytes),
}
