"""Files with the same content: which of them count, and whose they may be."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import hash_of

COPY: Final = "duplicate_file"
SHARED: Final = "same_file_as_another_person"


@dataclass(frozen=True)
class Copies:
    """Files that do not count, each with another of the same content.

    Those in ``own`` are copies of an earlier file of the same person; in ``shared``, of another person's: nobody
    can tell whose they are, so that none of them counts.
    """

    own: dict[Path, Path] = field(default_factory=dict)
    shared: dict[Path, Path] = field(default_factory=dict)


def copies(owners: Mapping[Path, str]) -> Copies:
    """Compare the files in ``owners``, which gives each file's person, in their order.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    found = Copies()
    for alike in _alike(owners):
        for path in alike:
            if others := [other for other in alike if owners[other] != owners[path]]:
                found.shared[path] = others[0]
            elif path != alike[0]:
                found.own[path] = alike[0]
    return found


def _alike(files: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield the files of each content that several have; only files of one size are read."""
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in files:
        try:
            by_size[path.stat().st_size].append(path)
        except OSError as problem:
            raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    for size, candidates in by_size.items():
        by_hash: dict[str, list[Path]] = defaultdict(list)
        for path in candidates if size and len(candidates) > 1 else ():
            by_hash[hash_of(path)].append(path)
        yield from (alike for alike in by_hash.values() if len(alike) > 1)
