"""What everybody in a session wants to read, and whose streams nobody else may take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

from memhacl.runtime.participants import Choice, Session
from memhacl.stream.errors import ConfigError
from memhacl.stream.kinds import modality_of
from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.signals import MARKERS
from memhacl.stream.spec import SignalSpec

_EVERYBODY = "everybody"  # the owner, in messages, of the markers for all


@dataclass(frozen=True)
class _Wish:
    """One participant's choice for one modality, whose channels of the model are ``wanted``."""

    owner: str
    modality: str
    choice: Choice
    wanted: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False

    @property
    def place(self) -> tuple[str | None, ...]:
        """What two choices have in common that always lead to one stream."""
        kind = self.modality if self.choice.type is None else modality_of(self.choice.type)
        return kind, self.choice.name, self.choice.source_id, self.choice.host

    @property
    def lacking(self) -> list[str]:
        """Channels of the model that would be looked for by their own names."""
        return [channel for channel in self.wanted if channel not in self.labels]

    def said(self) -> Wanted:
        """Return the wish, with its owner and without rivals."""
        return replace(self.choice.wanted(self.modality), owner=self.owner)

    def rivals(self, other: "_Wish") -> bool:
        """Whether the two must not read one stream: they are not one person's, nor kept apart by channels."""
        if self.owner == other.owner and self.shared == other.shared:
            return False
        if (self.shared or other.shared) and self.choice == other.choice:
            return False  # who names the markers for all as their own hears the same
        mapped = self.labels and other.labels and not self.lacking and not other.lacking
        return not mapped or not set(self.labels.values()).isdisjoint(other.labels.values())


def wishes(session: Session, spec: SignalSpec) -> dict[tuple[str | None, str], Wanted]:
    """Return what is wanted by participant and modality, or ``Markers``; participant None are the markers for all.

    Where several people take part, each wish knows those with whom no stream may be shared.
    """
    found = [(wish, wish.said()) for wish in _wishes(session, spec)]
    several = len(session.participants) > 1
    told = {}
    for wish, said in found:
        rivals = tuple(theirs for other, theirs in found if several and wish.rivals(other))
        told[None if wish.shared else wish.owner, wish.modality] = replace(said, rivals=rivals)
    return told


def check_apart(session: Session, spec: SignalSpec) -> None:
    """Refuse choices that always lead two people to one stream, if channels do not keep them apart.

    Raises
    ------
    ConfigError
        Says whose, for what, and what to do.
    """
    own = [wish for wish in _wishes(session, spec) if not wish.shared]
    for one, other in combinations(own, 2):
        if one.place == other.place and one.rivals(other):
            kinds = dict.fromkeys((one.modality, other.modality))
            raise ConfigError(
                f"participants '{one.owner}' and '{other.owner}': expected a stream for each, found the same "
                f"choice for {' and '.join(kinds)}{_advice(one, other)}"
            )


def _advice(one: _Wish, other: _Wish) -> str:
    if MARKERS in (one.modality, other.modality):
        return "; give it once, as 'markers' at the top"
    both = sorted(set(one.labels.values()) & set(other.labels.values()))
    if both:
        return f", and channel '{both[0]}' in both; give each channels of their own"
    if one.labels and other.labels:
        wish = one if one.lacking else other
        return f", and no channel of {wish.owner}'s for {', '.join(wish.lacking)}; give all channels of each"
    return "; choose by name, source_id or host, or give all channels of each"


def _wishes(session: Session, spec: SignalSpec) -> Iterator[_Wish]:
    for person in session.participants:
        for modality, choice in person.streams.items():
            yield _Wish(person.name, modality, choice, spec.of(modality).channels, choice.channels)
        if person.markers is not None:
            yield _Wish(person.name, MARKERS, person.markers)
    if session.shared_markers is not None:
        yield _Wish(_EVERYBODY, MARKERS, session.shared_markers, shared=True)
