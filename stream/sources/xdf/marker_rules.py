"""A laboratory's own markers as trials, by rules: regular expressions that whole texts must match."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from memhacl.stream.signals import Marker, Trial
from memhacl.stream.sources.ratings import Scales, number_in, rated
from memhacl.stream.strict import Strict
from memhacl.stream.trials import NO_END, Told, left_out, resting, without_end

NO_START: Final = "no_start"
_STIMULUS: Final = "stimulus"
_RATING, _CATEGORY = ("scale", "value"), ("kind", "category")
_SLACK = 1e-6  # s; stamps carry rounding
_SHOWN = 5


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as problem:
        raise ValueError(f"expected a regular expression; {problem}") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class MarkerRules(Strict):
    """Which of a laboratory's markers mean what.

    Each rule is a regular expression that a marker's whole text must match; one text may match several. ``start``
    may name the group ``stimulus`` (without it the whole text is the stimulus); its other named groups are
    categories. ``rating`` names the groups ``scale`` and ``value``, or a group for each scale; ``category`` the
    groups ``kind`` and ``category``, or a group for each kind. ``stream`` is a shell pattern of names.
    """

    stream: str | None = None
    start: Pattern
    end: Pattern | None = None
    seconds: float | None = Field(None, gt=0, allow_inf_nan=False)
    rest_start: Pattern | None = None
    rest_end: Pattern | None = None
    rest_seconds: float | None = Field(None, gt=0, allow_inf_nan=False)
    rating: Pattern | None = None
    category: Pattern | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.end is None) == (self.seconds is None):
            raise ValueError("expected either 'end' or 'seconds', which say when a trial is over")
        if self.rest_seconds is not None and (self.rest_start or self.rest_end):
            raise ValueError("expected either 'rest_seconds' or 'rest_start', not both")
        if self.rest_end and not self.rest_start:
            raise ValueError("expected 'rest_start' where there is a 'rest_end'")
        for key, pattern, pair in (("rating", self.rating, _RATING), ("category", self.category, _CATEGORY)):
            names = set() if pattern is None else set(re.compile(pattern).groupindex)
            if pattern is not None and (not names or len(names & set(pair)) == 1):
                raise ValueError(f"{key}: expected the named groups '{pair[0]}' and '{pair[1]}', or one for each")
        return self


@dataclass
class _Begun:
    """A trial that has begun; its ``end`` is None as long as it has none."""

    stimulus: str
    onset: float
    rest: float
    rested: float | None
    end: float | None
    categories: dict[str, str]
    ratings: dict[str, float] = field(default_factory=dict)


def trials_by(
    rules: MarkerRules, markers: Sequence[Marker], scales: Scales, where: str, since: float, until: float
) -> Told:
    """Trials that ``markers``, in time order, tell of by ``rules``.

    ``since`` and ``until`` are the times (s) between which there are signals: no rest begins earlier, and no trial
    of a set length ends later. ``where`` names the file.

    Raises
    ------
    DataError
        A rating is no number, or outside its range in ``scales``.
    """
    reader = _Reader(rules, scales, where, since)
    for marker in markers:
        reader.take(marker)
    return reader.told(markers, until)


class _Reader:
    def __init__(self, rules: MarkerRules, scales: Scales, where: str, since: float) -> None:
        self._rules, self._scales, self._where, self._since = rules, scales, where, since
        self._begun: list[_Begun] = []
        self._rest: tuple[float, float] | None = None
        self._resting: float | None = None
        self._stray: list[str] = []  # ends without a start
        self._early: list[str] = []  # labels before any trial
        self._again: list[str] = []  # labels that a trial had already

    def take(self, marker: Marker) -> None:
        """Take a marker by every rule that it matches: ends before beginnings, labels last."""
        rules = self._rules
        begins = _match(rules.start, marker)
        if _match(rules.end, marker):
            self._end(marker, begins is not None)
        if _match(rules.rest_end, marker) and self._resting is not None:
            self._rest, self._resting = (self._resting, marker.time), None
        if _match(rules.rest_start, marker):
            self._resting = marker.time
        if begins is not None:
            self._begin(marker, begins)
        if found := _match(rules.category, marker):
            self._label(marker, {}, dict(_pairs(found, _CATEGORY)))
        if found := _match(rules.rating, marker):
            self._label(marker, self._rated(dict(_pairs(found, _RATING)), marker), {})

    def _end(self, marker: Marker, begins: bool) -> None:
        if self._begun and self._begun[-1].end is None:
            self._begun[-1].end = marker.time
        elif not begins:
            self._stray.append(_told(marker))

    def _begin(self, marker: Marker, found: re.Match[str]) -> None:
        onset, seconds = marker.time, self._rules.seconds
        last = self._begun[-1] if self._begun else None
        if last is not None and last.end is not None and last.end > onset + _SLACK:
            last.end = None  # broken off before its seconds were over
        rest, rested = resting(self._rest_before(onset, last), onset)
        named = dict(_named(found))
        stimulus = named.pop(_STIMULUS, "") or marker.text
        end = None if seconds is None else onset + seconds
        self._begun.append(_Begun(stimulus, onset, rest, rested, end, named))
        self._rest = self._resting = None

    def _rest_before(self, onset: float, last: _Begun | None) -> tuple[float, float] | None:
        """Start and end of the rest before a trial: not before the first sample, and not within another trial."""
        if self._rules.rest_seconds is not None:
            rest = onset - self._rules.rest_seconds, onset
        elif self._rest is not None:
            rest = self._rest
        elif self._resting is not None and self._rules.rest_end is None:
            rest = self._resting, onset
        else:
            return None
        earliest = self._since
        if last is not None:
            earliest = max(earliest, last.onset if last.end is None else min(last.end, onset))
        return max(rest[0], earliest), rest[1]

    def _label(self, marker: Marker, ratings: Mapping[str, float], categories: Mapping[str, str]) -> None:
        """Give the labels to the last trial that has begun, be it over or not."""
        if not self._begun:
            self._early.append(_told(marker))
            return
        trial = self._begun[-1]
        if trial.ratings.keys() & ratings or trial.categories.keys() & categories:
            self._again.append(_told(marker))
        trial.ratings.update(ratings)
        trial.categories.update(categories)

    def _rated(self, said: Mapping[str, str], marker: Marker) -> dict[str, float]:
        where = f"{self._where}, marker {_told(marker)}"
        return rated(where, {scale: number_in(text, where, scale) for scale, text in said.items()}, self._scales)

    def told(self, markers: Sequence[Marker], until: float) -> Told:
        """Return what was told in all."""
        if self._rules.seconds is not None:
            for begun in self._begun:
                begun.end = None if begun.end is None or begun.end > until + _SLACK else begun.end
        endless = [(begun.stimulus, begun.onset) for begun in self._begun if begun.end is None]
        counts = {NO_END: len(endless), NO_START: len(self._stray)}
        where = self._where
        notes = (
            *self._say_unmatched(markers),
            *without_end(endless, where),
            *left_out(where, "ends without a start", self._stray),
            *left_out(where, "labels before any trial", self._early),
            *left_out(where, "labels that a later one of the same trial replaces", self._again),
        )
        return Told(self._trials(), {reason: count for reason, count in counts.items() if count}, notes)

    def _trials(self) -> tuple[Trial, ...]:
        return tuple(
            Trial(b.stimulus, b.rest, b.onset, b.end, b.ratings, categories=b.categories, rested=b.rested)
            for b in self._begun
            if b.end is not None
        )

    def _say_unmatched(self, markers: Sequence[Marker]) -> tuple[str, ...]:
        if self._begun or not markers:
            return ()
        texts = list(dict.fromkeys(marker.text for marker in markers))
        some = ", ".join(f"{text!r:.40}" for text in texts[:_SHOWN]) + (", ..." if len(texts) > _SHOWN else "")
        return (f"{self._where}: no marker matches 'start' ({self._rules.start}); there are {some}",)


def _match(pattern: str | None, marker: Marker) -> re.Match[str] | None:
    return None if pattern is None else re.fullmatch(pattern, marker.text)  # re keeps what it has compiled


def _named(found: re.Match[str]) -> Iterator[tuple[str, str]]:
    yield from ((name, text) for name, text in found.groupdict().items() if text is not None)


def _pairs(found: re.Match[str], pair: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Yield kind and value: of the two groups of these names, else of every named group."""
    named = dict(_named(found))
    if not set(pair) <= found.re.groupindex.keys():
        yield from named.items()
    elif set(pair) <= named.keys():
        yield named[pair[0]], named[pair[1]]


def _told(marker: Marker) -> str:
    return f"{marker.text!r:.60} at {marker.time:.3f} s"
