"""What stands in for numpy where a pickle asks for its arrays: inert, and checked before anything is built.

numpy's own reconstruction takes dtypes whose flags can be forged; these take plain numbers only.
"""

import pickle
from collections.abc import Callable
from typing import Any, Final, NoReturn

import numpy as np

NUMERIC: Final = frozenset("f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1".split())


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
        name = _plain(code)
        if not isinstance(name, str) or name not in NUMERIC:
            raise pickle.UnpicklingError(f"arrays of type {name!r} are not admitted, only numeric ones")
        self.code = name

    def __setstate__(self, state: tuple[object, ...]) -> None:
        version, order, subtype, names, fields, size, alignment, flags = state[:8]
        if (version, subtype, names, fields, size, alignment, flags) != (3, None, None, None, -1, -1, 0):
            raise pickle.UnpicklingError("arrays with fields or flags are not admitted, only numeric ones")
        mark = _plain(order)
        if mark not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"unknown byte order {mark!r}")
        self.code = f"{mark}{self.code[-2:]}"


def _plain(text: object) -> object:
    """Return a byte string as text, one character a byte, and anything else as it is."""
    return text.decode("latin1") if isinstance(text, bytes) else text


class _Array(np.ndarray[Any, Any]):
    """An array that fills itself from a pickle's state only after checking all of it."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        version, shape, dtype, fortran, content = state
        if version != 1 or not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("an array's content is not plain numbers")
        element = np.dtype(dtype.code)
        if not isinstance(shape, tuple) or any(type(length) is not int or length < 0 for length in shape):
            raise pickle.UnpicklingError(f"an array has the shape {shape!r}")
        # Python's integers: a forged shape cannot overflow into one that seems to fit
        if len(shape) > 32 or _product(shape) * element.itemsize != len(content):
            raise pickle.UnpicklingError(f"an array of shape {shape} and type {element} has {len(content)} bytes")
        super().__setstate__((1, shape, element, bool(fortran), content))  # type: ignore[arg-type]
        self.setflags(write=False)  # numpy took the bytes themselves, which must not change


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
    if _plain(encoding) not in ("latin1", "latin-1") or not isinstance(text, str):
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
