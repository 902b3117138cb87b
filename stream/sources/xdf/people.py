"""Whose a laboratory's XDF files are, in which order, and which of them are left out."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import hash_of, natural
from memhacl.stream.sources.xdf.conventions import Conventions

SUFFIX = re.compile(r"\.(xdf|xdfz|xdf\.gz)$", re.IGNORECASE)
_REPLACED = re.compile(r"_old\d+$")  # LabRecorder's name for the file that a repeated run replaced
_BIDS = re.compile(r"sub-[^\W_]+")
_SHOWN = 3


@dataclass(frozen=True)
class Owned:
    """Files by person, both in natural order; ``base`` is the folder that names of files are relative to.

    ``copies`` counts the files that were left out because their content is that of a person's other file, and
    ``notes`` say what was left out.
    """

    base: Path
    files: Mapping[str, tuple[Path, ...]]
    copies: Mapping[str, int]
    notes: tuple[str, ...]

    def named(self, path: Path) -> str:
        """Return the path below the folder, with / between its parts."""
        return _named(self.base, path)


def own(where: Path, found: Iterable[Path], conventions: Conventions) -> Owned:
    """Say whose the files ``found`` in folder ``where`` (or ``where`` itself) are.

    Raises
    ------
    DataError
        A file cannot be read, or what the conventions say fits no file.
    """
    base = where if where.is_dir() else where.parent
    files = sorted(found, key=lambda path: natural(_named(base, path)))
    replaced = [path for path in files if _REPLACED.search(stem(path))]
    files = [path for path in files if path not in replaced]
    unwanted = _unwanted(base, files, conventions.leave_out_files)
    files = [path for path in files if path not in unwanted]
    owners = _owners(base, files, conventions.person)
    nobodys = [path for path in files if path not in owners]
    if files and not owners:
        raise DataError(
            f"{where}: expected files whose path matches the data file's 'person' ({conventions.person}), found "
            f"none among {len(files)}, such as '{_named(base, files[0])}'"
        )
    twins = _copies(list(owners))
    people: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((path for path in owners if path not in twins), key=lambda path: natural(owners[path])):
        people[owners[path]].append(path)
    notes = (
        *_left_out(base, replaced, "a later recording of the same run replaced them"),
        *_left_out(base, unwanted, "the data file leaves them out"),
        *_left_out(base, nobodys, "their path does not match the data file's 'person'"),
        *(f"{_named(base, path)}: left out: a copy of {_named(base, first)}" for path, first in twins.items()),
        *_uneven({person: len(paths) for person, paths in people.items()}),
    )
    copies = Counter(owners[first] for first in twins.values())
    return Owned(base, {person: tuple(paths) for person, paths in people.items()}, copies, notes)


def stem(path: Path) -> str:
    """Return a file's name without its ending."""
    return SUFFIX.sub("", path.name)


def _named(base: Path, path: Path) -> str:
    return path.relative_to(base).as_posix()


def _unwanted(base: Path, files: Sequence[Path], patterns: Sequence[str]) -> list[Path]:
    for pattern in patterns:
        if not any(fnmatchcase(_named(base, path), pattern) for path in files):
            raise DataError(
                f"{base}: expected files that fit '{pattern}' of the data file's 'leave_out_files', found none "
                f"among {len(files)}" + (f", such as '{_named(base, files[0])}'" if files else "")
            )
    return [path for path in files if any(fnmatchcase(_named(base, path), pattern) for pattern in patterns)]


def _owners(base: Path, files: Sequence[Path], pattern: str | None) -> dict[Path, str]:
    """Return each file's person: as the pattern says, else by sub-XX, else by the file's name."""
    if pattern is not None:
        searched = {path: re.search(pattern, _named(base, path)) for path in files}
        return {path: match["person"] for path, match in searched.items() if match and match["person"]}
    stems = Counter(map(stem, files))
    owners: dict[Path, str] = {}
    for path in files:
        subject = _BIDS.match(path.name)
        person = subject[0] if subject else stem(path)
        if subject is None and stems[person] > 1:  # one name in several folders
            person = (path.relative_to(base).parent / person).as_posix()
        owners[path] = person
    return owners


def _copies(files: Sequence[Path]) -> dict[Path, Path]:
    """Return the files whose content an earlier one has, with that; only files of one size are read."""
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in files:
        try:
            by_size[path.stat().st_size].append(path)
        except OSError as problem:
            raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None
    copies: dict[Path, Path] = {}
    for size, alike in by_size.items():
        first: dict[str, Path] = {}
        for path in alike if size and len(alike) > 1 else ():
            earlier = first.setdefault(hash_of(path), path)
            if earlier != path:
                copies[path] = earlier
    return copies


def _left_out(base: Path, paths: Sequence[Path], why: str) -> tuple[str, ...]:
    if not paths:
        return ()
    some = ", ".join(_named(base, path) for path in paths[:_SHOWN]) + (", ..." if len(paths) > _SHOWN else "")
    return (f"{len(paths)} files are left out: {why}: {some}",)


def _uneven(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Say who has another number of files than most have."""
    if len(set(counts.values())) < 2:
        return ()
    ((usual, _),) = Counter(counts.values()).most_common(1)
    others = [f"{person} {count}" for person, count in counts.items() if count != usual]
    some = ", ".join(others[:_SHOWN]) + (f", ... ({len(others)} in all)" if len(others) > _SHOWN else "")
    return (f"people have different numbers of files: most {usual}, but {some}",)
