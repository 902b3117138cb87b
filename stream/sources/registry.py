"""What a source of recordings offers, and how a user's word, path or YAML file becomes one."""

from pathlib import Path
from typing import Final, Protocol

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.sources.deap import DeapSource, holds_deap
from memhacl.stream.sources.simulated import SimulatedSource
from memhacl.stream.sources.simulated_people import People
from memhacl.stream.sources.xdf import XdfSource, xdf_files
from memhacl.stream.strict import read_yaml

FEW: Final = People(subjects=4, stimuli=12)  # what the word `simulated` means


class Source(Protocol):
    """A set of people whose recordings can be opened one by one."""

    @property
    def name(self) -> str:
        """What the source is, in words."""
        ...

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people."""
        ...

    def open(self, person: str) -> Recording:
        """Return one person's recording."""
        ...

    def fingerprint(self) -> str:
        """Return the sha256 of the content, as hex: the same wherever and whenever the files were copied."""
        ...


def open_source(where: str) -> Source:
    """Open what ``where`` names: DEAP's files, XDF files, `simulated`, or a YAML file of simulated people.

    A folder with DEAP's files in it is DEAP's, whatever else it holds.

    Raises
    ------
    DataError
        There is no such file or folder, or it holds nothing that is known.
    ConfigError
        A YAML file's settings are wrong.
    """
    if where == "simulated":
        return SimulatedSource(FEW)
    path = Path(where)
    if path.suffix.lower() in (".yaml", ".yml"):
        return SimulatedSource(People.parse(read_yaml(path), str(path)))
    if not path.exists():
        raise DataError(
            f"{where}: there is no such file or folder; expected a folder of DEAP's preprocessed files "
            "(s01.dat to s32.dat), one of them, an .xdf file or a folder of such, the word 'simulated', or a "
            ".yaml file of simulated people"
        )
    if not holds_deap(path) and (files := xdf_files(path)):
        return XdfSource(path, files)
    return DeapSource(path)
