"""An XDF file as pyxdf reads it, whatever state the file is in."""

import gzip
import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from memhacl.stream.errors import DataError
from memhacl.stream.sources.formats.xdf_chunks import MAGIC, Chunks, scan

_AS_EXPECTED = "Segments and clock-segments differ"  # always so where stamps are left as they were recorded

HEARD: Final = "pyxdf: "  # what begins so is pyxdf's own word; all else that is said of a file is damage

Stream = dict[str, Any]


def load(path: Path) -> tuple[list[Stream], list[str]]:
    """Return the file's streams in pyxdf's form, stamps on the recorder's clock with their jitter; and notes.

    Chunks that are cut off, damaged or without their stream's header are left out, and a note says so.

    Raises
    ------
    DataError
        pyxdf is not installed, or the file cannot be read, is none, or holds no stream.
    """
    content = _read(path)
    chunks = scan(content)
    notes = list(_said(len(content), chunks))
    if not chunks.whole:
        content = chunks.join(content)
    try:
        import pyxdf  # here: only who reads XDF needs it
    except ImportError:
        raise DataError(
            f"{path}: XDF files are read by pyxdf, which is not installed: pip install 'memhacl[data]'"
        ) from None
    try:
        with _overheard(notes), np.errstate(all="ignore"):
            streams, _ = pyxdf.load_xdf(
                io.BytesIO(content),
                synchronize_clocks=True,
                handle_clock_resets=True,
                dejitter_timestamps=False,
            )
    except Exception as problem:  # pyxdf promises no fixed set for a malformed file
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise DataError(
            f"{path}: expected an XDF file, found one that is malformed ({type(problem).__name__}: "
            f"{reason:.120}); copy it again from the recorder"
        ) from None
    if not streams:
        raise DataError(f"{path}: expected recorded streams, found none; were any chosen in LabRecorder?")
    return list(streams), notes


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if path.name.lower().endswith((".xdfz", ".gz")):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise DataError(f"{path}: cannot be read ({reason}); copy it again from the recorder") from None
    if not content:
        raise DataError(f"{path}: expected an XDF file, found an empty one (0 bytes); nothing was recorded")
    if not content.startswith(MAGIC):
        raise DataError(f"{path}: expected an XDF file, which begins with 'XDF:', found {content[:4]!r}")
    return content


def _said(size: int, chunks: Chunks) -> Iterator[str]:
    if chunks.truncated is not None:
        yield (
            f"ends within a chunk: {size - chunks.truncated} of its {size} bytes are left out (did the recorder "
            "stop cleanly?)"
        )
    if chunks.damaged:
        yield (
            f"damaged at byte {chunks.damaged[0]} ({len(chunks.damaged)} places in all): samples from there to "
            "the next boundary are left out"
        )
    if chunks.orphans:
        yield f"{chunks.orphans} chunks are left out: their stream's header is lost"


@contextmanager
def _overheard(notes: list[str]) -> Iterator[None]:
    """Put what pyxdf says among ``notes``, each thing once."""
    logger = logging.getLogger("pyxdf")
    handler = _Listener(notes)
    propagate, level = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its arithmetic: what it leaves not finite is left out later
            yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)


class _Listener(logging.Handler):
    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{HEARD}{' '.join(record.getMessage().split())}"
        if _AS_EXPECTED not in text and text not in self._notes:
            self._notes.append(text)
