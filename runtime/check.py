"""What `memhacl-serve --check` finds out: which streams the server would read, and whether each fits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memhacl.runtime.engine import Engine, Predictor
from memhacl.runtime.seat import as_chosen, unstated
from memhacl.runtime.session_file import Choice, Participant, Session
from memhacl.runtime.streams import shared_markers
from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.finding import Wanted, choose
from memhacl.stream.lsl.survey import Surveyed
from memhacl.stream.signals import MARKERS

_RATE_OFF = 0.05  # share of the nominal rate that two seconds may show more or less


@dataclass(frozen=True)
class Use:
    """What ``modality`` of ``participant`` would be read from.

    ``problem`` says why it would not work ("" where it would), ``notes`` what the user should know all the same.
    ``stream`` is None where none was chosen, ``missing`` whether a needed one is not visible.
    """

    participant: str
    modality: str
    stream: Surveyed | None
    problem: str = ""
    notes: tuple[str, ...] = ()
    missing: bool = False


def uses(session: Session, model: Predictor, seen: Sequence[Surveyed], markers_needed: bool) -> tuple[Use, ...]:
    """Return what the server would read for everybody in ``session`` from the streams ``seen``.

    ``markers_needed``: without a marker stream nothing would be predicted.
    """
    found = [use for participant in session.participants for use in _signals(participant, model, seen)]
    found = _apart(found, session)
    for participant in session.participants:
        choice = participant.markers or shared_markers(session)
        if choice is not None:
            found.append(_markers(participant.name, choice, seen, markers_needed))
    order = [participant.name for participant in session.participants]
    return tuple(sorted(found, key=lambda use: order.index(use.participant)))


def _signals(participant: Participant, model: Predictor, seen: Sequence[Surveyed]) -> list[Use]:
    engine = Engine(model, participant.name)
    found = []
    for modality, choice in participant.streams.items():
        wanted = choice.wanted(modality)
        try:
            stream = _chosen(wanted, seen)
        except StreamError as problem:
            found.append(Use(participant.name, modality, None, str(problem)))
            continue
        if stream is None:
            found.append(_missing(participant.name, wanted))
            continue
        use = Use(participant.name, modality, stream, stream.problem, _notes(stream))
        if stream.described is not None:
            try:
                assumed = engine.open(as_chosen(stream.described.format, modality, choice))
                use = replace(use, notes=(*use.notes, *unstated(stream.described, modality), *assumed))
            except StreamError as problem:
                use = replace(use, problem=str(problem))
        found.append(use)
    return found


def _missing(participant: str, wanted: Wanted) -> Use:
    return Use(participant, wanted.modality, None, f"expected one {wanted}, found none", missing=True)


def _chosen(wanted: Wanted, seen: Sequence[Surveyed]) -> Surveyed | None:
    """Return the one stream that is wanted; StreamError where there are several, or one but for its type."""
    candidate = choose(wanted, [stream.candidate for stream in seen])
    if candidate is not None:
        return next(stream for stream in seen if stream.candidate.uid == candidate.uid)
    untyped = replace(wanted, type="*")
    others = [stream.candidate for stream in seen if untyped.fits(stream.candidate)]
    if others and wanted != Wanted(wanted.modality):
        raise StreamError(
            f"expected one {wanted}, found {others[0]}; if it is that one, give 'type: {others[0].type}' in the "
            "session file"
        )
    return None


def _notes(stream: Surveyed) -> tuple[str, ...]:
    notes = []
    nominal, rate = stream.candidate.rate, stream.rate
    if nominal and rate is not None and abs(rate / nominal - 1) > _RATE_OFF:
        notes.append(f"it comes at {rate:.1f} Hz, where it says {nominal:g} Hz")
    if stream.absurd_clock:
        notes.append("it does not stamp with LSL's clock: its samples are placed by their arrival")
    return tuple(notes)


def _apart(found: list[Use], session: Session) -> list[Use]:
    """Return ``found`` with a problem wherever two people would be predicted from one signal."""
    mapped = {
        (participant.name, modality)
        for participant in session.participants
        for modality, choice in participant.streams.items()
        if choice.channels
    }
    first: dict[tuple[str, str], Use] = {}
    checked: list[Use] = []
    for use in found:
        if use.stream is not None:
            other = first.setdefault((use.stream.candidate.uid, use.modality), use)
            both = {(use.participant, use.modality), (other.participant, use.modality)} <= mapped
            if other is not use and not both:
                said = (
                    f"{other.participant} has the same stream; choose more narrowly, or give the channels of each"
                )
                use = replace(use, problem=said)
        checked.append(use)
    return checked


def _markers(participant: str, choice: Choice, seen: Sequence[Surveyed], needed: bool) -> Use:
    wanted = choice.wanted(MARKERS)
    try:
        stream = _chosen(wanted, seen)
    except StreamError as problem:
        return Use(participant, MARKERS, None, str(problem))
    if stream is None and (needed or choice.selective):
        return _missing(participant, wanted)
    return Use(participant, MARKERS, stream, "" if stream is None else stream.problem)
