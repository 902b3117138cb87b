"""Whose a laboratory's XDF files are, in which order, and which of them are left out."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from memhacl.stream.errors import DataError
from memhacl.stream.sources.files import few, natural
from memhacl.stream.sources.xdf.conventions import Conventions
from memhacl.stream.sources.xdf.copies import COPY, SHARED, Copies, copies
from memhacl.stream.sources.xdf.folder import SUFFIX, Found, told

_REPLACED = re.compile(r"_old\d+$")  # LabRecorder's name for the file that a repeated run replaced
_BIDS = re.compile(r"sub-[^\W_]+")
_CODE = re.compile(r"([^\W\d_]+\d+)[_-]")  # what looks like a person's code, such as P01_


@dataclass(frozen=True)
class Owned:
    """Files by person, both in natural order; ``base`` is the folder that names of files are relative to.

    ``excluded`` counts, by person and reason, the files that were left out because of their content; ``lost``
    names all of a person's files that are not among ``files``, with the reason, and ``notes`` say what was left
    out.
    """

    base: Path
    files: Mapping[str, tuple[Path, ...]]
    excluded: Mapping[str, Mapping[str, int]]
    lost: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    def named(self, path: Path) -> str:
        """Return the path below the folder, with / between its parts."""
        return _named(self.base, path)


def own(where: Path, found: Found, conventions: Conventions) -> Owned:
    """Say whose the files ``found`` in folder ``where`` (or ``where`` itself) are.

    Raises
    ------
    DataError
        A file cannot be read, what the conventions say fits no file, or no file is here.
    """
    base = where if where.is_dir() else where.parent
    sorting = _Sorting(base, found, conventions)
    if sorting.files and not sorting.owners:
        raise DataError(
            f"{where}: expected files whose path matches the data file's 'person' ({conventions.person}), found "
            f"none among {len(sorting.files)}, such as '{_named(base, sorting.files[0])}'"
        )
    if found.absent and not found.files:
        raise DataError(
            f"{where}: expected XDF files, found {len(found.absent)} links whose content is not here, such as "
            f"'{_named(base, found.absent[0])}'; fetch it, as 'git annex get' does"
        )
    return Owned(base, sorting.people, sorting.excluded, sorting.lost(), (*found.notes, *sorting.notes()))


class _Sorting:
    """The files of folder ``base``, sorted into those that count, by person, and the others, by reason."""

    def __init__(self, base: Path, found: Found, conventions: Conventions) -> None:
        self._base, self._pattern = base, conventions.person
        files, absent = self._sorted(found.files), self._sorted(found.absent)
        old = [path for path in files if _REPLACED.search(stem(path))]
        files = _without(files, old)
        runs = {path.with_name(stem(path)) for path in files}
        self.replaced = [path for path in old if path.with_name(_REPLACED.sub("", stem(path))) in runs]
        self.alone = _without(old, self.replaced)
        self.unwanted = _unwanted(base, [*files, *absent], conventions.leave_out_files)
        self.files, self.absent = _without(files, self.unwanted), _without(absent, self.unwanted)
        self.owners = _owners(base, self.files, self._pattern)
        self.copies: Copies = copies(self.owners)
        self.people = self._people()
        self.excluded: dict[str, Counter[str]] = defaultdict(Counter)
        for reason, paths in ((COPY, self.copies.own), (SHARED, self.copies.shared)):
            for path in paths:
                self.excluded[self.owners[path]][reason] += 1

    def _sorted(self, paths: Sequence[Path]) -> list[Path]:
        return sorted(paths, key=lambda path: natural(_named(self._base, path)))

    def _people(self) -> dict[str, tuple[Path, ...]]:
        people: dict[str, list[Path]] = defaultdict(list)
        kept = [path for path in self.owners if path not in self.copies.own and path not in self.copies.shared]
        for path in sorted(kept, key=lambda path: natural(self.owners[path])):
            people[self.owners[path]].append(path)
        return {person: tuple(paths) for person, paths in people.items()}

    def lost(self) -> dict[str, tuple[str, ...]]:
        """Name each person's files that are not read; not those that a repetition replaced."""
        gone: dict[str, list[str]] = defaultdict(list)
        for why, paths in (
            ("left out by the data file", self.unwanted),
            ("an old recording", self.alone),
            ("not here", self.absent),
            ("a copy", [*self.copies.own, *self.copies.shared]),
        ):
            for path, person in _owners(self._base, paths, self._pattern).items():
                gone[self.owners.get(path, person)].append(f"{_named(self._base, path)}: {why}")
        return {person: tuple(names) for person, names in gone.items()}

    def notes(self) -> tuple[str, ...]:
        """Say what does not count, and what is odd about the people."""
        nobodys = [path for path in self.files if path not in self.owners]
        own, shared = self.copies.own, self.copies.shared
        nothing_left = sorted({self.owners[path] for path in shared} - self.people.keys(), key=natural)
        return (
            *self._left_out(self.replaced, "a later recording of the same run replaced them"),
            *self._left_out(self.alone, "their names say that a later recording replaced them; there is none"),
            *self._left_out(self.unwanted, "the data file leaves them out"),
            *self._left_out(nobodys, "their path does not match the data file's 'person'"),
            *self._left_out(self.absent, "their content is not here, or not to be opened; fetch it"),
            *self._left_out(own, "they are copies of the same person's", own),
            *self._left_out(
                shared, "they are the same as another person's, and nobody can tell whose they are", shared
            ),
            *told(nothing_left, "people are left out, since no file is theirs alone"),
            *_uneven({person: len(paths) for person, paths in self.people.items()}),
            *(self._doubts() if self._pattern is None else ()),
        )

    def _left_out(
        self, paths: Sequence[Path] | Mapping[Path, Path], why: str, same: Mapping[Path, Path] | None = None
    ) -> tuple[str, ...]:
        names = [_named(self._base, path) for path in paths]
        if same is not None:
            names = [
                f"{name} (as {_named(self._base, twin)})" for name, twin in zip(names, same.values(), strict=True)
            ]
        return told(names, f"files are left out: {why}")

    def _doubts(self) -> Iterator[str]:
        """Say of whom it is uncertain whether they are one person: names of files tell no more."""
        codes: dict[str, set[str]] = defaultdict(set)
        for person in self.people:
            if code := _CODE.match(person.rpartition("/")[2]):
                codes[code[1]].add(person)
        several = {code: sorted(those, key=natural) for code, those in codes.items() if len(those) > 1}
        yield from told(
            [f"{code} ({few(those)})" for code, those in several.items()],
            "beginnings of names are several people's: are they one person? say so with 'person' of a data file",
        )
        merged = [
            f"{person} (in {few(folders)})"
            for person, paths in self.people.items()
            if len(folders := list(dict.fromkeys(self._above(path) for path in paths))) > 1
        ]
        yield from told(merged, "people have files in several folders, taken as one person's")

    def _above(self, path: Path) -> str:
        """Return the folder that holds the first part of ``path`` that names the subject."""
        parts = path.relative_to(self._base).parts
        first = next((place for place, part in enumerate(parts) if _BIDS.match(part)), len(parts) - 1)
        return "/".join(parts[:first]) or "."


def stem(path: Path) -> str:
    """Return a file's name without its ending."""
    return SUFFIX.sub("", path.name)


def _named(base: Path, path: Path) -> str:
    return path.relative_to(base).as_posix()


def _without(paths: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    gone = set(others)
    return [path for path in paths if path not in gone]


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


def _uneven(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Say who has another number of files than most have."""
    if len(set(counts.values())) < 2:
        return ()
    ((usual, _),) = Counter(counts.values()).most_common(1)
    others = [f"{person} {count}" for person, count in counts.items() if count != usual]
    more = f" ({len(others)} in all)" if len(others) > 5 else ""
    return (f"people have different numbers of files: most {usual}, but {few(others)}{more}",)
