"""The data file: a YAML file that says what recordings are, whose they are, and what in them means what."""

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field, field_validator

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.signals import MODALITIES
from memhacl.stream.sources.chosen import Chosen
from memhacl.stream.sources.xdf.conventions import Conventions
from memhacl.stream.sources.xdf.source import XdfSource

if TYPE_CHECKING:
    from memhacl.stream.sources.registry import Source

KEY: Final = "recordings"  # a YAML file with it is a data file
YAML: Final = (".yaml", ".yml")


class DataFile(Conventions):
    """What a data file says; all but ``recordings``, ``leave_out`` and ``streams`` is for XDF files alone.

    ``recordings`` is a file or folder, relative to the data file; ``leave_out`` names people; ``streams`` gives
    the stream of a modality by a shell pattern of its name or source_id.
    """

    guide: ClassVar[str] = "docs/xdf.md"

    recordings: str = Field(min_length=1)
    leave_out: tuple[str, ...] = ()
    streams: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("streams")
    @classmethod
    def _known(cls, streams: Mapping[str, str]) -> Mapping[str, str]:
        for modality in streams:
            if modality not in MODALITIES:
                raise ValueError(f"expected modalities out of {', '.join(MODALITIES)}, not '{modality}'")
        return streams

    @property
    def conventions(self) -> Conventions:
        """What is said of XDF files."""
        return Conventions.model_validate({key: getattr(self, key) for key in Conventions.model_fields})


def is_meant(values: Mapping[str, object], others: Collection[str]) -> bool:
    """Whether ``values`` without `recordings` are a data file's: ``others`` are the keys that another file has."""
    if any(key in DataFile.model_fields and key not in others for key in values):
        return True
    near = any(get_close_matches(str(key), (KEY,)) for key in values)
    return near and not any(key in others and key not in DataFile.model_fields for key in values)


def open_data_file(path: Path, values: Mapping[str, object], open_source: "Callable[[str], Source]") -> Chosen:
    """Open what the data file at ``path``, which holds ``values``, describes; ``open_source`` opens recordings.

    Raises
    ------
    ConfigError
        A key is wrong, or is for XDF files and the recordings are none.
    DataError
        The recordings are not there or none that are known, or what is said of them does not fit.
    """
    said = DataFile.parse(values, str(path))
    where = path.parent / said.recordings
    if where.suffix.lower() in YAML:
        raise ConfigError(f"{path}: recordings: expected recordings, found another YAML file ({where.name})")
    try:
        source = open_source(str(where))
    except DataError as problem:
        raise DataError(f"{path}: recordings: {problem}") from None
    if isinstance(source, XdfSource):
        source = source.described(said.conventions, path.parent, said.streams)
    elif given := sorted(said.model_fields_set & set(Conventions.model_fields)):
        raise ConfigError(
            f"{path}: {given[0]}: is for XDF files, but '{said.recordings}' is {source.name}; take it out"
        )
    return Chosen(source, path.name, said.leave_out, said.streams)
