"""The session file: who takes part, and which stream is whose."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from memhacl.runtime.messages import check_participant
from memhacl.stream.errors import ConfigError
from memhacl.stream.kinds import modality_of
from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.signals import MARKERS
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import Strict, did_you_mean, read_yaml

_EXAMPLE = "{name: actiCHamp}, or {} for the only stream of its type"


def _name(text: str) -> str:
    try:
        return check_participant(text)
    except ConfigError as problem:
        raise ValueError(str(problem)) from None


class Choice(Strict):
    """Which LSL stream to read, by shell patterns; nothing given is the only stream of its type.

    ``type`` is the LSL content type as sent: where it is given, a stream of that type is read, whatever signal
    the type would mean.
    """

    name: str | None = None
    type: str | None = None
    source_id: str | None = None
    host: str | None = None

    def wanted(self, modality: str) -> Wanted:
        """Return the wish for a stream of ``modality``."""
        return Wanted(modality, name=self.name, host=self.host, source_id=self.source_id, type=self.type)

    @property
    def selective(self) -> bool:
        """Whether it asks for more than the only stream of a type."""
        return self.wanted("") != Wanted("")


class SignalChoice(Choice):
    """Which LSL stream to read a modality from; ``channels`` maps channels of the model to the stream's labels."""

    channels: dict[str, str] = Field(default_factory=dict)


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
    def _apart(self) -> Self:
        for one, other in combinations(self.participants, 2):
            if one.name == other.name:
                raise ValueError(
                    f"participants: expected every name once, found '{one.name}' twice; give one another name"
                )
            for modality in one.streams.keys() & other.streams.keys():
                self._check_apart(modality, one, other)
        return self

    def _check_apart(self, modality: str, one: Participant, other: Participant) -> None:
        first, second = one.streams[modality], other.streams[modality]
        shared = first.channels and second.channels  # one amplifier may well serve two people
        if first.wanted(modality) == second.wanted(modality) and not shared:
            raise ValueError(
                f"participants '{one.name}' and '{other.name}': expected a stream for each, found the same choice "
                f"for {modality}; choose by name, source_id or host, or give the channels of each"
            )


def alone(name: str, modalities: Sequence[str], names: Mapping[str, str]) -> Session:
    """Return the session without a file: one participant and the only stream of each type, or that of ``names``.

    Raises
    ------
    ConfigError
        The name of the participant cannot be a topic, or a name is given for something that is not wanted.
    """
    check_participant(name)
    known = [*modalities, MARKERS]
    if unknown := sorted(set(names) - set(known)):
        raise ConfigError(f"--stream {unknown[0]}={names[unknown[0]]}: expected {', '.join(known)} before '='")
    streams = {modality: SignalChoice(name=names.get(modality)) for modality in modalities}
    markers = Choice(name=names[MARKERS]) if MARKERS in names else None
    return Session(participants=(Participant(name=name, streams=streams),), markers=markers)


def read_session(path: Path, spec: SignalSpec) -> Session:
    """Read the session file ``path`` for a model of ``spec``.

    Raises
    ------
    ConfigError
        The file cannot be read, a key is unknown, missing or wrong, two participants would read one stream, or
        somebody's streams and channels are not those that the model wants.
    """
    try:
        session = Session.model_validate(read_yaml(path))
    except ValidationError as problem:
        raise ConfigError(f"{path}: {'; '.join(_complaint(dict(item)) for item in problem.errors())}") from None
    for place, participant in enumerate(session.participants):
        _check_fit(participant, spec, f"{path}: participants.{place} ('{participant.name}')")
    return session


def _complaint(item: Mapping[str, Any]) -> str:
    """Say of one of pydantic's findings where it is, what was expected and what was found."""
    path = ".".join(str(part) for part in item["loc"])
    found = repr(item["input"])[:60]
    if item["type"] == "extra_forbidden":
        keys = [key for kind in (Session, Participant, SignalChoice) for key in kind.model_fields]
        hint = did_you_mean(str(item["loc"][-1]), keys) or f"expected keys are {', '.join(keys)}"
        return f"unknown key '{path}'; {hint}"
    if item["type"] == "missing":
        return f"key '{path}' is missing; docs/session.md has an example"
    if item["type"] in ("model_type", "dict_type"):
        return f"{path}: expected a mapping such as {_EXAMPLE}, found {found}"
    if item["type"] == "tuple_type":
        return f"{path}: expected a list with a dash before each participant, found {found}"
    reason = item["msg"].removeprefix("Value error, ")
    said = reason if item["type"] == "value_error" else f"{reason} (found {found})"
    return f"{path}: {said}" if path else said


def _check_fit(participant: Participant, spec: SignalSpec, origin: str) -> None:
    wanted = [modality.modality for modality in spec.modalities]
    for name in participant.streams:
        if name not in wanted:
            hint = f"did you mean '{modality_of(name)}'?" if modality_of(name) in wanted else "take it out"
            raise ConfigError(f"{origin}: streams: expected {', '.join(wanted)}, found '{name}'; {hint}")
    if lacking := [name for name in wanted if name not in participant.streams]:
        raise ConfigError(
            f"{origin}: streams: expected {', '.join(wanted)}, which the model wants, found no "
            f"{', '.join(lacking)}; add '{lacking[0]}: {{name: ...}}'"
        )
    for name, choice in participant.streams.items():
        channels = spec.of(name).channels
        if unknown := [channel for channel in choice.channels if channel not in channels]:
            raise ConfigError(
                f"{origin}: streams.{name}.channels: expected channels of the model before the colons "
                f"({', '.join(channels)}), found '{unknown[0]}'"
            )
