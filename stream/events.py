"""The markers that tell a recording's structure: in its replay, in prediction and in training alike."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.signals import (
    ANCHOR,
    MARKERS,
    REST_END,
    REST_START,
    TRIAL_END,
    TRIAL_START,
    Marker,
    Segment,
    Signal,
    Texts,
    Trial,
)

_log = logging.getLogger(__name__)
_REST_SLACK = 0.5  # s; a stimulus that begins later than this after a rest was not prepared by it
_SLACK = 1e-3  # s; live, a marker and a sample of one moment may differ by the clocks' correction


def events(person: str, segment: Segment) -> list[Marker]:
    """Markers of ``segment`` in time order: its anchor, and the rest and stimulus of each trial.

    Windows start at the anchor, the first sample of any of the segment's signals. Where marker streams were
    recorded, theirs stand in place of the trials', which were read from them.
    """
    found = [Marker(segment.start, ANCHOR)]
    recorded = recorded_markers(segment.streams)
    if recorded:
        found += recorded
    else:
        for trial in segment.trials:
            found += trial_markers(person, trial)
    return sorted(found, key=lambda marker: marker.time)


def recorded_markers(streams: Iterable[Signal | Texts]) -> list[Marker]:
    """Markers of those of ``streams`` that are of type Markers, in time order: as a live reader gives them.

    Each channel's text, or number as text, is a marker unless it is empty; of a regular stream of numbers, a
    trigger channel, the beginning of each level that is not 0.
    """
    found = [marker for stream in streams if stream.format.modality == MARKERS for marker in _markers(stream)]
    return sorted(found, key=lambda marker: marker.time)


def _markers(stream: Signal | Texts) -> Iterator[Marker]:
    if isinstance(stream, Texts):
        for time, row in zip(stream.times.tolist(), stream.rows, strict=True):
            yield from (Marker(time, text) for text in row if text)
        return
    begun = np.ones(stream.data.shape, dtype=bool)
    if stream.format.rate > 0:
        begun = levels_begun(stream.data, stream.data[:1])
    times = stream.stamps
    for sample, channel in np.argwhere(begun).tolist():
        yield Marker(float(times[sample]), f"{stream.data[sample, channel]:g}")


def levels_begun(samples: NDArray[Any], before: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of a trigger channel's ``samples`` (samples, channels) begin a level that is not 0.

    ``before`` (1, channels) is the sample before them.
    """
    changed = samples != np.concatenate([before, samples[:-1]])
    begun: NDArray[np.bool_] = changed & (samples != 0) & np.isfinite(samples)
    return begun


def trials_of(markers: Iterable[Marker], where: str) -> tuple[Trial, ...]:
    """Trials that ``markers``, in time order, tell of; one without an end is left out, and ``where`` says so."""
    found: list[Trial] = []
    rest: tuple[float, float] | None = None
    resting: float | None = None
    open_trial: tuple[Marker, Mapping[str, object]] | None = None
    for marker in markers:
        if marker.text == ANCHOR:  # the signals begin anew: what runs until then has been broken off
            _say_endless(open_trial, where)
            open_trial = rest = resting = None
        elif marker.text == REST_START:
            resting = marker.time
        elif marker.text == REST_END and resting is not None:
            rest, resting = (resting, marker.time), None
        elif marker.text == TRIAL_END and open_trial is not None:
            found.append(_trial(*open_trial, rest, marker.time))
            open_trial = rest = None
        elif (facts := _facts(marker)) is not None:
            _say_endless(open_trial, where)
            open_trial = marker, facts
    _say_endless(open_trial, where)
    return tuple(found)


def _trial(start: Marker, facts: Mapping[str, object], rest: tuple[float, float] | None, end: float) -> Trial:
    """Put one trial together; a rest counts where the stimulus follows it at once."""
    near = rest is not None and abs(rest[1] - start.time) <= _REST_SLACK
    ratings = facts.get("ratings")
    numbers = ratings.items() if isinstance(ratings, dict) else ()
    return Trial(
        str(facts["stimulus"]),
        rest[0] if rest is not None and near else start.time,
        start.time,
        end,
        {str(scale): float(value) for scale, value in numbers if _is_rating(value)},
    )


def _is_rating(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _say_endless(trial: tuple[Marker, Mapping[str, object]] | None, where: str) -> None:
    if trial is not None:
        _log.warning(
            "%s: the trial '%s' at %.3f s is left out: it has no end", where, trial[1]["stimulus"], trial[0].time
        )


def trial_markers(person: str, trial: Trial, number: int | None = None) -> list[Marker]:
    """Markers of one trial in time order; its start carries person, stimulus, ``number`` and labels as JSON."""
    found = []
    if trial.rest < trial.rest_end:
        found += [Marker(trial.rest, REST_START), Marker(trial.rest_end, REST_END)]
    ratings = {scale: float(rating) for scale, rating in trial.ratings.items()}
    facts: dict[str, object] = {
        "person": person,
        "stimulus": trial.stimulus,
        "trial": number,
        "ratings": ratings,
    }
    if trial.categories:
        facts["categories"] = dict(trial.categories)
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
    facts = _facts(marker)
    return None if facts is None else str(facts["stimulus"])


def _facts(marker: Marker) -> Mapping[str, object] | None:
    """Return what a trial's start says, its stimulus at least; None for any other marker."""
    if not marker.text.startswith(TRIAL_START + " "):
        return None
    try:
        details = json.loads(marker.text.removeprefix(TRIAL_START))
    except ValueError:
        return None
    return details if isinstance(details, dict) and "stimulus" in details else None
