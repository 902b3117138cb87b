"""What `memhacl-serve --check` finds out: which streams the server would read, and whether each fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memhacl.runtime.engine import Engine, Predictor
from memhacl.runtime.participants import Choice, Participant, Session
from memhacl.runtime.seat import as_chosen, unstated
from memhacl.runtime.wishes import wishes
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

    ``markers_needed``: without a marker stream nothing, or not everything, would be predicted.
    """
    wanted = wishes(session, model.card.spec)
    found = []
    for participant in session.participants:
        found += _signals(participant, wanted, model, seen)
        own = participant.markers
        if (choice := own or session.shared_markers) is not None:
            wish = wanted[participant.name if own else None, MARKERS]
            found.append(_markers(participant.name, choice, wish, seen, markers_needed))
    return tuple(found)


def _signals(
    participant: Participant,
    wishes: Mapping[tuple[str | None, str], Wanted],
    model: Predictor,
    seen: Sequence[Surveyed],
) -> list[Use]:
    engine = Engine(model, participant.name)
    found = []
    for modality, choice in participant.streams.items():
        wanted = wishes[participant.name, modality]
        try:
            stream = _chosen(wanted, choice, seen)
        except StreamError as problem:
            found.append(Use(participant.name, modality, None, str(problem)))
            continue
        if stream is None:
            found.append(_missing(participant.name, wanted, spared=modality in model.card.absent_ok))
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


def _missing(participant: str, wanted: Wanted, spared: bool = False) -> Use:
    problem = f"expected one {wanted}, found none" + "; until it comes, the model predicts without" * spared
    return Use(participant, wanted.modality, None, problem, missing=True)


def _chosen(wanted: Wanted, choice: Choice, seen: Sequence[Surveyed]) -> Surveyed | None:
    """Return the one stream that is wanted; StreamError where there are several, or one but for its type."""
    candidate = choose(wanted, [stream.candidate for stream in seen])
    if candidate is not None:
        return next(stream for stream in seen if stream.candidate.uid == candidate.uid)
    untyped = replace(wanted, type="*")
    others = [stream.candidate for stream in seen if untyped.fits(stream.candidate)]
    if others and choice.selective:
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


def _markers(participant: str, choice: Choice, wanted: Wanted, seen: Sequence[Surveyed], needed: bool) -> Use:
    needed = needed or choice.selective
    try:
        stream = _chosen(wanted, choice, seen)
    except StreamError as problem:
        if needed:
            return Use(participant, MARKERS, None, str(problem))
        return Use(participant, MARKERS, None, notes=(str(problem),))
    if stream is None and needed:
        return _missing(participant, wanted)
    return Use(participant, MARKERS, stream, "" if stream is None else stream.problem)
