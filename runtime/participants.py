"""Who takes part in a session, and which streams each of them chooses."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from memhacl.runtime.messages import check_participant
from memhacl.stream.errors import ConfigError
from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.signals import MARKERS
from memhacl.stream.strict import Strict


def _name(text: str) -> str:
    try:
        return check_participant(text)
    except ConfigError as problem:
        raise ValueError(str(problem)) from None


def _pattern(text: str) -> str:
    if not text:
        raise ValueError("expected a word or a pattern, found an empty text; leave the key out where any will do")
    return text


def _once(channels: dict[str, str]) -> dict[str, str]:
    first: dict[str, str] = {}
    for channel, label in channels.items():
        if label in first:
            raise ValueError(f"expected every label once, found '{label}' for {first[label]} and for {channel}")
        first[label] = channel
    return channels


Pattern = Annotated[str, AfterValidator(_pattern)]


class Choice(Strict):
    """Which LSL stream to read, by shell patterns; nothing given is the only stream of its type.

    ``type`` is the LSL content type as sent: where it is given, a stream of that type is read, whatever signal
    the type would mean.
    """

    name: Pattern | None = None
    type: Pattern | None = None
    source_id: Pattern | None = None
    host: Pattern | None = None

    def wanted(self, modality: str) -> Wanted:
        """Return the wish for a stream of ``modality``; markers that nobody chose are no trigger levels."""
        return Wanted(
            modality,
            name=self.name,
            host=self.host,
            source_id=self.source_id,
            type=self.type,
            events=modality == MARKERS and not self.selective,
        )

    @property
    def selective(self) -> bool:
        """Whether it asks for more than the only stream of a type."""
        return any(word is not None for word in (self.name, self.type, self.source_id, self.host))


class SignalChoice(Choice):
    """Which LSL stream to read a modality from; ``channels`` maps channels of the model to the stream's labels."""

    channels: Annotated[dict[str, Pattern], AfterValidator(_once)] = Field(default_factory=dict)


class Participant(Strict):
    """One person: a name, a stream for each modality, and a marker stream of their own if they have one."""

    name: Annotated[str, AfterValidator(_name)]
    streams: dict[str, SignalChoice]
    markers: Choice | None = None


class Session(Strict):
    """Who takes part. ``markers`` are for all those who have none of their own."""

    participants: Annotated[tuple[Participant, ...], Field(min_length=1)]
    markers: Choice | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [participant.name for participant in self.participants]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"participants: expected every name once, found '{name}' twice; give one another name"
                )
        return self

    @property
    def shared_markers(self) -> Choice | None:
        """Which marker stream is for all who have none of their own, None where nobody would hear it.

        Where the session says nothing of markers, it is the only one that there is.
        """
        own = [participant.markers for participant in self.participants]
        if all(own):
            return None
        return self.markers or (None if any(own) else Choice())


def alone(name: str, modalities: Sequence[str], names: Mapping[str, str]) -> Session:
    """Return the session without a file: one participant and the only stream of each type, or that of ``names``.

    Raises
    ------
    ConfigError
        The name of the participant cannot be a topic, or a name is empty or for something that is not wanted.
    """
    check_participant(name)
    known = [*modalities, MARKERS]
    if unknown := sorted(set(names) - set(known)):
        raise ConfigError(f"--stream {unknown[0]}={names[unknown[0]]}: expected {', '.join(known)} before '='")
    if empty := [modality for modality, text in names.items() if not text]:
        raise ConfigError(f"--stream {empty[0]}=: expected the name of a stream after '=', found none")
    streams = {modality: SignalChoice(name=names.get(modality)) for modality in modalities}
    markers = Choice(name=names[MARKERS]) if MARKERS in names else None
    return Session(participants=(Participant(name=name, streams=streams),), markers=markers)
