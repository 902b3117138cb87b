"""What a source of recordings offers, and how a user's word, path or YAML file becomes one."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.sources import amigos, data_file, dreamer, kalunga, mahnob, stress_predict, wesad
from memhacl.stream.sources.beside import Beside
from memhacl.stream.sources.deap import original, preprocessed
from memhacl.stream.sources.files import entries, few, is_dir, is_file
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource
from memhacl.stream.sources.xdf import source as xdf
from memhacl.stream.sources.xdf.folder import SUFFIX
from memhacl.stream.strict import read_yaml

FEW: Final = People(subjects=4, stimuli=12)  # what the word `simulated` means


class Source(Protocol):
    """A set of people whose recordings can be opened one by one.

    It can be pickled, so that several processes can each open some of the people.
    """

    @property
    def name(self) -> str:
        """What the source is, in words."""
        ...

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is odd or missing, as far as the list of files tells."""
        ...

    @property
    def one_file(self) -> bool:
        """Whether one file holds everybody, so that each process that opens one person has to read all."""
        ...

    def open(self, person: str) -> Recording:
        """Return one person's recording."""
        ...

    def fingerprint(self) -> str:
        """Return the sha256 of the content, as hex: the same wherever and whenever the files were copied."""
        ...


# Each returns the source that it recognises at a path, or None, by names and the beginnings of files.
FINDERS: Final[dict[str, Callable[[Path], Source | None]]] = {
    "DEAP": preprocessed.find,
    "DEAP original": original.find,
    "MAHNOB-HCI": mahnob.find,
    "AMIGOS": amigos.find,
    "DREAMER": dreamer.find,
    "WESAD": wesad.find,
    "stress-predict": stress_predict.find,
    "kalunga-ssvep": kalunga.find,
}


def open_source(where: str) -> Source:
    """Open what ``where`` names: a data set's folder or file, XDF files, `simulated`, or a YAML file.

    Raises
    ------
    DataError
        There is no such file or folder, it holds nothing that is known, or several data sets.
    ConfigError
        A YAML file's settings are wrong.
    """
    if where == "simulated":
        return SimulatedSource(FEW)
    path = Path(where)
    if path.suffix.lower() in data_file.YAML:
        values = read_yaml(path)
        if data_file.KEY in values or data_file.is_meant(values, People.model_fields):
            return data_file.open_data_file(path, values, open_source)
        return SimulatedSource(People.parse(values, str(path)))
    _must_be_there(where)
    if path.name in ("", ".."):
        path = path.resolve()  # finders go by names
    return _open(where, path)


def _must_be_there(where: str) -> None:
    if not where.strip():
        raise DataError(f"expected data, found an empty path; expected {_expected()}")
    try:
        there = Path(where).exists()
    except OSError as problem:
        raise DataError(f"{where}: cannot be read ({problem.strerror or problem})") from None
    if not there:
        raise DataError(f"{where}: there is no such file or folder; expected {_expected()}")


def _open(where: str, path: Path) -> Source:
    """Open what lies at ``path``, which the user calls ``where``."""
    found = _known(path)
    if len(found) > 1:
        raise DataError(f"{where}: expected one data set, found {' and '.join(found)}; give the folder of one")
    for source in found.values():
        return _with_note(path, source)
    if below := _below(path):
        raise DataError(f"{where}: expected one data set, found {' and '.join(below[:5])}; give the folder of one")
    recorded = xdf.find(path)  # last: it looks into every folder below
    if recorded is not None:
        return recorded
    raise DataError(f"{where}: {_holds(path)}; expected {_expected()}")


def _known(path: Path) -> dict[str, Source]:
    return {kind: source for kind, finder in FINDERS.items() if (source := finder(path)) is not None}


def _below(path: Path) -> list[str]:
    """Say which data sets lie in which folder directly below, of those folders that can be read."""
    below = []
    for folder in filter(is_dir, entries(path) if is_dir(path) else []):
        with suppress(DataError):  # whatever is wrong there, it was not asked for
            below += [f"{kind} in '{folder.name}'" for kind in _known(folder)]
    return below


def _with_note(path: Path, source: Source) -> Source:
    """Return ``source``, with a note where XDF files lie in the same folder."""
    beside = [file.name for file in entries(path) if SUFFIX.search(file.name)] if is_dir(path) else []
    if not beside:
        return source
    many = "1 XDF file beside it is not" if len(beside) == 1 else f"{len(beside)} XDF files beside it are not"
    return Beside(source, f"{source.name}: {many} read: {few(beside)}; give one of them to read it")


def _expected() -> str:
    return (
        f"the folder of a known data set ({', '.join(FINDERS)}) or one of its files, an .xdf file or a folder of "
        "such, the word 'simulated', or a .yaml file that describes data or simulated people; see docs/datasets.md"
    )


def _holds(path: Path) -> str:
    if is_file(path):
        return f"'{path.name}' is no recording that is known"
    names = [entry.name for entry in entries(path)]
    if not names:
        return "the folder is empty"
    return f"found no recording that is known among {len(names)} entries ({few(names)})"
