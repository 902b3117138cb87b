"""A data set beside which lie files that are not read with it."""

from typing import TYPE_CHECKING

from memhacl.stream.signals import Recording

if TYPE_CHECKING:
    from memhacl.stream.sources.registry import Source


class Beside:
    """``source``, with a ``note`` on what lies beside it."""

    def __init__(self, source: "Source", note: str) -> None:
        self._source, self._note = source, note

    @property
    def name(self) -> str:
        """What the source is, in words."""
        return self._source.name

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people."""
        return self._source.people

    @property
    def notes(self) -> tuple[str, ...]:
        """What the source says, and what lies beside it."""
        return *self._source.notes, self._note

    @property
    def one_file(self) -> bool:
        """Whether one file holds everybody."""
        return self._source.one_file

    def open(self, person: str) -> Recording:
        """Return one person's recording."""
        return self._source.open(person)

    def fingerprint(self) -> str:
        """Return the sha256 of the source's content, as hex."""
        return self._source.fingerprint()
