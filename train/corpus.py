"""The corpus: all valid windows of all trials on disk, memory-mapped, with an index and a manifest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.labels import SCALES

INDEX = np.dtype(
    [("subject", "i4"), ("stimulus", "i4"), ("trial", "i4"), ("hop", "i4"), ("start", "f8")]
    + [(scale, "f8") for scale in SCALES]
    + [(f"planted_{scale}", "f8") for scale in SCALES]
)


class Manifest(Strict):
    """What the corpus was made from: names in the order of the index's numbers, and what was left out and why."""

    source: str
    fingerprint: str
    simulated: bool
    signals: SignalSpec
    people: tuple[str, ...]
    stimuli: tuple[str, ...]
    trials: int
    windows: int
    excluded: Mapping[str, int]


@dataclass(frozen=True)
class Corpus:
    """Windows (rows, channels, samples) in the units of the spec, and what is known about each row.

    ``index`` is a structured array (rows,) of dtype ``INDEX``: numbers of subject, stimulus and trial, the hop
    within the stimulus (not the second: where windows overlap, only those of one phase are the same clip), the
    start in s on the recording's clock, ratings and planted latents (NaN where unknown).
    """

    windows: NDArray[np.float32]
    index: NDArray[np.void]
    manifest: Manifest

    @property
    def spec(self) -> SignalSpec:
        """The signals of the windows, with what their owners had already done to them."""
        return self.manifest.signals

    @property
    def clips(self) -> NDArray[np.int64]:
        """Number of each row's clip, (rows,): equal where stimulus and hop are."""
        pairs = np.stack([self.index["stimulus"], self.index["hop"]])  # (2, rows)
        return np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)


def load_corpus(folder: Path) -> Corpus:
    """Open the corpus in ``folder`` with its windows memory-mapped.

    Raises
    ------
    DataError
        A file is missing or damaged, or the files do not belong together.
    """
    try:
        manifest = Manifest.parse(
            json.loads((folder / "manifest.json").read_text("utf-8")), str(folder), DataError
        )
        windows = np.load(folder / "windows.npy", mmap_mode="r")
        index = np.load(folder / "index.npy")
    except (OSError, ValueError) as problem:
        raise DataError(f"{folder}: is no complete corpus ({problem}); prepare it again with --force") from None
    if not windows.shape == (len(index), *manifest.signals.shape) or len(index) != manifest.windows:
        raise DataError(
            f"{folder}: windows {windows.shape}, index ({len(index)},) and manifest ({manifest.windows} windows) "
            "do not belong together; prepare it again with --force"
        )
    return Corpus(windows, index, manifest)


class WindowWriter:
    """An .npy file of float32 windows (rows, channels, samples) that grows as they come.

    numpy pads an .npy header so that the first axis can grow in place: it is written once for no rows and
    again, equally long, for the final number.
    """

    def __init__(self, path: Path, shape: tuple[int, int]):
        self.shape = shape
        self.rows = 0
        self._file = path.open("wb")
        self._header()

    def _header(self) -> None:
        self._file.seek(0)
        header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, *self.shape)}
        npy.write_array_header_1_0(self._file, header)

    def append(self, windows: NDArray[np.float32]) -> None:
        """Add windows (rows, channels, samples)."""
        self._file.write(np.ascontiguousarray(windows, dtype="<f4").tobytes())
        self.rows += len(windows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._header()
        self._file.close()
