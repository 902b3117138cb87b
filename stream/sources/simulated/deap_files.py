"""Write simulated people as DEAP's preprocessed files: Python-2 pickles, and simulated.json beside them."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.deap.sidecar import SIDECAR, make_sidecar, read_sidecar
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import deap_arrays


def write_deap(
    people: People, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Path, ...]:
    """Write a file for each person and the sidecar; return the files; ``progress`` gets (people done, people).

    Raises
    ------
    ConfigError
        The people's layout is not DEAP's.
    DataError
        The folder cannot be written, or holds files of other people, which are never overwritten.
    """
    if people.layout != "deap":
        raise ConfigError(f"layout: expected 'deap' to write DEAP's files, found '{people.layout}'")
    _must_be_ours(people, folder)
    files = tuple(folder / f"{name}.dat" for name in people.person_names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The sidecar first: an interrupted folder must not pass for recordings of real people.
        text = make_sidecar(people).model_dump_json(indent=1)
        _write(folder / SIDECAR, lambda file: file.write(text.encode()))
        for person, path in enumerate(files):
            data, labels = deap_arrays(people, person)
            _write(path, partial(write_pickle, {"labels": labels, "data": data}))
            progress(person + 1, len(files))
    except OSError as problem:
        raise DataError(
            f"{folder}: cannot be written ({problem.strerror or problem}); free space or give another"
        ) from None
    return files


def _must_be_ours(people: People, folder: Path) -> None:
    """Refuse a folder that holds recordings of anyone else."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: expected a folder to write into, found a file")
    if not any(folder.glob("*.dat")):
        return
    sidecar = read_sidecar(folder)
    if sidecar is None or sidecar.people != people:
        what = "recordings that are not simulated" if sidecar is None else "people simulated with other settings"
        raise DataError(
            f"{folder}: already holds {what}, which are not overwritten; give another folder or empty this one"
        )


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write under a temporary name and rename: under its own name a file is always whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            fill(file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_pickle(arrays: Mapping[str, NDArray[Any]], file: BinaryIO) -> None:
    """Write a dictionary of float64 arrays as Python 2 with numpy wrote it (pickle protocol 2).

    Python 3's own protocol 2 would recode every byte as text: half as large again, slow, and unlike DEAP's files.
    """
    file.write(b"\x80\x02}(")  # PROTO 2, EMPTY_DICT, MARK
    for key, array in arrays.items():
        file.write(_text(key))
        file.write(
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + _text("b") + b"\x87R(K\x01("
        )
        file.write(b"".join(b"J" + length.to_bytes(4, "little") for length in array.shape) + b"t")
        # dtype('f8', 0, 1) with the state (3, '<', None, None, None, -1, -1, 0), then C order
        file.write(b"cnumpy\ndtype\n" + _text("f8") + b"K\x00K\x01\x87R(K\x03" + _text("<"))
        file.write(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
        content = np.ascontiguousarray(array, dtype="<f8")
        file.write(b"T" + content.nbytes.to_bytes(4, "little"))  # BINSTRING
        file.write(content.data)
        file.write(b"tb")  # the array's state, BUILD
    file.write(b"u.")  # SETITEMS, STOP


def _text(text: str) -> bytes:
    """Return a short Python-2 string."""
    return b"U" + bytes([len(text)]) + text.encode("latin1")
