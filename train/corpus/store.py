"""The corpus: all valid windows of all trials on disk, memory-mapped, with an index and a manifest."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict
from memhacl.train.corpus.copies import first_alike
from memhacl.train.corpus.trials import Trials, load_trials
from memhacl.train.corpus.window_file import Block, check_sum, edges

INDEX = np.dtype([("subject", "i4"), ("stimulus", "i4"), ("trial", "i4"), ("hop", "i4"), ("start", "f8")])
_TABLES = ("index.npy", "trials.npz")


class Manifest(Strict):
    """What the corpus was made from: names in the order of the index's numbers, and what was left out and why.

    ``scales`` are the ranges of ratings, ``categories`` the names of each kind. ``excluded`` counts windows by
    reason, ``excluded_trials`` trials; ``excluded_people`` maps person to reason. ``blocks`` follow ``people``;
    ``tables`` are the sha256 of the other files.
    """

    format: Literal["memhacl.corpus/2"] = "memhacl.corpus/2"
    source: str
    fingerprint: str
    simulated: bool
    signals: SignalSpec
    people: tuple[str, ...]
    stimuli: tuple[str, ...]
    trials: int
    windows: int
    scales: Mapping[str, tuple[float, float]] = {}
    categories: Mapping[str, tuple[str, ...]] = {}
    excluded: Mapping[str, int] = {}
    excluded_trials: Mapping[str, int] = {}
    excluded_people: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    tables: Mapping[str, str] = {}


@dataclass(frozen=True)
class Corpus:
    """Windows (rows, channels, samples) in the units of the spec, and what is known about each row.

    ``index`` is a structured array (rows,) of dtype ``INDEX``: numbers of subject, stimulus and trial, the hop
    within the stimulus (not the second: where windows overlap, only those of one phase are the same clip) and the
    start in s on the recording's clock. ``trials`` says what is known of each trial.
    """

    windows: NDArray[np.float32]
    index: NDArray[np.void]
    trials: Trials
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

    @cached_property
    def copies(self) -> NDArray[np.int64]:
        """Number of the first trial that has each trial's windows, (trials,): its own where none has."""
        return first_alike(self.windows, self.index)


def load_corpus(folder: Path) -> Corpus:
    """Open the corpus in ``folder`` with its windows memory-mapped, and verify it.

    Of the windows, size, header and the edges of each person's are checked here; `verify` checks all of them.

    Raises
    ------
    DataError
        A file is missing or damaged, or the files do not belong together.
    """
    try:
        text = json.loads((folder / "manifest.json").read_text("utf-8"))
        if isinstance(text, dict) and text.get("format") != Manifest.model_fields["format"].default:
            raise DataError(f"{folder}: was prepared by another version of memhacl; prepare it again with --force")
        manifest = Manifest.parse(text, str(folder), DataError)
        for name in _TABLES:
            known = manifest.tables.get(name)
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != known:
                raise DataError(
                    f"{folder / name}: is damaged, or of another corpus; prepare it again with --force"
                )
        windows = np.asarray(np.load(folder / "windows.npy", mmap_mode="r"))
        corpus = Corpus(
            windows,
            np.load(folder / "index.npy"),
            load_trials(folder / "trials.npz", manifest.categories),
            manifest,
        )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise DataError(f"{folder}: is no complete corpus ({problem}); prepare it again with --force") from None
    _check(corpus, folder)
    return corpus


def _check(corpus: Corpus, folder: Path) -> None:
    manifest, rows = corpus.manifest, len(corpus.index)
    shapes = corpus.windows.shape == (rows, *manifest.signals.shape) and corpus.windows.dtype == np.float32
    if not shapes or rows != manifest.windows or len(corpus.trials) != manifest.trials:
        raise DataError(
            f"{folder}: windows {corpus.windows.shape}, index ({rows},) and manifest ({manifest.windows} windows) "
            "do not belong together; prepare it again with --force"
        )
    for person, rows_of, block in _blocks(corpus):
        if edges(rows_of) != block.edges:
            raise DataError(_damaged(folder, person))


def verify(corpus: Corpus, folder: Path) -> None:
    """Compare every window with its check sum.

    Raises
    ------
    DataError
        Windows are not those that were written.
    """
    for person, rows, block in _blocks(corpus):
        if check_sum(rows) != block.whole:
            raise DataError(_damaged(folder, person))


def _blocks(corpus: Corpus) -> list[tuple[str, NDArray[np.float32], Block]]:
    """Each person's windows (rows, channels, samples) with what they should be."""
    ends = np.cumsum([block.rows for block in corpus.manifest.blocks]).tolist()
    return [
        (person, corpus.windows[end - block.rows : end], block)
        for person, end, block in zip(corpus.manifest.people, ends, corpus.manifest.blocks, strict=True)
    ]


def _damaged(folder: Path, person: str) -> str:
    return f"{folder / 'windows.npy'}: the windows of person '{person}' are damaged; prepare it again with --force"


def hash_tables(folder: Path) -> dict[str, str]:
    """Return the sha256 of the corpus's small files in ``folder``."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in _TABLES}
