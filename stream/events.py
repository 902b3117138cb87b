"""The markers that tell a recording's structure: in its replay, in prediction and in training alike."""

import json
from collections.abc import Iterable

from memhacl.stream.signals import ANCHOR, REST_END, REST_START, TRIAL_END, TRIAL_START, Marker, Segment, Trial

_SLACK = 1e-3  # s; live, a marker and a sample of one moment may differ by the clocks' correction


def events(person: str, segment: Segment) -> list[Marker]:
    """Markers of ``segment`` in time order: its anchor, and the rest and stimulus of each trial.

    Windows start at the anchor, the first sample of any of the segment's signals.
    """
    found = [Marker(segment.start, ANCHOR)]
    for trial in segment.trials:
        found += trial_markers(person, trial)
    return sorted(found, key=lambda marker: marker.time)


def trial_markers(person: str, trial: Trial, number: int | None = None) -> list[Marker]:
    """Markers of one trial in time order; its start carries person, stimulus, ``number`` and ratings as JSON."""
    found = []
    if trial.rest < trial.onset:
        found += [Marker(trial.rest, REST_START), Marker(trial.onset, REST_END)]
    ratings = {scale: float(rating) for scale, rating in trial.ratings.items()}
    facts = {"person": person, "stimulus": trial.stimulus, "trial": number, "ratings": ratings}
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return [*found, Marker(trial.onset, f"{TRIAL_START} {text}"), Marker(trial.end, TRIAL_END)]


def playing(markers: Iterable[Marker], start: float, before: str) -> str:
    """Name the stimulus that plays at a window's ``start`` (s), "" for none.

    ``markers`` are those seen in the window, in order, and ``before`` what played at the window before it.
    """
    for marker in markers:
        if marker.time > start + _SLACK:
            break
        if marker.text == ANCHOR or marker.text.startswith(TRIAL_END):
            before = ""
        elif (name := _stimulus_of(marker)) is not None:
            before = name
    return before


def _stimulus_of(marker: Marker) -> str | None:
    """Name the stimulus that ``marker`` starts; None for any other marker, ours or a laboratory's."""
    if not marker.text.startswith(TRIAL_START + " "):
        return None
    try:
        details = json.loads(marker.text.removeprefix(TRIAL_START))
    except ValueError:
        return None
    return str(details["stimulus"]) if isinstance(details, dict) and "stimulus" in details else None
