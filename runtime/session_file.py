"""The session file: read, checked against the model, and every mistake in it said in one line."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from memhacl.runtime.participants import Participant, Session, SignalChoice
from memhacl.runtime.wishes import check_apart
from memhacl.stream.errors import ConfigError
from memhacl.stream.kinds import modality_of
from memhacl.stream.spec import SignalSpec
from memhacl.stream.strict import did_you_mean, read_yaml

_EXAMPLE = "{name: actiCHamp}, or {} for the only stream of its type"


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
        raise ConfigError(f"{path}: {'; '.join(map(_complaint, _telling(problem.errors())))}") from None
    for place, participant in enumerate(session.participants):
        _check_fit(participant, spec, f"{path}: participants.{place} ('{participant.name}')")
    try:
        check_apart(session, spec)
    except ConfigError as problem:
        raise ConfigError(f"{path}: {problem}") from None
    return session


def _telling(items: Sequence[Any]) -> Sequence[Any]:
    """Leave out that there are too few participants where it is only that one of them is wrong."""
    return [item for item in items if item["type"] != "too_short"] or items


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
    if item["type"] == "too_short":
        return f"{path}: expected at least one participant, found none; docs/session.md has an example"
    if item["type"] == "string_type":
        return f"{path}: expected text, found {found}" + "; put it in quotes" * _is_unquoted(item["input"])
    reason = item["msg"].removeprefix("Value error, ")
    said = reason if item["type"] == "value_error" else f"{reason} (found {found})"
    return f"{path}: {said}" if path else said


def _is_unquoted(value: object) -> bool:
    """Whether YAML took a word for something else: a number, a truth value, a date."""
    return isinstance(value, bool | int | float | date)


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
