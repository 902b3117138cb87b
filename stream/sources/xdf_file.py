"""An XDF file as pyxdf reads it, whatever state the file is in."""

import gzip
import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from memhacl.stream.errors import DataError
from memhacl.stream.sources.xdf_chunks import MAGIC, Chunks, scan

_log = logging.getLogger(__name__)
_AS_EXPECTED = "Segments and clock-segments differ"  # always so where stamps are left as they were recorded

Stream = dict[str, Any]


def load(path: Path) -> list[Stream]:
    """Return the file's streams in pyxdf's form, stamps on the recorder's clock with their jitter.

    Chunks that are cut off, damaged or without their stream's header are left out, and the log says so.

    Raises
    ------
    DataError
        pyxdf is not installed, or the file cannot be read, is none, or holds no stream.
    """
    content = _read(path)
    chunks = scan(content)
    if not chunks.whole:
        _say(path, len(content), chunks)
        content = chunks.join(content)
    try:
        import pyxdf  # here: only who reads XDF needs it
    except ImportError:
        raise DataError(
            f"{path}: XDF files are read by pyxdf, which is not installed: pip install 'memhacl[data]'"
        ) from None
    try:
        with _overheard(path), np.errstate(all="ignore"):
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
    return list(streams)


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


def _say(path: Path, size: int, chunks: Chunks) -> None:
    if chunks.truncated is not None:
        _log.warning(
            "%s: ends within a chunk: %d of its %d bytes are left out (did the recorder stop cleanly?)",
            path.name, size - chunks.truncated, size,
        )  # fmt: skip
    if chunks.damaged:
        _log.warning(
            "%s: damaged at byte %d (%d places in all): samples from there to the next boundary are left out",
            path.name, chunks.damaged[0], len(chunks.damaged),
        )  # fmt: skip
    if chunks.orphans:
        _log.warning("%s: %d chunks are left out: their stream's header is lost", path.name, chunks.orphans)


@contextmanager
def _overheard(path: Path) -> Iterator[None]:
    """Say what pyxdf says in our own log, each thing once, with the file's name."""
    logger = logging.getLogger("pyxdf")
    handler = _Relay(path.name)
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


class _Relay(logging.Handler):
    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self._name = name
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if _AS_EXPECTED not in text and text not in self._said:
            self._said.add(text)
            _log.warning("%s: pyxdf: %s", self._name, text)
