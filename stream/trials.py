"""Trials as memhacl:* markers tell them: written from trials, and read back."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeGuard

from memhacl.stream.signals import ANCHOR, REST_END, REST_START, TRIAL_END, TRIAL_START, Marker, Trial

REST_SLACK: Final = 10.0  # s; a stimulus that begins later than this after a rest was not prepared by it
NO_END: Final = "no_end"
UNREADABLE: Final = "unreadable_start"
_START = re.compile(rf"{re.escape(TRIAL_START)}(?!\w)")
_EXAMPLE = '{"stimulus": "name"}'
_SHOWN = 3


@dataclass(frozen=True)
class Told:
    """Trials that markers tell of; ``excluded`` counts those left out, by reason, and ``notes`` say which."""

    trials: tuple[Trial, ...]
    excluded: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def trials_of(markers: Iterable[Marker], where: str) -> Told:
    """Trials that memhacl:* ``markers``, in time order, tell of; what cannot be one is left out and counted.

    ``where`` names the file in the notes.
    """
    reader = _Reader()
    for marker in markers:
        reader.take(marker)
    reader.break_off()
    counts = {NO_END: len(reader.endless), UNREADABLE: len(reader.unreadable)}
    notes = (
        *without_end(reader.endless, where),
        *left_out(where, f"starts that do not say their stimulus as JSON, {_EXAMPLE},", reader.unreadable),
        *left_out(where, "ratings that are no numbers and categories that are no words", reader.unusable),
    )
    return Told(tuple(reader.found), {reason: count for reason, count in counts.items() if count}, notes)


class _Reader:
    def __init__(self) -> None:
        self.found: list[Trial] = []
        self.endless: list[tuple[str, float]] = []  # stimulus and onset
        self.unreadable: list[str] = []
        self.unusable: list[str] = []
        self._rest: tuple[float, float] | None = None
        self._resting: float | None = None
        self._open: Trial | None = None

    def take(self, marker: Marker) -> None:
        if marker.text == ANCHOR:  # the signals begin anew: what runs until then has been broken off
            self.break_off()
            self._rest = self._resting = None
        elif marker.text == REST_START:
            self._resting = marker.time
        elif marker.text == REST_END and self._resting is not None:
            self._rest, self._resting = (self._resting, marker.time), None
        elif marker.text.startswith(TRIAL_END) and self._open is not None:
            self.found.append(replace(self._open, end=marker.time))
            self._open = None
        elif is_start(marker):
            self.break_off()
            self._begin(marker, facts_of(marker))
            self._rest = None

    def _begin(self, marker: Marker, facts: Mapping[str, object] | None) -> None:
        if facts is None:
            self.unreadable.append(f"{marker.text!r:.60} at {marker.time:.3f} s")
            return
        self._open = _begun(marker.time, facts, self._rest)
        self.unusable += (f"{what} of '{facts['stimulus']}' at {marker.time:.3f} s" for what in _unusable(facts))

    def break_off(self) -> None:
        if self._open is not None:
            self.endless.append((self._open.stimulus, self._open.onset))
            self._open = None


def _begun(onset: float, facts: Mapping[str, object], rest: tuple[float, float] | None) -> Trial:
    """Return a trial that has not ended yet; a rest counts where the stimulus follows it soon."""
    start, rested = resting(rest, onset)
    return Trial(
        str(facts["stimulus"]),
        start,
        onset,
        onset,
        {str(scale): float(value) for scale, value in _items(facts, "ratings") if _is_rating(value)},
        categories={str(kind): word for kind, word in _items(facts, "categories") if isinstance(word, str)},
        rested=rested,
    )


def _unusable(facts: Mapping[str, object]) -> Iterator[str]:
    """Yield the labels that cannot be taken; null is none."""
    for key in ("ratings", "categories"):
        labels = facts.get(key)
        if labels is not None and not isinstance(labels, dict):
            yield f"{key} {labels!r:.30}"
    for scale, value in _items(facts, "ratings"):
        if value is not None and not _is_rating(value):
            yield f"{scale} {value!r:.30}"
    for kind, word in _items(facts, "categories"):
        if word is not None and not isinstance(word, str):
            yield f"{kind} {word!r:.30}"


def resting(rest: tuple[float, float] | None, onset: float) -> tuple[float, float | None]:
    """Return a trial's ``rest`` and ``rested`` from the last rest's start and end (s) before its onset."""
    if rest is None or not rest[0] < rest[1] <= onset <= rest[1] + REST_SLACK:
        return onset, None
    return rest[0], None if rest[1] == onset else rest[1]


def _items(facts: Mapping[str, object], key: str) -> Iterable[tuple[object, object]]:
    values = facts.get(key)
    return values.items() if isinstance(values, dict) else ()


def _is_rating(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def without_end(found: Iterable[tuple[str, float]], where: str) -> tuple[str, ...]:
    """Say which trials (stimulus, onset in s) are left out because they have no end; nothing where none is."""
    return left_out(where, "trials without an end", [f"'{name}' at {onset:.3f} s" for name, onset in found])


def left_out(where: str, what: str, found: list[str]) -> tuple[str, ...]:
    """Say that trials or markers are left out, with the first few of those ``found`` by name."""
    if not found:
        return ()
    more = f", ... ({len(found)} in all)" if len(found) > _SHOWN else ""
    return (f"{where}: {what} are left out: {', '.join(found[:_SHOWN])}{more}",)


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


def is_start(marker: Marker) -> bool:
    """Whether ``marker`` is a trial's start, though it may not be readable."""
    return _START.match(marker.text) is not None


def facts_of(marker: Marker) -> Mapping[str, object] | None:
    """Return what a trial's start says, its stimulus at least; None for any other marker."""
    if not is_start(marker):
        return None
    try:
        details = json.loads(marker.text.removeprefix(TRIAL_START))
    except (ValueError, RecursionError):
        return None
    return details if isinstance(details, dict) and "stimulus" in details else None
